"""Ticks into buckets, buckets into wider ones: count, sum, minimum, maximum as integers, exact at any depth. Pure.

Every sample in a bucket weighs the same; a sample that is missing weighs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import add, floordiv, sub

from model.errors import Malformed
from storage.sqlite.codec import Chunk, bitmap, encode_chunk

VALUE, BELOW, ABOVE, COUNT = 0, 1, 2, 3
"""Role of a column in the low bits of its key: value or sum, mean minus minimum, maximum minus mean, count."""
ROWS = COUNT
"""Key of the number of ticks in each bucket."""
Bounds = Sequence[tuple[int, int, int]]
"""(start of the bucket, first row, row after the last)."""


@dataclass(frozen=True, slots=True)
class Column:
    """Four equally long lists; count 0: no sample, the rest is 0."""

    counts: list[int]
    sums: list[int]
    lows: list[int]
    highs: list[int]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets by their start, growing. ``ticks``: how many ticks each holds; ``columns`` by metric id."""

    times: list[int]
    ticks: list[int]
    columns: dict[int, Column]


def bounds(times: Sequence[int], width_ms: int) -> Bounds:
    """Which rows fall into which bucket (a bucket starts at a multiple of its width)."""
    if isinstance(times, range) and times and width_ms % times.step == 0 and times[0] % times.step == 0:
        return _regular_bounds(times, width_ms)
    found: list[tuple[int, int, int]] = []
    first = 0
    for i in range(1, len(times) + 1):
        start = times[first] - times[first] % width_ms
        if i == len(times) or times[i] >= start + width_ms:
            found.append((start, first, i))
            first = i
    return found


def _regular_bounds(times: range, width_ms: int) -> Bounds:
    start = times[0] - times[0] % width_ms
    rows = width_ms // times.step
    first = -(times[0] - start) // times.step
    total = len(times)
    count = -(-(total - first) // rows)
    inner = range(first + rows, total, rows)
    return list(zip(range(start, start + count * width_ms, width_ms), (0, *inner), (*inner, total), strict=True))


def column_of(values: Sequence[int | None], where: Bounds) -> Column:
    """Count, sum, minimum and maximum of each bucket."""
    if not where:
        return Column([], [], [], [])
    if None in values:
        return _sparse_column(values, where)
    full: Sequence[int] = values  # type: ignore[assignment]
    if full.count(full[0]) == len(full):  # most columns of most containers
        counts = [b - a for _, a, b in where]
        steady = [full[0]] * len(counts)
        return Column(counts, [full[0] * n for n in counts], steady, steady)
    rows = where[-1][2] - where[-1][1] if len(where) == 1 else where[0][2] - where[0][1]
    if rows > 1 and all(b - a == rows for _, a, b in where):
        groups = list(zip(*[iter(full)] * rows, strict=True))
    else:
        groups = [tuple(full[a:b]) for _, a, b in where]
    return Column(list(map(len, groups)), list(map(sum, groups)), list(map(min, groups)), list(map(max, groups)))


def _sparse_column(values: Sequence[int | None], where: Bounds) -> Column:
    column = Column([], [], [], [])
    for _, a, b in where:
        there = [v for v in values[a:b] if v is not None]
        column.counts.append(len(there))
        column.sums.append(sum(there))
        column.lows.append(min(there, default=0))
        column.highs.append(max(there, default=0))
    return column


def rolled(times: Sequence[int], columns: Mapping[int, Sequence[int | None]], width_ms: int) -> Buckets:
    """Buckets of ticks."""
    where = bounds(times, width_ms)
    return Buckets(
        [start for start, _, _ in where],
        [b - a for _, a, b in where],
        {metric: column_of(values, where) for metric, values in columns.items()},
    )


def merged(column: Column, where: Bounds) -> Column:
    """A column of buckets in wider buckets."""
    wide = Column([], [], [], [])
    whole = 0 not in column.counts
    for _, a, b in where:
        wide.counts.append(sum(column.counts[a:b]))
        wide.sums.append(sum(column.sums[a:b]))
        if whole:
            wide.lows.append(min(column.lows[a:b]))
            wide.highs.append(max(column.highs[a:b]))
        else:
            wide.lows.append(
                min((v for v, n in zip(column.lows[a:b], column.counts[a:b], strict=True) if n), default=0)
            )
            wide.highs.append(
                max((v for v, n in zip(column.highs[a:b], column.counts[a:b], strict=True) if n), default=0)
            )
    return wide


def wider(narrow: Buckets, width_ms: int) -> Buckets:
    """Buckets of buckets; ``width_ms`` is a multiple of the narrow width."""
    where = bounds(narrow.times, width_ms)
    return Buckets(
        [start for start, _, _ in where],
        [sum(narrow.ticks[a:b]) for _, a, b in where],
        {metric: merged(column, where) for metric, column in narrow.columns.items()},
    )


def joined(parts: Sequence[Buckets]) -> Buckets:
    """One after the other. A metric that a part lacks has count 0 there."""
    metrics = dict.fromkeys(chain.from_iterable(p.columns for p in parts))
    columns = {}
    for metric in metrics:
        whole = Column([], [], [], [])
        for part in parts:
            column = part.columns.get(metric)
            if column is None:
                nothing = [0] * len(part.times)
                column = Column(nothing, nothing, nothing, nothing)
            whole.counts.extend(column.counts)
            whole.sums.extend(column.sums)
            whole.lows.extend(column.lows)
            whole.highs.extend(column.highs)
        columns[metric] = whole
    return Buckets([t for p in parts for t in p.times], [n for p in parts for n in p.ticks], columns)


def cut(whole: Buckets, first: int, after: int) -> Buckets:
    """Buckets ``first`` up to ``after`` by their place."""
    return Buckets(
        whole.times[first:after],
        whole.ticks[first:after],
        {
            metric: Column(c.counts[first:after], c.sums[first:after], c.lows[first:after], c.highs[first:after])
            for metric, c in whole.columns.items()
        },
    )


def encode_rows(times: Sequence[int], columns: Mapping[int, Sequence[int | None]]) -> bytes:
    """Chunk of ticks."""
    parts: dict[int, tuple[Sequence[int], bytes]] = {}
    for metric, values in columns.items():
        if None in values:
            there = [i for i, v in enumerate(values) if v is not None]
            parts[metric << 2] = [v for v in values if v is not None], bitmap(there, len(values))
        else:
            parts[metric << 2] = values, b""  # type: ignore[assignment]
    return encode_chunk(times, parts)


def encode_buckets(whole: Buckets) -> bytes:
    """Chunk of buckets: per metric the sum, how far minimum and maximum lie from the mean, and the count
    where it is not the number of ticks."""
    parts: dict[int, tuple[Sequence[int], bytes]] = {ROWS: (whole.ticks, b"")}
    for metric, c in whole.columns.items():
        means = list(map(floordiv, c.sums, c.counts)) if 0 not in c.counts else _means(c)
        key = metric << 2
        parts[key | VALUE] = c.sums, b""
        parts[key | BELOW] = list(map(sub, means, c.lows)), b""
        parts[key | ABOVE] = list(map(sub, c.highs, means)), b""
        if c.counts != whole.ticks:
            parts[key | COUNT] = c.counts, b""
    return encode_chunk(whole.times, parts)


def _means(column: Column) -> list[int]:
    return [s // n if n else 0 for s, n in zip(column.sums, column.counts, strict=True)]


def decode_bucket_column(chunk: Chunk, metric: int) -> Column | None:
    """One metric of a chunk of buckets; None where the chunk has none. Raises :class:`Malformed`."""
    key = metric << 2
    sums = _whole(chunk, key | VALUE)
    if sums is None:
        return None
    counts = _whole(chunk, key | COUNT) or _whole(chunk, ROWS)
    below, above = _whole(chunk, key | BELOW), _whole(chunk, key | ABOVE)
    if counts is None or below is None or above is None:
        raise Malformed("chunk of buckets lacks a column")
    column = Column(counts, sums, [], [])
    means = list(map(floordiv, sums, counts)) if 0 not in counts else _means(column)
    column.lows.extend(map(sub, means, below))
    column.highs.extend(map(add, means, above))
    return column


def decode_buckets(chunk: Chunk) -> Buckets:
    """Every metric of a chunk of buckets. Raises :class:`Malformed`."""
    columns = {}
    for metric in dict.fromkeys(key >> 2 for key in chunk.keys if key > ROWS):
        column = decode_bucket_column(chunk, metric)
        if column is not None:
            columns[metric] = column
    return Buckets(list(chunk.times()), _whole(chunk, ROWS) or [], columns)


def decode_rows(chunk: Chunk) -> tuple[Sequence[int], dict[int, list[int | None]]]:
    """Times and every metric of a chunk of ticks. Raises :class:`Malformed`."""
    columns = {}
    for key in chunk.keys:
        values = chunk.column(key) if key > ROWS else None
        if values is not None:
            columns[key >> 2] = values
    return chunk.times(), columns


def _whole(chunk: Chunk, key: int) -> list[int] | None:
    column = chunk.column(key)
    if column is not None and None in column:
        raise Malformed("chunk of buckets has a hole")
    return column  # type: ignore[return-value]
