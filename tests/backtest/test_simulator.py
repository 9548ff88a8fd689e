"""The simulated host: nothing is lost or made up, runs repeat, and every policy meets the same noise."""

from __future__ import annotations

from array import array
from math import inf

import pytest

from backtest.baselines.senpai import Senpai
from backtest.noise import BURSTS, gamma_table, synthetic_memory, with_bursts
from backtest.policies import fleet_of
from backtest.report import METRICS, of_run, over_seeds
from backtest.run import judge
from backtest.simulator import Control, Options, Seen, simulate
from backtest.trace import Trace
from limits.sizes import MIB
from model.errors import UsageError


def flat(cores: float, seconds: int = 120, name: str = "web") -> Trace:
    return Trace(name, array("d", [cores]) * seconds)


def memory(*values: float) -> Trace:
    return Trace("db", None, array("d", (value * MIB for value in values)))


def test_work_is_served_waits_or_is_lost_and_nothing_else() -> None:
    options = Options(cpu_start=0.4, cpu_min=None)
    (totals,) = simulate([flat(0.5)], fleet_of("static", [flat(0.5)], options), options, 1)
    assert totals.used == pytest.approx(0.4 * 120, rel=0.01)
    assert totals.throttled > 0.9 * 1200
    waiting = totals.arrived - totals.used - totals.lost
    assert 0 <= waiting <= 0.5 * 10 * 1.001
    assert totals.lost > 0


def test_without_noise_a_quota_above_the_demand_never_throttles() -> None:
    options = Options(cv=0.0)
    row = of_run(simulate([flat(0.5)], fleet_of("static", [flat(0.5)], options), options, 1))
    assert row["throttled_period_ratio"] == 0
    assert row["delay_ms"] == 0
    assert row["cpu_slack_ratio"] == pytest.approx(0.75)
    assert row["memory_allocation_bytes"] is None


def test_a_second_in_one_step_is_the_same_as_ten_periods() -> None:
    options = Options()

    class Fine(Control):
        pass

    coarse, fine = Control(quota=0.9), Fine(quota=0.9, each_period=True)
    results = [
        simulate([flat(0.5)], type("F", (), {"controls": [c], "after": lambda *_: None})(), options, 5)[0]
        for c in (coarse, fine)
    ]
    for field in ("used", "throttled", "arrived", "waited", "allocated"):
        assert getattr(results[0], field) == pytest.approx(getattr(results[1], field))


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    runs = [judge([flat(0.5)], ["balanced"], seeds=1, workers=1) for _ in range(2)]
    assert runs[0] == runs[1]
    two = judge([flat(0.5)], ["balanced"], seeds=2, workers=1)["policies"]["balanced"]["delay_ms"]
    assert two["min"] <= two["mean"] <= two["max"]
    assert two["min"] < two["max"]


def test_noise_keeps_the_mean() -> None:
    for cv in (0.3, 0.6, 1.0):
        table = gamma_table(cv)
        assert sum(table) / len(table) == pytest.approx(1.0)
        spread = sum((x - 1) ** 2 for x in table) / len(table)
        assert spread**0.5 == pytest.approx(cv, rel=0.03)
    assert gamma_table(0.0) == (1.0,)


@pytest.mark.parametrize("kind", BURSTS)
def test_bursts_keep_the_length_and_about_the_mean(kind: str) -> None:
    demand = array("d", [0.5]) * 7200
    out = with_bursts(demand, kind, 1)
    assert len(out) == 7200
    assert sum(out) / 7200 == pytest.approx(0.5, rel=0.25 if kind.startswith("ar") else 1e-6)
    assert min(out) >= 0


def test_too_little_memory_kills_and_the_container_comes_back() -> None:
    trace = memory(*[50] * 60, *[120] * 200)
    options = Options(memory_start_ratio=1.0)
    (totals,) = simulate([trace], fleet_of("static", [trace], options), options, 1)
    assert totals.kills >= 2
    assert not totals.has_cpu
    row = of_run([totals])
    assert row["delay_ms"] is None
    assert row["oom_kills_per_container_day"] is not None


def test_growth_above_memory_high_stalls_and_does_not_kill() -> None:
    class Bag(Control):
        def second(self, seen: Seen) -> None:
            if seen.stalled:
                self.high = self.limit = inf

    trace = memory(*[50] * 60, *[120] * 60)
    bag = Bag(limit=100 * MIB, high=80 * MIB)
    fleet = type("F", (), {"controls": [bag], "after": lambda _self, _t, seen: bag.second(seen[0])})()
    (totals,) = simulate([trace], fleet, Options(), 1)
    assert (totals.kills, totals.stalled) == (0, 1)


def test_synthetic_memory_is_seeded_and_every_fourth_leaks() -> None:
    one, again = synthetic_memory(3, 8, 3600), synthetic_memory(3, 8, 3600)
    assert one == again
    assert synthetic_memory(4, 8, 3600) != one
    assert all(min(values) > 0 for values in one)


def test_senpai_takes_what_is_not_missed_and_gives_back_on_pressure() -> None:
    senpai = Senpai(2.0, 1024.0 * MIB)
    for _ in range(600):
        senpai.second(Seen(memory=500.0 * MIB))
    low = senpai.high
    assert 100 * MIB <= low < 500 * MIB
    senpai.second(Seen(memory=500.0 * MIB, stalled=True))
    assert low < senpai.high <= senpai.limit


@pytest.mark.parametrize("name", ["best", "captain-", "captain-x", "captain-2", "vpa-live-0", "vpa-live-nan", "law--1"])
def test_a_policy_that_is_not_known_is_refused_before_anything_runs(name: str) -> None:
    with pytest.raises(UsageError, match="latency, balanced, dense"):
        judge([flat(0.5)], [name], workers=1)


def test_every_number_is_finite_or_null_for_every_policy() -> None:
    names = "latency balanced dense static unlimited vpa vpa-live-1.5 captain-.1 krr kubecost dockpulse senpai law-.05"
    both = Trace("both", array("d", [0.3]) * 130, array("d", [80.0 * MIB]) * 130)
    result = judge([flat(0.4, 90), both], names.split(), workers=1)
    assert result["traces"] == ["web", "both"]
    for numbers in result["policies"].values():
        assert tuple(numbers) == METRICS
        for value in numbers.values():
            assert set(value) == {"mean", "min", "max"}
            assert all(x is None or abs(x) < inf for x in value.values())
        assert numbers["invariant_violations"]["max"] == 0
    assert result["policies"]["unlimited"]["cpu_allocation_cores"]["mean"] is None
    assert over_seeds([])["delay_ms"] == {"mean": None, "min": None, "max": None}
