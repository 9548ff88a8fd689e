"""Rows of one series that are not sealed yet, and the segments in which all of them go to the tail. No I/O."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from model.target import Target
from storage.sqlite import tail
from storage.sqlite.ladder import Ladder
from storage.sqlite.shapes import Known, Row, Shape

SERIES_A_SEGMENT = 16
KEY_EVERY = 30
"""Ticks between two key segments: how far before a tick a reader must begin."""

Identity = tuple[str, str, str | None, str | None, str | None]
"""Name, runtime, image, group, service."""


def identity_of(target: Target | None, host: str) -> Identity:
    """Of a container; without a target (the host's own series): the host's name."""
    if target is None:
        return host, "host", None, None, None
    return target.name, target.id.runtime, target.image, target.group, target.service


@dataclass(slots=True)
class Buffer:
    """One series in memory. ``ladder`` None: to be read back from the file before the first sealing."""

    id: int
    key: str
    identity: Identity
    seal_ms: int
    seen_ms: int
    ladder: Ladder | None
    target: Target | None = None
    times: list[int] = field(default_factory=list)
    rows: list[tuple[tuple[int, ...], array[int]]] = field(default_factory=list)
    known: Known | None = None
    """How the newest row came about."""

    def take(self, at_ms: int, metrics: tuple[int, ...], row: array[int]) -> None:
        self.times.append(at_ms)
        self.rows.append((metrics, row))
        self.seen_ms = at_ms

    def rows_before(self, end_ms: int) -> int:
        return bisect_left(self.times, end_ms)

    def columns(self, rows: int) -> dict[int, Sequence[int | None]]:
        """The first rows by metric; None where a row lacks it."""
        part = self.rows[:rows]
        first = part[0][0]
        if [metrics for metrics, _ in part].count(first) == rows:
            flat, width = array("q"), len(first)
            for _, row in part:
                flat.extend(row)
            return {metric: flat[i::width] for i, metric in enumerate(first)}
        columns: dict[int, list[int | None]] = {}
        for i, (metrics, row) in enumerate(part):
            for metric, value in zip(metrics, row, strict=True):
                columns.setdefault(metric, [None] * rows)[i] = value
        return dict(columns)

    def drop(self, rows: int) -> None:
        del self.times[:rows], self.rows[:rows]

    def values(self, names: Mapping[int, tuple[str, int]]) -> dict[str, float]:
        """The newest row by name, in the metrics' own units."""
        if not self.rows:
            return {}
        metrics, row = self.rows[-1]
        return {names[m][0]: v / names[m][1] for m, v in zip(metrics, row, strict=True)}


@dataclass(slots=True)
class Segment:
    number: int
    members: list[int] = field(default_factory=list)
    layout: tail.Layout | None = None
    shapes: tuple[tuple[int, Shape], ...] = ()
    before: array[int] = field(default_factory=lambda: array("q"))
    age: int = 0

    def encode(self, rows: Mapping[int, Row]) -> tuple[int, bytes, bytes] | None:
        """This tick's part of the members that are in it; None when none is."""
        there = [(member, rows[member]) for member in self.members if member in rows]
        if not there:
            self.layout = None
            return None
        shapes = tuple((member, row[0]) for member, row in there)
        values = array("q")
        for _, (_, row) in there:
            values.extend(row)
        self.age += 1
        part = None
        if self.layout is not None and self.age < KEY_EVERY and shapes == self.shapes:
            part = tail.encode_delta(self.layout, values, self.before)
        if part is None:
            if self.layout is None or shapes != self.shapes:
                self.layout = tail.Layout(
                    tuple(member for member, _ in shapes),
                    tuple(shape.metrics for _, shape in shapes),
                    array("b", b"".join(shape.levels for _, shape in shapes)),
                )
                self.shapes = shapes
            self.age = self.number % KEY_EVERY if self.age < KEY_EVERY else 0
            part = tail.encode_key(self.layout, values)
        self.before = values
        return part


class Segments:
    """Which series goes to the tail in which segment."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._place: dict[int, Segment] = {}

    def add(self, series: int) -> None:
        if series in self._place:
            return
        segment = next((s for s in self._segments if len(s.members) < SERIES_A_SEGMENT), None)
        if segment is None:
            segment = Segment(len(self._segments))
            self._segments.append(segment)
        segment.members.append(series)
        self._place[series] = segment

    def remove(self, series: int) -> None:
        segment = self._place.pop(series, None)
        if segment is not None:
            segment.members.remove(series)

    def restart(self) -> None:
        """The next tick stands alone: the one before did not reach the file."""
        for segment in self._segments:
            segment.layout = None

    def encode(self, rows: Mapping[int, Row]) -> bytes:
        parts = ((s.number, s.encode(rows)) for s in self._segments)
        return tail.encode_tick([(number, part) for number, part in parts if part is not None])
