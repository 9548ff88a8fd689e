"""Our laws against the figures that an independent implementation of them gave (numpy, another noise): within a tenth.

A few rows at every run of the tests; with ``LAW_TABLE=all`` the whole table, in some three minutes.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from statistics import mean, median

import pytest

from backtest.noise import synthetic_memory
from backtest.policies import fleet_of
from backtest.report import Row
from backtest.run import bursty, each, run_job
from backtest.simulator import Control, Fleet, Options, Seen, simulate
from backtest.trace import Trace, public
from tools.evaluation.frontier import ratios

LAW = ("law-.01", "law-.02", "law-.1", "law-.3", "law-.8")
CAPTAIN = ("captain-.02", "captain-.1", "captain-.3")
CORES = {
    ("none", 0.3): 0.986,
    ("none", 0.6): 0.980,
    ("none", 1.0): 0.976,
    ("ar1", 0.6): 0.970,
    ("ar3", 0.6): 0.950,
    ("ar10", 0.6): 0.921,
    ("ar30", 0.6): 0.939,
    ("on5/45", 0.6): 0.824,
    ("on30/120", 0.6): 0.870,
    ("on2/10", 0.6): 0.999,
    ("cron", 0.6): 0.899,
}
"""Over ``rps``, (bursts, cv): the law's cores over Captain's at equal throttled share."""
AT_ONCE = (("none", 0.6),)
MEMORY = {"v1": (1.48, 4, 5), "v2": (1.24, 8, 10)}
"""Bursts and leaks: mean limit over mean use; changes an hour, least and most."""
LOW_S, HIGH_S = 3600, 600
MOST_LOST = 0.0045
"""Share of the work that bursts of seconds may cost; an unlimited container loses some of it as well."""
WHOLE = os.environ.get("LAW_TABLE") == "all"


def number(row: Row, name: str) -> float:
    value = row[name]
    assert value is not None
    return value


def point(row: Row) -> tuple[float, float]:
    return number(row, "throttled_period_ratio"), number(row, "cpu_allocation_cores")


def test_cores_at_equal_throttling() -> None:
    chosen = tuple(CORES) if WHOLE else AT_ONCE
    sets = {bursts: bursty(public("rps"), bursts, 1) for bursts, _ in chosen}
    rows = each(run_job, [(name, sets[bursts], Options(cv=cv), 1) for bursts, cv in chosen for name in LAW + CAPTAIN])
    wide = len(LAW + CAPTAIN)
    for at, (bursts, cv) in enumerate(chosen):
        own = rows[at * wide : (at + 1) * wide]
        found = ratios([point(row) for row in own[: len(LAW)]], [point(row) for row in own[len(LAW) :]])
        assert len(found) == len(CAPTAIN), f"{bursts} {cv}: the law's frontier covers each of Captain's points"
        assert mean(found) == pytest.approx(CORES[bursts, cv], rel=0.1), f"{bursts} {cv}"
        ours, theirs = own[1], own[len(LAW)]
        assert number(ours, "lost_work_ratio") <= MOST_LOST, f"{bursts} {cv}"
        changes, captains = (number(row, "changes_per_container_hour") for row in (ours, theirs))
        assert changes < (captains / 13 if bursts == "none" else captains), f"{bursts} {cv}"


class Watched:
    """A fleet of one, whose quota is noted after each second."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.quotas: list[float] = []

    @property
    def controls(self) -> Sequence[Control]:
        return self._fleet.controls

    def after(self, second: int, seen: Sequence[Seen]) -> None:
        self._fleet.after(second, seen)
        self.quotas.append(self._fleet.controls[0].quota)


def quotas(policy: str, low: float, high: float, cores: float, seed: int) -> list[float]:
    """Quota after each second of an hour of low demand, ten minutes of high, and five of low again."""
    demand = array("d", [low] * LOW_S + [high] * HIGH_S + [low] * 301)
    trace, options = Trace("step", demand, None), Options(cpu_start=max(0.5, 2.5 * low), cpu_max=cores)
    watched = Watched(fleet_of(policy, [trace], options))
    simulate([trace], watched, options, seed)
    return watched.quotas


@pytest.mark.parametrize(
    ("low", "high", "cores", "policy", "seconds"),
    [
        (0.2, 1.5, 4.0, "law-.05", 1),
        (0.5, 4.0, 8.0, "law-.05", 1),
        (0.002, 1.0, 4.0, "law-.05", 6),
        (0.002, 1.0, 4.0, "captain-.05", 7),
    ],
)
def test_steps_are_followed(low: float, high: float, cores: float, policy: str, seconds: int) -> None:
    runs = [quotas(policy, low, high, cores, seed)[LOW_S:] for seed in (1, 2, 3)]
    reached = [next(second for second, quota in enumerate(run) if quota >= high) for run in runs]
    assert median(reached) == seconds, "after the first second of it"


def test_after_a_step_the_quota_comes_down() -> None:
    runs = [quotas("law-.05", 0.2, 1.5, 4.0, seed)[LOW_S + HIGH_S :] for seed in range(1, 13)]
    assert mean(run[30] for run in runs) == pytest.approx(1.05, rel=0.15), "of one run there; ours are a seventh apart"
    assert mean(run[300] for run in runs) == pytest.approx(0.62, rel=0.15)


if WHOLE:

    def test_memory_with_bursts_and_leaks() -> None:
        values = synthetic_memory(5, 30, 7200)
        traces = tuple(Trace(f"m{number}", None, one) for number, one in enumerate(values))
        in_use = mean(mean(one) for one in values)
        rows = each(run_job, [("balanced", traces, Options(cgroup=cgroup), 1) for cgroup in MEMORY])
        for (cgroup, (held, least, most)), row in zip(MEMORY.items(), rows, strict=True):
            assert number(row, "memory_allocation_bytes") / in_use == pytest.approx(held, rel=0.1), cgroup
            assert 0.9 * least <= number(row, "changes_per_container_hour") <= 1.1 * most, cgroup
            assert number(row, "invariant_violations") == 0
        assert number(rows[1], "oom_kills_per_container_day") == 0, "with the airbag"
        assert number(rows[0], "oom_kills_per_container_day") * len(values) / 12 <= 2, "without: 10 of 60 in 6 h"
