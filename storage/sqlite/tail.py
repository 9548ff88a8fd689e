"""The last minutes, tick by tick: what makes each tick durable long before it is sealed into chunks. Pure.

A tick is one blob of segments; a segment holds the rows of a few series, so that a reader who wants one
series inflates little. A key segment stands alone; one between them holds differences: levels (gauges)
against the tick before, everything else plain. Form: docs/storage.md.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import add, mul, sub
from struct import Struct

from model.errors import Malformed
from storage.sqlite.codec import SIGNED, joined, planes, width_of
from storage.sqlite.ring import padded_size

VERSION = 1
HEAD = Struct("<IBH")
"""crc32 of what follows, version, segments."""
SEGMENT = Struct("<HBII")
"""Number of the segment, width of its values (bit 7: key), bytes of the series list, bytes of the body."""
KEY = 0x80
INT64 = 1 << 63


@dataclass(frozen=True, slots=True)
class Layout:
    """Which values a segment holds, in order: ``metrics[i]`` of ``series[i]``.

    ``levels``: one 0 or 1 per value; 1: between key segments the difference to the tick before is kept.
    """

    series: tuple[int, ...]
    metrics: tuple[tuple[int, ...], ...]
    levels: array[int]


def encode_key(layout: Layout, values: array[int]) -> tuple[int, bytes, bytes]:
    """(flags, series list, body) of a segment that stands alone."""
    flat = [m for metrics in layout.metrics for m in metrics]
    body = (
        planes("H", [len(m) for m in layout.metrics])
        + planes("H", flat)
        + layout.levels.tobytes()
        + planes("q", values)
    )
    return KEY | 3, planes("I", layout.series), zlib.compress(body, 1)


def encode_delta(layout: Layout, values: array[int], before: array[int]) -> tuple[int, bytes, bytes] | None:
    """The same for one that leans on the tick before; None where a difference does not fit 64 bits."""
    deltas = list(map(sub, values, map(mul, before, layout.levels)))
    span = 2 * max(-1 - min(deltas), *deltas) if deltas else 0
    if span >= 2 * INT64:
        return None
    width = width_of(span)
    return width, b"", zlib.compress(planes(SIGNED[width], deltas), 1)


def encode_tick(segments: Sequence[tuple[int, tuple[int, bytes, bytes]]]) -> bytes:
    """One blob of (segment number, encoded segment), padded with zeros (see :mod:`storage.sqlite.ring`)."""
    parts: list[bytes] = []
    for number, (flags, series, body) in segments:
        parts += (SEGMENT.pack(number, flags, len(series), len(body)), series, body)
    rest = b"".join((HEAD.pack(0, VERSION, len(segments))[4:], *parts))
    rest = rest.ljust(padded_size(len(rest) + 4) - 4, b"\0")
    return zlib.crc32(rest).to_bytes(4, "little") + rest


def segments(blob: bytes) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """(number, flags, series list, body) of each; raises :class:`Malformed` when the blob is not whole."""
    if len(blob) < HEAD.size:
        raise Malformed("tick is too short")
    crc, version, count = HEAD.unpack_from(blob)
    view = memoryview(blob)
    if crc != zlib.crc32(view[4:]):
        raise Malformed("tick does not match its checksum")
    if version != VERSION:
        raise Malformed(f"tick has form {version}, this release reads {VERSION}: upgrade wharfinger")
    at = HEAD.size
    for _ in range(count):
        number, flags, listed, length = SEGMENT.unpack_from(blob, at)
        at += SEGMENT.size
        yield number, flags, view[at : at + listed], view[at + listed : at + listed + length]
        at += listed + length


def decode_key(series: memoryview, body: memoryview) -> tuple[Layout, array[int]]:
    ids = tuple(joined("I", bytes(series)))
    data = zlib.decompress(body)
    lengths = joined("H", data[: 2 * len(ids)])
    at, total = 2 * len(ids), sum(lengths)
    flat = joined("H", data[at : at + 2 * total])
    at += 2 * total
    levels = array("b", data[at : at + total])
    ends = list(accumulate(lengths, initial=0))
    metrics = tuple(tuple(flat[a:b]) for a, b in pairwise(ends))
    return Layout(ids, metrics, levels), joined("q", data[at + total :])


@dataclass(slots=True)
class Followed:
    """A segment that is being followed: ``places`` of the values that are wanted, ``values`` as of the last tick.

    ``rows``: (series, metric ids, first, after) in ``values``.
    """

    total: int
    places: Sequence[int]
    levels: array[int]
    values: array[int]
    rows: list[tuple[int, tuple[int, ...], int, int]]

    def advance(self, width: int, body: bytes) -> None:
        """Apply one tick of differences."""
        code = SIGNED[width]
        if len(self.places) * 8 > self.total:
            deltas: Sequence[int] = joined(code, body)
            if len(self.places) != self.total:
                deltas = [deltas[i] for i in self.places]
        else:  # few are wanted: pick their bytes out of the planes
            total = self.total
            deltas = [int.from_bytes(body[i::total], "little", signed=True) for i in self.places]
        self.values = array("q", map(add, deltas, map(mul, self.values, self.levels)))


class TailReader:
    """Follows segments from tick to tick and gives the wanted metrics of the wanted series; None: all.

    Not thread-safe. Before its first key segment a segment number is silent.
    """

    def __init__(self, wanted: frozenset[int] | None = None, metrics: frozenset[int] | None = None) -> None:
        self._wanted = wanted
        self._metrics = metrics
        self._open: dict[int, Followed] = {}

    def read(self, blob: bytes) -> dict[int, tuple[tuple[int, ...], array[int]]]:
        """Series → (metric ids, values) of one tick; ticks must be given in order. Raises :class:`Malformed`."""
        rows: dict[int, tuple[tuple[int, ...], array[int]]] = {}
        try:
            for number, flags, series, body in segments(blob):
                followed = self._segment(number, flags, series, body)
                if followed is not None:
                    for one, metrics, first, after in followed.rows:
                        rows[one] = metrics, followed.values[first:after]
        except (zlib.error, ValueError, IndexError) as e:
            self._open.clear()
            raise Malformed(f"tick does not decode: {e}") from e
        except Malformed:
            self._open.clear()
            raise
        return rows

    def _segment(self, number: int, flags: int, series: memoryview, body: memoryview) -> Followed | None:
        if flags & KEY:
            self._open.pop(number, None)
            if self._wanted is None or not self._wanted.isdisjoint(joined("I", bytes(series))):
                self._open[number] = self._follow(*decode_key(series, body))
        elif number in self._open:
            self._open[number].advance(flags & 3, zlib.decompress(body))
        return self._open.get(number)

    def _follow(self, layout: Layout, values: array[int]) -> Followed:
        places: list[int] = []
        rows = []
        start = 0
        for one, metrics in zip(layout.series, layout.metrics, strict=True):
            if self._wanted is None or one in self._wanted:
                first = len(places)
                kept = [i for i, metric in enumerate(metrics) if self._metrics is None or metric in self._metrics]
                places += [start + i for i in kept]
                rows.append((one, tuple(metrics[i] for i in kept), first, len(places)))
            start += len(metrics)
        levels = array("b", (layout.levels[i] for i in places))
        return Followed(start, places, levels, array("q", (values[i] for i in places)), rows)
