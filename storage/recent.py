"""The last minutes of every value, in memory: packed rows, older ones deflated, a ring for each window asked for."""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

from model.sample import HOST_KEY, Snapshot

HOT_ROWS = 64
"""Newest rows of a target that are kept plain."""
FOLD_ROWS = 32
"""Older rows are deflated so many at a time."""
SWEEP_EVERY = 64
"""Ticks between two looks for targets that are gone."""
MOST_SHAPES = 4096

Names: TypeAlias = "Mapping[str, int]"
"""Metric → place in the row."""
Row: TypeAlias = "tuple[int, Names, array[float]]"


@dataclass(frozen=True, slots=True)
class Block:
    """Deflated rows of one shape, column after column."""

    times: array[int]
    names: Names
    body: bytes

    def column(self, metric: str) -> array[float] | None:
        place = self.names.get(metric)
        if place is None:
            return None
        size = 8 * len(self.times)
        values = array("d")
        values.frombytes(zlib.decompress(self.body)[place * size : (place + 1) * size])
        return values


@dataclass(slots=True)
class Ring:
    """One metric of one target, kept up while somebody asks. ``reach_ms``: the longest window so far."""

    reach_ms: int
    last_ms: int
    asked_ms: int
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, at_ms: int, value: float) -> None:
        self.times.append(at_ms)
        self.values.append(value)

    def trim(self, now_ms: int) -> None:
        old = bisect_right(self.times, now_ms - self.reach_ms)
        if old > 64 and old > len(self.times) // 2:
            del self.times[:old], self.values[:old]


@dataclass(slots=True)
class History:
    """What is remembered of one target."""

    seen_ms: int
    rows: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    rings: dict[str, Ring] = field(default_factory=dict)

    def fold(self, since_ms: int) -> None:
        """Deflate the oldest plain rows; forget blocks that ended before ``since_ms``."""
        for _, run in groupby(self.rows[:FOLD_ROWS], key=lambda row: id(row[1])):
            part = list(run)
            body = array("d")
            for values in zip(*(row for _, _, row in part), strict=True):
                body.extend(values)
            times = array("q", (at_ms for at_ms, _, _ in part))
            self.blocks.append(Block(times, part[0][1], zlib.compress(body.tobytes(), 1)))
        del self.rows[:FOLD_ROWS]
        gone = sum(block.times[-1] <= since_ms for block in self.blocks)
        del self.blocks[:gone]

    def ring(self, metric: str, reach_ms: int, now_ms: int) -> Ring:
        """The ring of a metric, up to date and reaching far enough."""
        ring = self.rings.get(metric)
        if ring is None or ring.reach_ms < reach_ms:
            ring = self.rings[metric] = Ring(reach_ms, now_ms - reach_ms, now_ms)
            for block in self.blocks:
                if block.times[-1] > ring.last_ms and (column := block.column(metric)) is not None:
                    for at_ms, value in zip(block.times, column, strict=True):
                        ring.add(at_ms, value)
        ring.asked_ms = now_ms
        fresh = 0
        for at_ms, _, _ in reversed(self.rows):
            if at_ms <= ring.last_ms:
                break
            fresh += 1
        for at_ms, names, row in self.rows[len(self.rows) - fresh :]:
            place = names.get(metric)
            if place is not None:
                ring.add(at_ms, row[place])
        ring.last_ms = now_ms
        ring.trim(now_ms)
        return ring


class RecentMemory:
    """:class:`storage.api.Recent` over the last ``seconds``. For the tick thread alone."""

    def __init__(self, seconds: float = 900) -> None:
        self._reach_ms = round(seconds * 1000)
        self._latest: Snapshot | None = None
        self._first_ms: int | None = None
        self._histories: dict[str, History] = {}
        self._shapes: dict[tuple[str, ...], Names] = {}
        self._ticks = 0

    def append(self, snapshot: Snapshot) -> None:
        at_ms = snapshot.at_ms
        if self._latest is not None and at_ms <= self._latest.at_ms:
            self._forget()  # the clock went back: a window over both times would tell nonsense
        self._latest = snapshot
        if self._first_ms is None:
            self._first_ms = at_ms
        self._take(HOST_KEY, snapshot.host_sample.values, at_ms)
        for key, sample in snapshot.samples.items():
            self._take(key, sample.values, at_ms)
        self._ticks += 1
        if self._ticks % SWEEP_EVERY == 0:
            self._sweep(at_ms)

    def _take(self, key: str, values: Mapping[str, float], at_ms: int) -> None:
        history = self._histories.get(key)
        if history is None:
            history = self._histories[key] = History(at_ms)
        names = tuple(values)
        places = self._shapes.get(names)
        if places is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            places = self._shapes[names] = {name: i for i, name in enumerate(names)}
        history.seen_ms = at_ms
        history.rows.append((at_ms, places, array("d", values.values())))
        if len(history.rows) >= HOT_ROWS + FOLD_ROWS:
            history.fold(at_ms - self._reach_ms)

    def _sweep(self, now_ms: int) -> None:
        """Forget targets that are gone and rings that nobody asks for any more."""
        for key in [k for k, h in self._histories.items() if h.seen_ms <= now_ms - self._reach_ms]:
            del self._histories[key]
        for history in self._histories.values():
            for metric in [m for m, ring in history.rings.items() if ring.asked_ms < now_ms - 60_000]:
                del history.rings[metric]

    def _forget(self) -> None:
        self._histories.clear()
        self._first_ms = None

    def latest(self) -> Snapshot | None:
        return self._latest

    def window(self, key: str, metric: str, seconds: float) -> Sequence[tuple[int, float]]:
        history = self._histories.get(key)
        if history is None or self._latest is None:
            return ()
        now_ms = self._latest.at_ms
        reach_ms = min(round(seconds * 1000), self._reach_ms)
        ring = history.ring(metric, reach_ms, now_ms)
        first = bisect_right(ring.times, now_ms - reach_ms)
        return list(zip(ring.times[first:], ring.values[first:], strict=True))

    def covered_s(self) -> float:
        if self._latest is None or self._first_ms is None:
            return 0.0
        covered = (self._latest.at_ms - self._first_ms) / 1000 + self._latest.interval_s
        return min(covered, self._reach_ms / 1000)
