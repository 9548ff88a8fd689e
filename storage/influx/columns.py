"""From rows of the server to columns on a grid; rows of one bucket from several answers add up. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from storage.api import SeriesColumn
from storage.grid import Grid, column, is_summed
from storage.influx.server import Table

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Who:
    """Whose column it is: ``container`` is the full id, empty for the host."""

    host: str
    container: str
    name: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the rows of a series are from ``start_ms`` up to ``end_ms``."""

    who: Who
    start_ms: int
    end_ms: int


@dataclass(slots=True)
class Columns:
    """Collects the rows of many answers; a column that never got a value does not appear.

    ``bucketed``: rows are ``time, sum, number, minimum, maximum…``, four values a metric; else ``time, value…``.
    """

    grid: Grid
    bucketed: bool
    _found: dict[tuple[Who, str], tuple[Values, ...]] = field(default_factory=dict)

    def add(self, table: Table, metrics: Sequence[str], owners: Sequence[Owner]) -> None:
        """Rows in order of time, each to the owner of its moment: of a bucket, its middle."""
        middle = self.grid.step_ms // 2 if self.bucketed else 0
        for owner in owners:
            first = bisect_left(table.rows, owner.start_ms - middle, key=itemgetter(0))
            last = bisect_left(table.rows, owner.end_ms - middle, key=itemgetter(0))
            rows = table.rows[first:last]
            for number, metric in enumerate(metrics):
                self._add(rows, 1 + number * (4 if self.bucketed else 1), owner.who, metric)

    def result(self) -> tuple[SeriesColumn, ...]:
        """Sorted by host, name, container and metric."""
        order = sorted(self._found, key=lambda k: (k[0].host, k[0].name, k[0].container, k[1]))
        return tuple(
            column(who.host, who.container, who.name, metric, self._lists(metric, self._found[who, metric]))
            for who, metric in order
        )

    def _lists(self, metric: str, found: tuple[Values, ...]) -> tuple[Values, Values, Values]:
        """Mean, minimum and maximum; of a number of things its sum."""
        if not self.bucketed:
            return found[0], found[0], found[0]
        sums, numbers, lows, highs = found
        if is_summed(metric):
            return sums, sums, sums
        return [None if s is None or not n else s / n for s, n in zip(sums, numbers, strict=True)], lows, highs

    def _add(self, rows: Sequence[list[float]], place: int, who: Who, metric: str) -> None:
        t0, step, count = self.grid.t0_ms, self.grid.step_ms, self.grid.count
        lists = self._found.get((who, metric))
        for row in rows:
            value = row[place]
            if value is None:
                continue
            index = int(row[0] - t0) // step
            if not 0 <= index < count:
                continue
            if lists is None:
                lists = self._found[who, metric] = self._empty()
            if not self.bucketed:
                lists[0][index] = value
            elif (old := lists[0][index]) is None:
                for values, cell in zip(lists, row[place : place + 4], strict=True):
                    values[index] = cell
            else:
                sums, numbers, lows, highs = lists
                sums[index] = old + value
                numbers[index] = (numbers[index] or 0) + row[place + 1]
                lows[index] = min(lows[index] or 0, row[place + 2])
                highs[index] = max(highs[index] or 0, row[place + 3])

    def _empty(self) -> tuple[Values, ...]:
        return tuple([None] * self.grid.count for _ in range(4 if self.bucketed else 1))
