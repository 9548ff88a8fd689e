"""Columns of several stores on one grid, and their sums. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from storage.api import SeriesColumn, SeriesResult

Values = Sequence[float | None]


def combined(one: SeriesResult, other: SeriesResult) -> SeriesResult:
    """Both on the grid of ``one``, whose step is that of ``other``; points outside of it are left out."""
    offset = (other.t0_ms - one.t0_ms) // (one.step_ms or 1)
    count = len(one.series[0].avg) if one.series else None
    if count is None:
        return other
    return replace(one, series=(*one.series, *(moved(column, offset, count) for column in other.series)))


def moved(column: SeriesColumn, offset: int, count: int) -> SeriesColumn:
    """The column so that its first point stands at ``offset`` of ``count``."""

    def placed(values: Values) -> Values:
        if offset == 0 and len(values) == count:
            return values
        kept = list(values[max(0, -offset) :][: max(0, count - max(0, offset))])
        before: list[float | None] = [None] * min(count, max(0, offset))
        return before + kept + [None] * (count - len(before) - len(kept))

    avg = placed(column.avg)
    raw = column.avg is column.min is column.max
    return replace(column, avg=avg, min=avg if raw else placed(column.min), max=avg if raw else placed(column.max))


def summed(result: SeriesResult) -> SeriesResult:
    """One column a metric: the sum over everybody who has a value at that point.

    Of minima and maxima the sum is a bound: the least and the most that it can have been together.
    """
    by_metric: dict[str, list[SeriesColumn]] = {}
    for column in result.series:
        by_metric.setdefault(column.metric, []).append(column)
    return replace(result, series=tuple(total(metric, columns) for metric, columns in by_metric.items()))


def total(metric: str, columns: Sequence[SeriesColumn]) -> SeriesColumn:
    hosts = {column.host for column in columns}

    def of(pick: Callable[[SeriesColumn], Values]) -> list[float | None]:
        rows = zip(*(pick(column) for column in columns), strict=True)
        return [sum(there) if (there := [v for v in row if v is not None]) else None for row in rows]

    return SeriesColumn(
        host=hosts.pop() if len(hosts) == 1 else "",
        container="",
        name="",
        metric=metric,
        unit=columns[0].unit,
        avg=of(lambda c: c.avg),
        min=of(lambda c: c.min),
        max=of(lambda c: c.max),
    )
