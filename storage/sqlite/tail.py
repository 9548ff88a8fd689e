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
from typing import TypeAlias

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

TailRow: TypeAlias = "tuple[tuple[int, ...], array[int]]"
"""Metric ids and values of one series."""


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
    """A segment that is being followed: its layout, and the values as of the last tick."""

    layout: Layout
    values: array[int]

    def advance(self, width: int, body: bytes) -> None:
        """Apply one tick of differences."""
        self.values = array("q", map(add, joined(SIGNED[width], body), map(mul, self.values, self.layout.levels)))

    def rows(self) -> Iterator[tuple[int, TailRow]]:
        """Each series with its part of the values."""
        first = 0
        for one, metrics in zip(self.layout.series, self.layout.metrics, strict=True):
            yield one, (metrics, self.values[first : first + len(metrics)])
            first += len(metrics)


class TailReader:
    """Follows every segment from tick to tick. Not thread-safe. Before its first key a segment is silent."""

    def __init__(self) -> None:
        self._open: dict[int, Followed] = {}

    def read(self, blob: bytes) -> dict[int, TailRow]:
        """The row of each series in one tick; ticks must be given in order. Raises :class:`Malformed`."""
        rows: dict[int, TailRow] = {}
        try:
            for number, flags, series, body in segments(blob):
                if flags & KEY:
                    self._open[number] = Followed(*decode_key(series, body))
                elif number in self._open:
                    self._open[number].advance(flags & 3, zlib.decompress(body))
                else:
                    continue
                rows.update(self._open[number].rows())
        except (zlib.error, ValueError, IndexError) as e:
            self._open.clear()
            raise Malformed(f"tick does not decode: {e}") from e
        except Malformed:
            self._open.clear()
            raise
        return rows
