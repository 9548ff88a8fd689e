"""One windowed condition over all containers at once: running totals in place of a window each.

The answer of :meth:`Watch.step` has every container of which the condition is true, and few others: points that meet
the threshold are counted (``max min p95 last``), summed (``avg``) or compared with the oldest (``rate``). Whoever asks
judges those exactly (``alerts/condition.py``).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from itertools import repeat
from math import ceil, isnan
from operator import add, ne, sub

from alerts.columns.roster import NAN, Roster
from alerts.condition import ABSENT, COMPARISONS, LEAST_COVERAGE
from model.alert import Condition
from storage.api import Recent

UPWARD = (">", ">=")
EITHER = ("==", "!=")
LAST_INTERVALS = 3
"""``last`` takes a value that is at most so many intervals old."""
LOOSE = 1e-6
"""A running sum may be off by this share of its bound."""
ANEW_EVERY = 8
"""Ticks between two corrections of running sums."""
SUMMED, COUNTED, COMPARED, CHANGED = "summed", "counted", "compared", "changed"
KIND_OF = {"avg": SUMMED, "rate": COMPARED, "changed": CHANGED}


class Watch:
    """Steps once a tick with its roster; remembers one column a tick of its window. Not thread-safe."""

    def __init__(self, condition: Condition, coverage: float = LEAST_COVERAGE) -> None:
        """``coverage``: share of the window that must be there."""
        self.condition = condition
        self._coverage = coverage
        self._metric = condition.metric or ""
        self._kind = KIND_OF.get(condition.function, COUNTED)
        self._compare = COMPARISONS[condition.comparison]
        self._age = -1
        self._unsure: dict[int, int] = {}
        """Places of which the recent minutes know more than this watch saw, and until when that counts."""
        self._reset()

    def step(self, roster: Roster, recent: Recent, interval_s: float) -> list[str]:
        """Take the roster's tick in and name the containers that the condition may be true of."""
        if roster.age != self._age:
            self._age = roster.age
            self._reset()
        window_s = max(self.condition.window_s, interval_s)
        if self.condition.function == "last":
            window_s = min(window_s, LAST_INTERVALS * interval_s + 0.001)
        self._drop(roster.at_ms - round(window_s * 1000))
        self._grow(roster, recent, window_s, interval_s)
        if not self._times or self._times[-1] < roster.at_ms:
            self._take(roster.at_ms, roster.column(self._metric, self.condition.divisor))
        enough = 1.0 if self.condition.function == "last" else self._coverage * self.condition.window_s / interval_s
        named = self._named(roster) if len(self._times) >= enough else []
        if self._unsure:
            self._unsure = {place: ms for place, ms in self._unsure.items() if ms > roster.at_ms}
            named = list({*named, *(roster.keys[place] for place in self._unsure)})
        return named

    def _reset(self) -> None:
        self._times: deque[int] = deque()
        self._marks: deque[Sequence[float]] = deque()
        self._gaps: deque[bytes | None] = deque()
        self._totals: list[float] = []
        self._missing: list[int] = []
        self._last = array("d")
        self._unsure = {}
        self._turn = self._taken = 0

    def _grow(self, roster: Roster, recent: Recent, window_s: float, interval_s: float) -> None:
        """Make room for new containers, and mark those that have a past."""
        before, more = len(self._missing), len(roster.keys) - len(self._missing)
        if not more and not roster.fresh:
            return
        self._totals += [0] * more
        self._missing += [len(self._times)] * more
        self._last.extend([NAN] * more)
        if recent.covered_s() > interval_s:
            until_ms = roster.at_ms + round(window_s * 1000)
            for place in {*roster.fresh, *range(before, before + more)}:
                past = recent.window(roster.keys[place], self._metric, window_s)
                if past and past[0][0] < roster.at_ms:
                    self._unsure[place] = until_ms

    def _take(self, at_ms: int, column: array[float]) -> None:
        total = sum(column)
        gap = bytes(map(ne, column, column)) if isnan(total) else None
        mark = self._mark(column, gap)
        if self._kind != COMPARED:
            self._totals = list(map(add, self._totals, mark))
        if gap is not None:
            self._missing = list(map(add, self._missing, gap))
        self._times.append(at_ms)
        self._marks.append(mark)
        self._gaps.append(gap)
        self._taken += 1
        if self._kind == SUMMED and self._taken % ANEW_EVERY == 0:
            self._sum_anew()

    def _mark(self, column: array[float], gap: bytes | None) -> Sequence[float]:
        """What is kept of a column: which values count, or the values themselves."""
        if self._kind == COUNTED:
            return bytes(map(self._compare, column, repeat(self.condition.threshold)))
        if self._kind == CHANGED:
            differs = bytes([a != b and not isnan(a) and not isnan(b) for a, b in zip(column, self._last, strict=True)])
            known = column if gap is None else [b if isnan(a) else a for a, b in zip(column, self._last, strict=True)]
            self._last = array("d", known)
            return differs
        if self._kind == SUMMED and gap is not None:
            return array("d", [0.0 if isnan(value) else value for value in column])
        return column

    def _drop(self, until_ms: int) -> None:
        """Forget the columns that are no later than ``until_ms``; older columns may be shorter than the roster."""
        while self._times and self._times[0] <= until_ms:
            self._times.popleft()
            mark, gap = self._marks.popleft(), self._gaps.popleft()
            size, short = len(self._missing), len(self._missing) - len(mark)
            if self._kind != COMPARED:
                self._totals = list(map(sub, self._totals, mark)) + self._totals[size - short :]
            if gap is not None:
                self._missing = list(map(sub, self._missing, gap)) + self._missing[size - short :]
            if short:
                # The newcomers were missing in that column too.
                self._missing[size - short :] = [count - 1 for count in self._missing[size - short :]]

    def _sum_anew(self) -> None:
        """Add up some places from their columns, so that each place's rounding is gone after some windows."""
        size = len(self._totals)
        until = min(size, self._turn + ceil(size / len(self._marks)))
        for place in range(self._turn, until):
            self._totals[place] = sum(mark[place] for mark in self._marks if place < len(mark))
        self._turn = until if until < size else 0

    def _named(self, roster: Roster) -> list[str]:
        """Keys of the places that pass."""
        if self.condition.function == ABSENT:
            columns = len(self._times)
            return [key for key, missing in zip(roster.keys, self._missing, strict=True) if missing == columns]
        if self._kind == SUMMED:
            return self._by_sum(roster.keys)
        if self._kind == COMPARED:
            return self._by_growth(roster)
        return self._by_count(roster.keys)

    def _by_sum(self, keys: list[str]) -> list[str]:
        columns, threshold = len(self._times), self.condition.threshold
        loose = LOOSE * abs(threshold * columns) + 1e-9
        rows = zip(keys, self._totals, self._missing, strict=True)
        if self.condition.comparison in EITHER:
            return [key for key, _, missing in rows if missing < columns]
        if self.condition.comparison in UPWARD:
            low = threshold * columns - loose if threshold > 0 else None
            if low is not None and not any(self._missing):
                return [key for key, total in zip(keys, self._totals, strict=True) if total >= low]
            return [k for k, total, m in rows if m < columns and total >= threshold * (columns - m) - loose]
        return [k for k, total, m in rows if m < columns and total <= threshold * (columns - m) + loose]

    def _by_growth(self, roster: Roster) -> list[str]:
        columns, oldest = len(self._times), array("d", self._marks[0])
        oldest.extend([NAN] * (len(roster.keys) - len(oldest)))
        newest = self._marks[-1]
        bound = self.condition.threshold * (self._times[-1] - self._times[0]) / 1000
        loose = LOOSE * abs(bound) + 1e-9
        rows = zip(roster.keys, newest, oldest, self._missing, strict=True)
        if self.condition.comparison in EITHER:
            return [key for key, _, _, m in rows if m < columns]
        # An end that is missing makes the comparison false, and the container one to be looked at.
        if self.condition.comparison in UPWARD:
            return [k for k, new, old, m in rows if not new - old < bound - loose and m < columns]
        return [k for k, new, old, m in rows if not new - old > bound + loose and m < columns]

    def _by_count(self, keys: list[str]) -> list[str]:
        columns, upward = len(self._times), self.condition.comparison in UPWARD
        function = self.condition.function
        if self._kind == CHANGED and not (upward and self.condition.threshold >= 0):
            return [key for key, m in zip(keys, self._missing, strict=True) if m < columns]
        rows = zip(keys, self._totals, self._missing, strict=True)
        if self.condition.comparison not in EITHER:
            if function == ("min" if upward else "max"):
                return [key for key, count, m in rows if m < columns and count >= columns - m]
            if function == "p95":
                share = 1 if upward else 19
                return [key for key, count, m in rows if count and count * 20 >= share * (columns - m)]
        return [key for key, count in zip(keys, self._totals, strict=True) if count]
