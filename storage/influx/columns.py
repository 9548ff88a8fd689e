"""From rows of the server to columns on a grid. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from model.metrics import spec_of
from storage.api import SeriesColumn
from storage.influx.server import Table

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Who:
    """Whose column it is: ``container`` is the full id, empty for the host."""

    host: str
    container: str
    name: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Points ``t0 + i·step`` for ``i < count``. ``raw``: one value a point, else mean, minimum and maximum."""

    t0_ms: int
    step_ms: int
    count: int
    raw: bool

    @classmethod
    def over(cls, since_ms: int, until_ms: int, step_ms: int, *, raw: bool) -> Grid:
        """The multiples of ``step_ms`` whose span touches the range."""
        t0 = since_ms - since_ms % step_ms
        return cls(t0, step_ms, max(0, -(-(until_ms - t0) // step_ms)), raw)

    def middle(self, at_ms: int) -> int:
        """The moment that stands for a point: itself when raw, the middle of a bucket."""
        return at_ms if self.raw else at_ms + self.step_ms // 2


@dataclass(slots=True)
class Columns:
    """Collects the rows of many answers; a column that never got a value does not appear.

    ``owner`` says whose a row is, by the tags of its table and the moment that stands for it.
    """

    grid: Grid
    _found: dict[tuple[Who, str], tuple[Values, Values, Values]] = field(default_factory=dict)

    def add(self, table: Table, metrics: Sequence[str], owner: Callable[[Table, int], Who | None]) -> None:
        """Rows ``time, value…`` (raw) or ``time, mean, minimum, maximum…`` (buckets), ``metrics`` in order."""
        grid = self.grid
        width = 1 if grid.raw else 3
        for row in table.rows:
            at = row[0]
            index = (at - grid.t0_ms) // grid.step_ms
            if not 0 <= index < grid.count:
                continue
            who = owner(table, grid.middle(at))
            if who is None:
                continue
            for number, metric in enumerate(metrics):
                value = row[1 + width * number]
                if value is None:
                    continue
                columns = self._found.get((who, metric))
                if columns is None:
                    columns = self._found[who, metric] = self._empty()
                columns[0][index] = value
                if width == 3:
                    columns[1][index] = row[2 + width * number]
                    columns[2][index] = row[3 + width * number]

    def result(self) -> tuple[SeriesColumn, ...]:
        """Sorted by host, name, container and metric."""
        order = sorted(self._found, key=lambda k: (k[0].host, k[0].name, k[0].container, k[1]))
        return tuple(self._column(who, metric) for who, metric in order)

    def _empty(self) -> tuple[Values, Values, Values]:
        first: Values = [None] * self.grid.count
        return (first, first, first) if self.grid.raw else (first, list(first), list(first))

    def _column(self, who: Who, metric: str) -> SeriesColumn:
        spec = spec_of(metric)
        avg, low, high = self._found[who, metric]
        return SeriesColumn(who.host, who.container, who.name, metric, spec.unit if spec else "1", avg, low, high)
