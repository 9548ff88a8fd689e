"""Arithmetic on windows of points ``(at_ms, value)``, oldest first. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

Points = Sequence[tuple[int, float]]


def after(points: Points, since_ms: int) -> Points:
    """The points later than ``since_ms``."""
    return points[bisect_right(points, since_ms, key=lambda point: point[0]) :]


def mean(points: Points) -> float:
    """Average of the values; 0 of none."""
    return sum(value for _, value in points) / len(points) if points else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of at least one value: ``share`` 0.95 is the p95."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def onset_ms(points: Points, patience_ms: int) -> int:
    """When the present run of values above 0 began: back from the newest, over pauses of at most ``patience_ms``."""
    begin = points[-1][0]
    for at_ms, value in reversed(points):
        if begin - at_ms > patience_ms:
            break
        if value > 0:
            begin = at_ms
    return begin


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast something grows: quartiles of its slopes, per second, seen over ``span_s``.

    ``recent``: the median slope of the last third, which shows whether it still grows.
    """

    low: float
    middle: float
    high: float
    recent: float
    span_s: float


def growth_of(points: Points, segments: int = 15) -> Growth | None:
    """Slopes between all pairs of segment means (Theil 1950, Sen 1968); None of fewer than four points.

    Pairs far apart see through a sawtooth: a heap that is collected again and again has a median slope near zero.
    """
    if len(points) < 4:
        return None
    size = max(1, len(points) / segments)
    count = min(segments, len(points))
    parts = [points[round(i * size) : round((i + 1) * size)] for i in range(count)]
    spots = [(sum(t for t, _ in part) / len(part) / 1000, mean(part)) for part in parts if part]
    slopes = slopes_between(spots)
    recent = slopes_between(spots[-max(3, len(spots) // 3) :])
    if not slopes or not recent:
        return None
    return Growth(
        low=percentile(slopes, 0.25),
        middle=median(slopes),
        high=percentile(slopes, 0.75),
        recent=median(recent),
        span_s=(points[-1][0] - points[0][0]) / 1000,
    )


def slopes_between(spots: Sequence[tuple[float, float]]) -> list[float]:
    """Slope of every pair of spots (seconds, value)."""
    return [(v1 - v0) / (t1 - t0) for i, (t0, v0) in enumerate(spots) for t1, v1 in spots[i + 1 :] if t1 > t0]
