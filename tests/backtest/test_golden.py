"""The simulator and the baselines against figures of an independent implementation (numpy, another noise): within
a tenth. And our own classes, through the real controller, against what the law promises."""

from __future__ import annotations

import pytest

from backtest.noise import synthetic_memory
from backtest.report import Row
from backtest.run import each, run_job
from backtest.simulator import Options
from backtest.trace import Trace, public

HOURS_12 = 43_200
GOLDEN = {
    "vpa": (4.55, 1.91, None),
    "vpa-live-1": (52.8, 0.57, 305),
    "vpa-live-2": (3.04, 1.13, 1.57),
    "captain-.02": (2.02, 1.24, 0.93),
    "captain-.1": (6.62, 0.97, 3.3),
    "captain-.3": (15.9, 0.79, 9.2),
}
"""vasim, eight windows of 12 h, cv .6: throttled %, cores, delay ms (None: it hangs on one step of one container)."""
MEMORY = {"dockpulse": (611, 792), "krr": (0, 1119), "vpa-live-1": (80, 1002)}
"""Bursts and leaks, 60 containers, 6 h: kills in all, mean limit in MiB."""


def number(row: Row, name: str) -> float:
    value = row[name]
    assert value is not None
    return value


def test_cpu_baselines_come_out_as_elsewhere() -> None:
    windows = tuple(trace.window(day * 86_400, HOURS_12) for trace in public("vasim") for day in (0, 2, 4, 6))
    rows = each(run_job, [(name, windows, Options(), 1) for name in GOLDEN])
    for (name, (throttled, cores, delay)), row in zip(GOLDEN.items(), rows, strict=True):
        assert 100 * number(row, "throttled_period_ratio") == pytest.approx(throttled, rel=0.1), name
        assert number(row, "cpu_allocation_cores") == pytest.approx(cores, rel=0.1), name
        if delay is not None:
            assert number(row, "delay_ms") == pytest.approx(delay, rel=0.1), name
    by_name = dict(zip(GOLDEN, rows, strict=True))
    assert number(by_name["captain-.02"], "changes_per_container_hour") == pytest.approx(836, rel=0.1)
    assert number(by_name["captain-.1"], "changes_per_container_hour") == pytest.approx(104, rel=0.1)


def test_memory_baselines_come_out_as_elsewhere() -> None:
    seeds = (4, 5, 6, 7)
    sets = [tuple(Trace(f"m{i}", None, values) for i, values in enumerate(synthetic_memory(seed))) for seed in seeds]
    jobs = [(name, traces, Options(), 1) for name in MEMORY for traces in sets]
    rows = each(run_job, jobs)
    for at, (name, (kills, size)) in enumerate(MEMORY.items()):
        own = rows[at * len(seeds) : (at + 1) * len(seeds)]
        killed = sum(number(row, "oom_kills_per_container_day") for row in own) / len(seeds) * 60 / 4
        held = sum(number(row, "memory_allocation_bytes") for row in own) / len(seeds) / 2**20
        assert killed == pytest.approx(kills, rel=0.1, abs=0.5), name
        assert held == pytest.approx(size, rel=0.1), name


def test_our_classes_keep_their_promise_through_the_real_controller() -> None:
    traces = public("rps")
    rows = each(run_job, [(name, traces, Options(), 1) for name in ("latency", "balanced", "dense", "captain-.02")])
    latency, balanced, dense, captain = rows
    for row, target in ((latency, 2), (balanced, 5), (dense, 10)):
        assert 100 * number(row, "throttled_period_ratio") <= target
        assert number(row, "lost_work_ratio") <= 0.001
        assert number(row, "invariant_violations") == 0
        assert number(row, "api_updates_per_container_hour") <= 60
    assert number(latency, "cpu_allocation_cores") > number(balanced, "cpu_allocation_cores")
    assert number(balanced, "cpu_allocation_cores") > number(dense, "cpu_allocation_cores")
    assert number(latency, "changes_per_container_hour") * 13 <= number(captain, "changes_per_container_hour")
