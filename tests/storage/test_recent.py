"""The last minutes in memory."""

from __future__ import annotations

from storage.recent import RecentMemory
from tests.storage.hosts import START_MS, snapshot


def filled(ticks: int, seconds: float = 900) -> RecentMemory:
    recent = RecentMemory(seconds)
    for i in range(ticks):
        recent.append(snapshot(START_MS + i * 1000, {"a": {"x": float(i)}}, host_values={"h": i / 2}))
    return recent


def test_a_window_ends_at_the_newest_tick() -> None:
    recent = filled(600)
    window = recent.window("a", "x", 60)
    assert window == [(START_MS + i * 1000, float(i)) for i in range(540, 600)]
    assert recent.window("a", "x", 300) == [(START_MS + i * 1000, float(i)) for i in range(300, 600)]
    assert recent.window("a", "x", 1) == [(START_MS + 599_000, 599.0)]
    assert recent.window("", "h", 2) == [(START_MS + 598_000, 299.0), (START_MS + 599_000, 299.5)]
    assert len(recent.window("a", "x", 10_000)) == 600


def test_windows_move_on_with_the_ticks() -> None:
    recent = filled(10)
    for i in range(10, 400):
        assert recent.window("a", "x", 30)[-1] == (START_MS + (i - 1) * 1000, float(i - 1))
        recent.append(snapshot(START_MS + i * 1000, {"a": {"x": float(i)}}))
        window = recent.window("a", "x", 30)
        assert [v for _, v in window] == [float(v) for v in range(max(0, i - 29), i + 1)]


def test_what_is_missing_is_not_there() -> None:
    recent = RecentMemory()
    for i in range(300):
        values = {"y": 1.0} | ({"x": float(i)} if i % 10 else {})
        samples = {"a": values} if i % 7 else {}
        recent.append(snapshot(START_MS + i * 1000, samples))
    expected = [(START_MS + i * 1000, float(i)) for i in range(300) if i % 7 and i % 10]
    assert recent.window("a", "x", 300) == expected
    assert recent.window("nobody", "x", 60) == ()
    assert recent.window("a", "z", 60) == []


def test_history_is_bounded_and_knows_how_much_it_covers() -> None:
    recent = filled(50)
    assert recent.covered_s() == 50
    assert RecentMemory().covered_s() == 0
    assert RecentMemory().latest() is None
    recent = filled(1000, seconds=120)
    assert recent.covered_s() == 120
    assert len(recent.window("a", "x", 900)) == 120
    latest = recent.latest()
    assert latest is not None
    assert latest.at_ms == START_MS + 999_000


def test_a_container_that_is_gone_is_forgotten() -> None:
    recent = filled(10, seconds=60)
    for i in range(10, 200):
        recent.append(snapshot(START_MS + i * 1000, {"b": {"x": 1.0}}))
    assert recent.window("a", "x", 60) == ()
    assert len(recent.window("b", "x", 60)) == 60


def test_a_clock_that_goes_back_begins_anew() -> None:
    recent = filled(100)
    recent.append(snapshot(START_MS + 50_000, {"a": {"x": 7.0}}))
    assert recent.window("a", "x", 60) == [(START_MS + 50_000, 7.0)]
    assert recent.covered_s() == 1
