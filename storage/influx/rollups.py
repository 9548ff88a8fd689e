"""Seconds rolled up while they pass: 10 s, 1 min, 1 h, each a measurement of its own. Pure.

A bucket is one point for each series, with four fields a metric: ``x_sum``, ``x_n`` (how many seconds), ``x_min``
and ``x_max``. Sums and numbers add up, so that a mean over any wider bucket is exact whatever is missing. The
point's time is that of the first second in it, not the bucket's start: two agents, or one before and after its
restart, that each saw a part of a bucket write two points that add up, and none overwrites the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

TEN_S: Final = 10_000
MINUTE: Final = 60_000
HOUR: Final = 3_600_000
SUFFIXES: Final[Mapping[int, str]] = {TEN_S: "_10s", MINUTE: "_1m", HOUR: "_1h"}
"""Width of a bucket in ms → what its measurements end with."""
PARTS: Final = ("sum", "n", "min", "max")
"""Fields of a metric; InfluxQL puts a wider bucket together with :data:`AGAIN`."""
AGAIN: Final = ("sum", "sum", "min", "max")

_FIRST, _LAST = itemgetter(0), itemgetter(-1)

Row = tuple[tuple[str, ...], tuple[float, ...]]
"""One second of a series: names of its metrics, and their values. Rows of the same names best share their tuple."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some seconds of one series: of each metric in ``names`` how many, their sum, the least and the largest."""

    first_ms: int
    names: tuple[str, ...]
    counts: tuple[int, ...]
    sums: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


def part_of(first_ms: int, rows: Sequence[Row]) -> Part:
    """One part out of seconds that follow each other."""
    names = rows[0][0]
    if all(row[0] is names or row[0] == names for row in rows):
        columns = list(zip(*(row[1] for row in rows), strict=True))
    else:
        found: dict[str, list[float]] = {}
        for row in rows:
            for name, value in zip(*row, strict=True):
                found.setdefault(name, []).append(value)
        names, columns = tuple(found), [tuple(values) for values in found.values()]
    ordered = list(map(sorted, columns))  # of ten values as quick as looking for the least of them
    return Part(
        first_ms,
        names,
        tuple(map(len, columns)),
        tuple(map(sum, columns)),
        tuple(map(_FIRST, ordered)),
        tuple(map(_LAST, ordered)),
    )


def merged(parts: Sequence[Part]) -> Part:
    """Parts of one bucket as one; the oldest comes first."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if all(part.names == first.names for part in parts):
        return Part(
            first.first_ms,
            first.names,
            tuple(map(sum, zip(*(p.counts for p in parts), strict=True))),
            tuple(map(sum, zip(*(p.sums for p in parts), strict=True))),
            tuple(map(min, zip(*(p.lows for p in parts), strict=True))),
            tuple(map(max, zip(*(p.highs for p in parts), strict=True))),
        )
    found: dict[str, list[tuple[int, float, float, float]]] = {}
    for part in parts:
        numbers = zip(part.counts, part.sums, part.lows, part.highs, strict=True)
        for name, row in zip(part.names, numbers, strict=True):
            found.setdefault(name, []).append(row)
    return Part(
        first.first_ms,
        tuple(found),
        tuple(sum(row[0] for row in rows) for rows in found.values()),
        tuple(sum(row[1] for row in rows) for rows in found.values()),
        tuple(min(row[2] for row in rows) for rows in found.values()),
        tuple(max(row[3] for row in rows) for rows in found.values()),
    )


@dataclass(slots=True)
class Ladder:
    """The open buckets of one series: seconds of the ten, tens of the minute, minutes of the hour.

    ``tags`` is what its lines say behind the measurement. A clock that went back closes what is open.
    """

    tags: str
    _ten: int = -1
    _first_ms: int = 0
    _rows: list[Row] = field(default_factory=list)
    _head: Part | None = None
    _tens: list[Part] = field(default_factory=list)
    _minutes: list[Part] = field(default_factory=list)

    def add(self, at_ms: int, row: Row) -> Sequence[tuple[int, Part]]:
        """Take one second; the buckets that it closes, as (width, part)."""
        ten = at_ms // TEN_S
        closed: Sequence[tuple[int, Part]] = ()
        if ten != self._ten:
            closed = self._close(at_ms) if self._ten >= 0 else ()
            self._ten, self._first_ms = ten, at_ms
        self._rows.append(row)
        return closed

    def finish(self) -> Sequence[tuple[int, Part]]:
        """Close everything: the series has ended."""
        closed = self._close(None) if self._ten >= 0 else ()
        self._ten = -1
        return closed

    @property
    def is_open(self) -> bool:
        return bool(self._rows or self._head or self._tens or self._minutes)

    def saved(self) -> list[Any]:
        """The open buckets for :meth:`restored`, in types that msgpack knows."""
        parts = [*self._minutes, *self._tens]
        ten = self._open_ten()
        return [self.tags, self._ten, len(self._minutes), len(self._tens), [*parts, *([ten] if ten else [])]]

    @classmethod
    def restored(cls, tags: str, ten: int, minutes: int, tens: int, parts: Sequence[Part]) -> Ladder:
        """Go on where another process stopped."""
        ladder = cls(tags, ten)
        ladder._minutes = list(parts[:minutes])
        ladder._tens = list(parts[minutes : minutes + tens])
        ladder._head = parts[minutes + tens] if len(parts) > minutes + tens else None
        return ladder

    def _open_ten(self) -> Part | None:
        parts = [self._head] if self._head is not None else []
        if self._rows:
            parts.append(part_of(self._first_ms, self._rows))
        return merged(parts) if parts else None

    def _close(self, next_ms: int | None) -> Sequence[tuple[int, Part]]:
        """Close the ten, and the minute and the hour where ``next_ms`` lies beyond them; None: all."""
        closed: list[tuple[int, Part]] = []
        start = self._ten * TEN_S
        ten = self._open_ten()
        self._rows, self._head = [], None
        if ten is not None:
            self._tens.append(ten)
            closed.append((TEN_S, ten))
        if self._tens and (next_ms is None or next_ms // MINUTE != start // MINUTE):
            minute = merged(self._tens)
            self._tens = []
            self._minutes.append(minute)
            closed.append((MINUTE, minute))
        if self._minutes and (next_ms is None or next_ms // HOUR != start // HOUR):
            hour = merged(self._minutes)
            self._minutes = []
            closed.append((HOUR, hour))
        elif len(self._minutes) > 1:
            self._minutes = [merged(self._minutes)]
        return closed
