"""The clock of the agent: whole multiples, late ticks skipped, wall time that jumps."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from daemon.ticker import Ticker, next_tick


@pytest.mark.parametrize(
    ("at", "now", "expected"),
    [
        (1000, 1200, (2000, 0)),  # in time
        (1000, 1999, (2000, 0)),  # just in time
        (1000, 2000, (2000, 0)),  # the next one is due now
        (1000, 2999, (2000, 0)),  # late, but its own interval still lasts
        (1000, 3000, (3000, 1)),  # one interval went by whole: skipped
        (1000, 7500, (7000, 5)),
        (5000, 4000, (6000, 0)),  # the clock went back a little
    ],
)
def test_the_next_tick_is_a_multiple_and_what_passed_is_skipped(at: int, now: int, expected: tuple[int, int]) -> None:
    assert next_tick(at, now, 1000) == expected


class Clock:
    """Wall time that moves only when the ticker waits or a tick takes time."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Stop(threading.Event):
    """An event whose waiting moves the clock, and that sets itself after some ticks."""

    def __init__(self, clock: Clock, jumps: dict[int, int] | None = None) -> None:
        super().__init__()
        self.clock, self.jumps, self.waits = clock, jumps or {}, 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        self.clock.now_ms += round((timeout or 0) * 1000) + self.jumps.get(self.waits, 0)
        return self.is_set() or self.waits > 50


def run(clock: Clock, stop: Stop, tick: Callable[[int], None], ticks: int) -> Ticker:
    seen = 0

    def counted(at: int) -> None:
        nonlocal seen
        tick(at)
        seen += 1
        if seen == ticks:
            stop.set()

    ticker = Ticker(1.0, counted, clock)
    ticker.run(stop)
    return ticker


def test_ticks_fall_on_whole_multiples_of_the_interval() -> None:
    clock, seen = Clock(1_700_000_000_123), []
    run(clock, Stop(clock), seen.append, 3)
    assert seen == [1_700_000_001_000, 1_700_000_002_000, 1_700_000_003_000]


def test_a_slow_tick_costs_the_ones_it_overran_and_no_more() -> None:
    clock = Clock(10_000)
    seen: list[int] = []

    def slow_once(at: int) -> None:
        seen.append(at)
        if at == 11_000:
            clock.now_ms += 3_400

    ticker = run(clock, Stop(clock), slow_once, 4)
    assert seen == [10_000, 11_000, 14_000, 15_000]
    assert ticker.record.late == 2


@pytest.mark.parametrize("jump", [-3_600_000, 3_600_000])
def test_wall_time_that_jumps_is_followed_at_once(jump: int) -> None:
    clock = Clock(7_200_000)
    seen: list[int] = []
    ticker = run(clock, Stop(clock, {2: jump}), seen.append, 3)
    assert ticker.record.clock_steps == 1
    assert seen[0] == 7_200_000
    assert abs(seen[1] - (7_201_000 + jump)) <= 1000
    assert seen[2] == seen[1] + 1000
