"""Memory that grows fast, through the real controller: with the airbag of v2 nothing is killed."""

from __future__ import annotations

from array import array

import pytest

from backtest.noise import synthetic_memory
from backtest.run import judge
from backtest.simulator import Options
from backtest.trace import Trace
from limits.sizes import MIB


def growing(rate: float) -> Trace:
    values = [50.0] * 70
    while values[-1] < 300:
        values.append(min(300.0, values[-1] + rate))
    return Trace("grower", None, array("d", (value * MIB for value in [*values, *[300.0] * 60])))


def outcome(rate: float, cgroup: str) -> tuple[float, float]:
    result = judge([growing(rate)], ["balanced"], options=Options(cgroup=cgroup), workers=1)["policies"]["balanced"]
    return result["oom_kills_per_container_day"]["mean"], result["stall_s_per_container_day"]["mean"]


@pytest.mark.parametrize("rate", [20.0, 60.0, 150.0])
def test_on_v2_growth_stalls_for_a_moment_and_is_not_killed(rate: float) -> None:
    kills, stalls = outcome(rate, "v2")
    assert kills == 0
    seconds = len(growing(rate))
    assert stalls * seconds / 86_400 <= 5.5


def test_on_v1_slow_growth_is_not_killed_and_fast_growth_is() -> None:
    assert outcome(5.0, "v1")[0] == 0
    assert outcome(150.0, "v1")[0] > 0, "there is no airbag: else this test would prove nothing"


def test_bursts_and_leaks_on_v2() -> None:
    traces = [Trace(f"m{i}", None, values) for i, values in enumerate(synthetic_memory(3, 12, 5400))]
    numbers = judge(traces, ["balanced"], options=Options(cgroup="v2"), workers=1)["policies"]["balanced"]
    assert numbers["oom_kills_per_container_day"]["mean"] == 0
    assert numbers["invariant_violations"]["max"] == 0
