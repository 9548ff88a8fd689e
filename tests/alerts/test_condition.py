"""Windows to truth."""

from __future__ import annotations

import pytest

from alerts.condition import judge
from model.alert import Condition, Truth

NOW = 100_000


def points(*values: float | None) -> list[tuple[int, float]]:
    """One a second up to now; None is a missing second."""
    first = NOW - 1000 * (len(values) - 1)
    return [(first + 1000 * i, value) for i, value in enumerate(values) if value is not None]


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        ("avg", (1, 2, 3, 4), 2.5),
        ("max", (1, 4, 3, 2), 4),
        ("min", (3, 4, 1, 2), 1),
        ("p95", tuple(range(1, 101)), 95),
        ("p95", (1, 2, 3, 4), 4),
        ("last", (9, 1, 2, 7), 7),
        ("rate", (10, 12, 14, 16), 2),
        ("rate", (16, 14, 12, 10), -2),
    ],
)
def test_functions(function: str, values: tuple[float, ...], expected: float) -> None:
    condition = Condition("m", function=function, comparison="==", threshold=expected, window_s=len(values))
    answer = judge(condition, points(*values), None, now_ms=NOW, interval_s=1.0)
    assert (answer.truth, answer.value) == (Truth.TRUE, expected)


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        (">", False, False, True),
        (">=", False, True, True),
        ("<", True, False, False),
        ("<=", True, True, False),
        ("==", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_comparisons(comparison: str, below: bool, equal: bool, above: bool) -> None:
    condition = Condition("m", function="last", comparison=comparison, threshold=5.0)
    truths = [judge(condition, points(v), None, now_ms=NOW, interval_s=1.0).truth for v in (4.0, 5.0, 6.0)]
    assert truths == [Truth.TRUE if holds else Truth.FALSE for holds in (below, equal, above)]


@pytest.mark.parametrize(
    ("function", "window_s", "values", "truth"),
    [
        ("avg", 10, (), Truth.NO_DATA),
        ("avg", 10, (9,) * 4, Truth.NO_DATA),
        ("avg", 10, (9,) * 5, Truth.TRUE),
        ("avg", 10, (9, None, 9, None, 9, None, 9, None, 9, None), Truth.TRUE),
        ("avg", 10, (9, 9, 9, 9, None, None, None, None, None, None), Truth.NO_DATA),
        ("last", 60, (9, None, None), Truth.TRUE),
        ("last", 60, (9, None, None, None, None), Truth.NO_DATA),
        ("avg", 1, (9,), Truth.TRUE),
    ],
)
def test_too_little_data_is_neither_true_nor_false(
    function: str, window_s: float, values: tuple[float | None, ...], truth: Truth
) -> None:
    condition = Condition("m", function=function, threshold=5.0, window_s=window_s)
    assert judge(condition, points(*values), None, now_ms=NOW, interval_s=1.0).truth is truth


def test_points_before_the_window_do_not_count() -> None:
    condition = Condition("m", function="max", threshold=5.0, window_s=3)
    answer = judge(condition, points(9, 1, 1, 1), None, now_ms=NOW, interval_s=1.0)
    assert (answer.truth, answer.value) == (Truth.FALSE, 1)


def test_a_long_interval_makes_few_points_enough() -> None:
    condition = Condition("m", function="avg", threshold=5.0, window_s=60)
    answer = judge(condition, [(NOW - 30_000, 9.0), (NOW, 9.0)], None, now_ms=NOW, interval_s=30.0)
    assert answer.truth is Truth.TRUE


def test_a_quotient_is_taken_second_by_second() -> None:
    condition = Condition("a", divisor="b", function="avg", comparison="==", threshold=0.5, window_s=4)
    answer = judge(condition, points(1, 2, 3, 4), points(2, 4, None, 8), now_ms=NOW, interval_s=1.0)
    assert (answer.truth, answer.value) == (Truth.TRUE, 0.5)
    for below in (points(0, 0, 0, 0), None):
        assert judge(condition, points(1, 2, 3, 4), below, now_ms=NOW, interval_s=1.0).truth is Truth.NO_DATA
