"""The last minutes, tick by tick: what makes each tick durable long before it is sealed into chunks. Pure.

A tick is one blob of segments; a segment holds the rows of a few series, so that a reader who wants one
series inflates little. A key segment stands alone; one between them holds differences: levels (gauges)
against the tick before, everything else plain. Form: docs/storage.md.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import add, mul, sub
from struct import Struct

from model.errors import Malformed
from storage.sqlite.codec import SIGNED, joined, planes, width_of

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

    def starts(self) -> dict[int, int]:
        """Series → place of its first value."""
        places = accumulate((len(m) for m in self.metrics), initial=0)
        return dict(zip(self.series, places, strict=False))


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
    """One blob of (segment number, encoded segment)."""
    parts: list[bytes] = []
    for number, (flags, series, body) in segments:
        parts += (SEGMENT.pack(number, flags, len(series), len(body)), series, body)
    rest = b"".join((HEAD.pack(0, VERSION, len(segments))[4:], *parts))
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


class TailReader:
    """Follows segments from tick to tick and gives the rows of the series that are wanted.

    Not thread-safe. Before its first key segment a segment number is silent.
    """

    def __init__(self, wanted: frozenset[int] | None = None) -> None:
        self._wanted = wanted
        self._open: dict[int, tuple[Layout, dict[int, int], array[int]]] = {}

    def read(self, blob: bytes) -> Mapping[int, tuple[tuple[int, ...], array[int]]]:
        """Series → (metric ids, values) of one tick; ticks must be given in order. Raises :class:`Malformed`."""
        rows: dict[int, tuple[tuple[int, ...], array[int]]] = {}
        try:
            for number, flags, series, body in segments(blob):
                self._segment(number, flags, series, body, rows)
        except (zlib.error, ValueError) as e:
            self._open.clear()
            raise Malformed(f"tick does not decode: {e}") from e
        except Malformed:
            self._open.clear()
            raise
        return rows

    def _segment(
        self,
        number: int,
        flags: int,
        series: memoryview,
        body: memoryview,
        rows: dict[int, tuple[tuple[int, ...], array[int]]],
    ) -> None:
        if flags & KEY:
            self._open.pop(number, None)
            if self._wanted is not None and self._wanted.isdisjoint(joined("I", bytes(series))):
                return
            layout, values = decode_key(series, body)
            starts = layout.starts()
        elif number in self._open:
            layout, starts, before = self._open[number]
            deltas = joined(SIGNED[flags & 3], zlib.decompress(body))
            values = array("q", map(add, deltas, map(mul, before, layout.levels)))
        else:
            return
        self._open[number] = layout, starts, values
        for one, metrics in zip(layout.series, layout.metrics, strict=True):
            if self._wanted is None or one in self._wanted:
                start = starts[one]
                rows[one] = metrics, values[start : start + len(metrics)]
