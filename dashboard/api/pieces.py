"""A large question about series as several small ones, so that never more than a few columns are in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import nan

from dashboard.api.combine import Values, moved, summed
from storage.api import SeriesColumn, SeriesQuery, SeriesReader, SeriesResult

PIECE_VALUES = 30_000
"""While a bucketed column is filled in, a value takes some 250 bytes: eight megabytes a piece."""


def points_of(query: SeriesQuery) -> int:
    """Points of one column, at most. Pure."""
    span_ms = query.until_ms - query.since_ms
    return min(query.points or span_ms // (query.step_ms or 1000), span_ms // 1000 + 1) or 1


def targets_of(reader: SeriesReader, query: SeriesQuery) -> tuple[tuple[str, str], ...] | None:
    """(host, id) of everybody whom the query is about, in the order of the answer; None where that cannot be parted."""
    if query.of_host or query.join_service:
        return None
    width_ms = query.step_ms or 2 * (query.until_ms - query.since_ms) // (query.points or 1 << 62)
    known = reader.containers(seen_since_ms=max(0, query.since_ms - width_ms), metrics=())
    everybody = not (query.containers or query.services or query.groups)
    chosen = [
        (k.host, k.name, k.id)
        for k in known
        if k.first_ms < query.until_ms
        and query.host in (None, k.host)
        and (everybody or k.id in query.containers or k.service in query.services or k.group in query.groups)
    ]
    return tuple((host, key) for host, _, key in sorted(chosen))


def parted(query: SeriesQuery, targets: Sequence[tuple[str, str]] | None) -> Iterator[SeriesQuery]:
    """Queries of one host each whose answers, one after the other, are the answer. Pure."""
    points = points_of(query)
    metrics_at_once = max(1, PIECE_VALUES // points)
    if targets is None:
        for names in batched(query.metrics, metrics_at_once):
            yield replace(query, metrics=tuple(names))
        return
    at_once = max(1, metrics_at_once // len(query.metrics))
    for host in dict.fromkeys(host for host, _ in targets):
        for keys in batched([key for where, key in targets if where == host], at_once):
            one = replace(query, host=host, containers=tuple(keys), services=(), groups=())
            yield from parted(one, None)


def batched(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """The items in order, so many at once. Pure."""
    following = iter(items)
    while batch := list(islice(following, size)):
        yield batch


def answered(
    reader: SeriesReader, query: SeriesQuery, *, large: bool, without: str | None = None
) -> Iterator[SeriesResult]:
    """The answer, a large one in pieces of one step; one piece at least. ``without``: no containers of this host."""
    targets = targets_of(reader, query) if large else None
    if targets is not None and without is not None:
        targets = tuple((host, key) for host, key in targets if host != without)
    pieces = parted(query, targets) if large else iter((query,))
    first = reader.query(next(pieces, query))
    yield chosen(first, without)
    for piece in pieces:
        yield chosen(reader.query(replace(piece, step_ms=first.step_ms, points=None)), without)


def chosen(result: SeriesResult, without: str | None) -> SeriesResult:
    """The result without the columns of one host. Pure."""
    if without is None:
        return result
    return replace(result, series=tuple(column for column in result.series if column.host != without))


def aligned(results: Iterable[SeriesResult]) -> Iterator[SeriesResult]:
    """The results that have columns, all on the grid of the first; an empty one where none has. Pure.

    Another store has another grid, and this one may have got a tick in between.
    """
    grid, empty = None, None
    for result in results:
        if not result.series:
            empty = empty or result
            continue
        if grid is None:
            grid = result.t0_ms, result.step_ms, len(result.series[0].avg)
        t0_ms, step_ms, count = grid
        offset = (result.t0_ms - t0_ms) // (step_ms or 1)
        yield SeriesResult(t0_ms, step_ms, tuple(moved(column, offset, count) for column in result.series))
    if grid is None and empty is not None:
        yield empty


def totals(results: Iterable[SeriesResult]) -> SeriesResult:
    """One column a metric over all pieces. Pure."""
    following = iter(results)
    whole = summed(next(following))
    for result in following:
        whole = summed(replace(whole, series=(*whole.series, *result.series)))
    return whole


@dataclass(frozen=True, slots=True)
class Tight:
    """A column in eight bytes a value; NaN is a gap."""

    host: str
    container: str
    name: str
    metric: str
    avg: array[float]
    min: array[float]
    max: array[float]


def tight(column: SeriesColumn) -> Tight:
    """The same column in a quarter of the memory. Pure."""

    def packed(values: Values) -> array[float]:
        return array("d", [nan if v is None else v for v in values])

    avg = packed(column.avg)
    raw = column.avg is column.min is column.max
    low, high = (avg, avg) if raw else (packed(column.min), packed(column.max))
    return Tight(column.host, column.container, column.name, column.metric, avg, low, high)


def gathered(results: Iterator[SeriesResult]) -> tuple[int, int, list[Tight]]:
    """(first time, step, all columns) of results on one grid. Pure."""
    first = next(results)
    columns = [tight(column) for column in first.series]
    for result in results:
        columns += [tight(column) for column in result.series]
    return first.t0_ms, first.step_ms, columns
