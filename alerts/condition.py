"""Is a condition true of a window of points? Pure.

Missing data answers NO_DATA, never FALSE: a dead collector must not look like health.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Final

from alerts.windows import Points, after, mean, percentile
from model.alert import Condition, Truth

COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {">": gt, ">=": ge, "<": lt, "<=": le, "==": eq, "!=": ne}
)
ABSENT: Final = "absent"
"""The function that asks whether there is a value at all; it compares with nothing."""
LEAST_COVERAGE: Final = 0.5
"""Share of a window that must be there for an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``value``: what the function gave; None without enough data."""

    truth: Truth
    value: float | None = None


NO_DATA: Final = Answer(Truth.NO_DATA)


def values_of(points: Points) -> Sequence[float]:
    return [value for _, value in points]


def changes(points: Points) -> float:
    """How often the value differs from the one before it."""
    return float(sum(a[1] != b[1] for a, b in pairwise(points)))


def rate(points: Points) -> float:
    """Change a second between the first and the last point; 0 of one."""
    seconds = (points[-1][0] - points[0][0]) / 1000
    return (points[-1][1] - points[0][1]) / seconds if seconds > 0 else 0.0


FUNCTIONS: Final[Mapping[str, Callable[[Points], float]]] = MappingProxyType(
    {
        "avg": mean,
        "max": lambda points: max(values_of(points)),
        "min": lambda points: min(values_of(points)),
        "p95": lambda points: percentile(values_of(points), 0.95),
        "last": lambda points: points[-1][1],
        "rate": rate,
        "changed": changes,
    }
)


def judge(condition: Condition, points: Points, divisors: Points | None, *, now_ms: int, interval_s: float) -> Answer:
    """The answer of a metric condition at ``now_ms``.

    ``points``: the metric's last ``window_s`` seconds; ``divisors``: the divisor's, where there is one (points join by
    time; a divisor of 0 leaves its point out). Less than half of the window: NO_DATA. ``last`` wants a point that is at
    most three intervals old.
    """
    if condition.divisor is not None:
        points = quotients(points, divisors or ())
    points = after(points, now_ms - round(max(condition.window_s, interval_s) * 1000))
    if condition.function == "last":
        points = after(points, now_ms - round(3 * interval_s * 1000) - 1)
        enough = 1.0
    else:
        enough = max(1.0, LEAST_COVERAGE * condition.window_s / interval_s)
    if not points or len(points) < enough:
        return NO_DATA
    value = FUNCTIONS[condition.function](points)
    holds = COMPARISONS[condition.comparison](value, condition.threshold)
    return Answer(Truth.TRUE if holds else Truth.FALSE, value)


def quotients(points: Points, divisors: Points) -> Points:
    """Point by point, where both are known at the same time and the divisor is not 0."""
    by_time = dict(divisors)
    return [(at_ms, value / below) for at_ms, value in points if (below := by_time.get(at_ms))]
