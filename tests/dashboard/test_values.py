"""Text forms: moments, durations, cursors."""

from __future__ import annotations

import pytest

from dashboard.api.values import cursor_of, duration_ms, key_of, listed, moment_ms, span_ms
from dashboard.errors import Problem

NOW = 1_764_000_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [("1s", 1000), ("10s", 10_000), ("1m", 60_000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("1.5h", 5_400_000)],
)
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text, "step") == ms


@pytest.mark.parametrize("text", ["", "1", "s", "1x", "-1s", "1s ", "0s", "1h-1m", "9" * 400 + "y", "١s"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(Problem) as caught:
        duration_ms(text, "step")
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("now", NOW),
        ("-1h", NOW - 3_600_000),
        ("1764000000000", NOW),
        ("2025-11-24T16:00:00Z", NOW),
        ("2025-11-24T16:00:00.250Z", NOW + 250),
        ("2025-11-25T01:00:00+09:00", NOW),
        ("2025-11-25T01:00:00 09:00", NOW),
        ("2025-11-24T16:00:00", NOW),
        ("2025-11-24", NOW - 57_600_000),
    ],
)
def test_moments(text: str, ms: int) -> None:
    assert moment_ms(text, NOW, "since", "-1h") == ms


@pytest.mark.parametrize("text", ["yesterday", "2025-13-01", "-", "-1", "9" * 30, "1e3", "²"])
def test_bad_moments(text: str) -> None:
    with pytest.raises(Problem) as caught:
        moment_ms(text, NOW, "since", "-1h")
    assert caught.value.faults[0].path == "since"


def test_a_range_has_a_beginning_before_its_end() -> None:
    assert span_ms(None, None, NOW, "-1h") == (NOW - 3_600_000, NOW)
    with pytest.raises(Problem):
        span_ms("now", "-1h", NOW, "-1h")


def test_cursors_go_there_and_back() -> None:
    key = [False, -1.5, "näme", "host", "id"]
    assert key_of(cursor_of(key)) == key


def test_lists_keep_order_once() -> None:
    assert listed("b,a,,b") == ("b", "a")
    assert listed(None) == ()
