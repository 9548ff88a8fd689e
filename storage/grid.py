"""The grid of a query, and columns that are filled in on it. Pure; shared by every series store.

Values are integers of the metric's resolution until the end, so a mean is exact however it was rolled up.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import mul, truediv

from model.metrics import base_name, spec_of
from storage.api import SeriesColumn, SeriesQuery
from storage.sqlite.rollup import Column, bounds, column_of, merged
from storage.sqlite.tiers import HOUR, MINUTE, SECOND

MOST_POINTS = 1_000_000
"""Points of one column at most: a finer step is made coarser."""

Lists = tuple[list[float | None], list[float | None], list[float | None]]


@dataclass(frozen=True, slots=True)
class Grid:
    """Point ``i`` covers ``t0_ms + i·step_ms`` up to the next. ``raw``: ticks as they came."""

    t0_ms: int
    step_ms: int
    count: int
    raw: bool

    @property
    def end_ms(self) -> int:
        return self.t0_ms + self.count * self.step_ms


def grid_of(query: SeriesQuery, tick_ms: int, raw_since_ms: int | None = None) -> Grid:
    """The grid that answers the query. ``tick_ms``: time between two ticks of the store.

    ``raw_since_ms``: seconds before it are no longer kept; who asks for seconds of that time gets 10 s, a
    minute or an hour, whatever is kept. Buckets are whole: the range grows to their edges.
    """
    span = max(0, query.until_ms - query.since_ms)
    if query.step_ms is not None:
        step = max(1, query.step_ms)
    elif query.points is not None:
        step = round_step(max(SECOND, tick_ms, -(-span // max(1, query.points))))
    else:
        step = tick_ms
    if query.step_ms is None and raw_since_ms is not None and query.since_ms < raw_since_ms and step < 10 * SECOND:
        step = 10 * SECOND
    step *= max(1, -(-span // (step * MOST_POINTS)))
    raw = step == tick_ms
    t0 = -(-query.since_ms // step) * step if raw else query.since_ms // step * step
    return Grid(t0, step, max(0, -(-(query.until_ms - t0) // step)) if span else 0, raw)


def round_step(step_ms: int) -> int:
    """Up to a width that a tier answers quickly: whole seconds, tens, minutes, hours."""
    for least, unit in ((6 * HOUR, HOUR), (6 * MINUTE, MINUTE), (MINUTE, 10 * SECOND)):
        if step_ms >= least:
            return -(-step_ms // unit) * unit
    for step in (20, 30, 60):
        if 10 * SECOND < step_ms <= step * SECOND:
            return step * SECOND
    return -(-step_ms // SECOND) * SECOND


def wanted(metric: str, metrics: Sequence[str]) -> bool:
    """Whether a stored name is asked for: by its name, or by its base for all instances."""
    return metric in metrics or base_name(metric) in metrics


class Filled:
    """One column while it is filled in. Not thread-safe."""

    def __init__(self, grid: Grid, *, summed: bool = False, mixed: bool = False) -> None:
        """``summed``: a number of things, added up in each bucket. ``mixed``: several targets in one column."""
        self._grid = grid
        self._summed = summed
        self._raw: list[int | None] | None = [None] * grid.count if grid.raw and not mixed else None
        size = 0 if self._raw is not None else grid.count
        self._counts: list[float] = [0] * size
        self._sums: list[float] = [0] * size
        self._lows: list[float] = [0] * size
        self._highs: list[float] = [0] * size

    def add_ticks(self, times: Sequence[int], values: Sequence[int | None]) -> None:
        """Values at growing times; what lies outside the grid is left out."""
        grid = self._grid
        times, values = clipped(times, values, grid.t0_ms, grid.end_ms)
        if not times:
            return
        if self._raw is None:
            where = bounds(times, grid.step_ms)
            self._merge([start for start, _, _ in where], column_of(values, where))
        elif _evenly(times, grid.step_ms) and (whole := _whole(values)) is not None:
            first = (times[0] - grid.t0_ms) // grid.step_ms
            self._raw[first : first + len(times)] = whole
        else:
            for t, value in zip(times, values, strict=True):
                if value is not None:
                    self._raw[(t - grid.t0_ms) // grid.step_ms] = value

    def add_buckets(self, times: Sequence[int], width_ms: int, column: Column, after_ms: int, before_ms: int) -> None:
        """Buckets that reach beyond ``after_ms`` and begin before ``before_ms``, narrow or wide."""
        grid = self._grid
        after, before = max(after_ms, grid.t0_ms), min(before_ms, grid.end_ms)
        first = next((i for i, t in enumerate(times) if t + width_ms > after), len(times))
        last = next((i for i in range(len(times), first, -1) if times[i - 1] < before), first)
        if first == last:
            return
        if last - first < len(times):
            times = times[first:last]
            column = Column(
                column.counts[first:last], column.sums[first:last], column.lows[first:last], column.highs[first:last]
            )
        if self._raw is None and grid.step_ms == width_ms:
            self._merge(times, column)
        elif self._raw is None and grid.step_ms % width_ms == 0:
            where = bounds(times, grid.step_ms)
            self._merge([start for start, _, _ in where], merged(column, where))
        else:
            self._spread(times, width_ms, column, after, before)

    def _merge(self, starts: Sequence[int], column: Column) -> None:
        grid = self._grid
        first = max(0, (starts[0] - grid.t0_ms) // grid.step_ms)
        end = first + len(starts)
        regular = starts[-1] - starts[0] == (len(starts) - 1) * grid.step_ms
        if regular and starts[0] >= grid.t0_ms and end <= grid.count and not any(self._counts[first + 1 : end]):
            self._add(first, column.counts[0], column.sums[0], column.lows[0], column.highs[0])
            self._counts[first + 1 : end] = column.counts[1:]
            self._sums[first + 1 : end] = column.sums[1:]
            self._lows[first + 1 : end] = column.lows[1:]
            self._highs[first + 1 : end] = column.highs[1:]
            return
        for start, count, total, low, high in zip(
            starts, column.counts, column.sums, column.lows, column.highs, strict=True
        ):
            self._add((start - grid.t0_ms) // grid.step_ms, count, total, low, high)

    def _add(self, i: int, count: float, total: float, low: float, high: float) -> None:
        if not count or not 0 <= i < self._grid.count:
            return
        if self._counts[i]:
            low, high = min(low, self._lows[i]), max(high, self._highs[i])
        self._counts[i] += count
        self._sums[i] += total
        self._lows[i], self._highs[i] = low, high

    def _spread(self, times: Sequence[int], width_ms: int, column: Column, after_ms: int, before_ms: int) -> None:
        """A bucket that lies over several points, or across an edge, goes to each by the share that lies in it."""
        grid = self._grid
        for i, start in enumerate(times):
            count = column.counts[i]
            if not count:
                continue
            begin, end = max(start, after_ms), min(start + width_ms, before_ms)
            for place in range((begin - grid.t0_ms) // grid.step_ms, -(-(end - grid.t0_ms) // grid.step_ms)):
                edge = grid.t0_ms + place * grid.step_ms
                share = (min(end, edge + grid.step_ms) - max(begin, edge)) / width_ms
                if share <= 0:
                    continue
                if self._raw is None:
                    self._add(place, count * share, column.sums[i] * share, column.lows[i], column.highs[i])
                elif self._raw[place] is None:
                    self._raw[place] = round(column.sums[i] * (share if self._summed else 1 / count))

    def lists(self, scale: int) -> Lists | None:
        """Mean, minimum and maximum by point in the metric's unit; None when there is nothing at all."""
        if self._raw is not None:
            raw = _scaled(self._raw, scale)
            return None if raw is None else (raw, raw, raw)
        if not any(self._counts):
            return None
        if self._summed:
            sums = [s / scale if n else None for n, s in zip(self._counts, self._sums, strict=True)]
            return sums, sums, sums
        if 0 not in self._counts:
            return (
                list(map(truediv, self._sums, map(mul, self._counts, repeat(scale)))),
                list(map(truediv, self._lows, repeat(scale))),
                list(map(truediv, self._highs, repeat(scale))),
            )
        return (
            [s / (n * scale) if n else None for n, s in zip(self._counts, self._sums, strict=True)],
            [v / scale if n else None for n, v in zip(self._counts, self._lows, strict=True)],
            [v / scale if n else None for n, v in zip(self._counts, self._highs, strict=True)],
        )


def _scaled(values: Sequence[int | None], scale: int) -> list[float | None] | None:
    """In the metric's unit; None where there is no value at all."""
    try:
        return list(map(truediv, values, repeat(scale))) or None
    except TypeError:  # a gap is there: the exception costs less than to look for one beforehand
        scaled = [None if v is None else v / scale for v in values]
        return scaled if any(v is not None for v in scaled) else None


def _evenly(times: Sequence[int], step_ms: int) -> bool:
    if isinstance(times, range):
        return times.step == step_ms
    return times == list(range(times[0], times[-1] + 1, step_ms))


def _whole(values: Sequence[int | None]) -> array[int] | None:
    """None where a value is missing; an array is the form without holes."""
    try:
        return values if isinstance(values, array) else array("q", values)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        return None


def clipped(
    times: Sequence[int], values: Sequence[int | None], since_ms: int, until_ms: int
) -> tuple[Sequence[int], Sequence[int | None]]:
    """Ticks from ``since_ms`` up to ``until_ms``; ``times`` grow."""
    if times and (times[0] < since_ms or times[-1] >= until_ms):
        kept = slice(bisect_left(times, since_ms), bisect_left(times, until_ms))
        return times[kept], values[kept]
    return times, values


def is_summed(metric: str) -> bool:
    """Whether the metric counts things, so that a bucket holds their number."""
    spec = spec_of(metric)
    return spec is not None and spec.kind == "count"


def column(host: str, container: str, name: str, metric: str, lists: Lists) -> SeriesColumn:
    spec = spec_of(metric)
    return SeriesColumn(host, container, name, metric, "" if spec is None else spec.unit, *lists)
