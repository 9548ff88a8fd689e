"""What deciding costs: the controller's CPU for many containers that are all under ``auto``; and how soon it gives."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from backtest.ours import Ours
from backtest.policies import as_given
from backtest.run import judge
from backtest.simulator import Options, Seen, simulate
from backtest.trace import Trace, public
from model.sample import Snapshot
from tools.bench.result import Measured, Part, Spec, together

BEGIN_S, SETTLED_S, MINUTE_S = 120, 300, 60
RESULTS = (
    Spec("limits_core_share_100", "% of a core", "Deciding and acting, 100 busy containers under auto", bar=0.5),
    Spec("limits_core_share_1000", "% of a core", "The same, 1,000 containers", bar=3.0),
    Spec("limits_settled_core_share_1000", "% of a core", "The same, in the fifth minute", bar=3.0),
    Spec("limits_step_satisfied_s", "s", "0.2 → 1.0 core of demand: until the quota covers it (simulated)", bar=4.0),
    Spec("limits_changes_over_captain", "ratio", "Changes at 2 % throttling, rps", bar=1 / 13, anchor="Captain at .02"),
    Spec("limits_api_updates_per_hour", "1/h", "API updates a container-hour, rps, latency", bar=60.0),
    Spec("limits_lost_work_share", "%", "Work lost, rps, dense", bar=0.1, anchor="Captain at .1"),
)


class Timed(Ours):
    """Ours, with the CPU of the controller measured."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.spent: list[float] = []

    def decide(self, snapshot: Snapshot) -> None:
        before = time.process_time()
        super().decide(snapshot)
        self.spent.append(time.process_time() - before)


def cost() -> dict[str, Measured]:
    """Of the two minutes in which it begins with all of them and nearly each wishes another limit, and of later."""
    few, many = spent(100, BEGIN_S), spent(1000, SETTLED_S)
    return {
        "limits_core_share_100": Measured(100 * sum(few) / len(few)),
        "limits_core_share_1000": Measured(100 * sum(many[:BEGIN_S]) / BEGIN_S),
        "limits_settled_core_share_1000": Measured(100 * sum(many[-MINUTE_S:]) / MINUTE_S),
    }


def step() -> dict[str, Measured]:
    return {"limits_step_satisfied_s": Measured(step_s())}


def spent(containers: int, seconds: int) -> list[float]:
    """CPU seconds of the controller, by second of the simulated time."""
    traces = [Trace(f"c{n}", array("d", [0.2 + 0.3 * (n % 3)] * seconds)) for n in range(containers)]
    options = Options()
    fleet = Timed(traces, [as_given(trace, options) for trace in traces], options, "balanced")
    simulate(traces, fleet, options, 1)
    return fleet.spent


def step_s() -> float:
    """Seconds until the quota covers the step, from a quota of 0.25."""
    trace = Trace("step", array("d", [0.2] * 60 + [1.0] * 60))
    options = Options(cpu_start=0.25, cpu_min=None)
    control = as_given(trace, options)
    fleet = Ours([trace], [control], options, "balanced")
    reached: list[int] = []

    class Watched:
        controls = (control,)

        def after(self, second: int, seen: Sequence[Seen]) -> None:
            fleet.after(second, seen)
            if second >= 60 and control.quota >= 1.0:
                reached.append(second - 59)

    simulate([trace], Watched(), options, 1)
    return float(reached[0]) if reached else float(len(trace))


def judged() -> dict[str, Measured]:
    policies = judge(public("rps"), ["latency", "dense", "captain-.02", "captain-.1"], workers=1)["policies"]

    def number(policy: str, name: str) -> float:
        return float(policies[policy][name]["mean"])

    changes, captains = (number(name, "changes_per_container_hour") for name in ("latency", "captain-.02"))
    lost = [100 * number(name, "lost_work_ratio") for name in ("dense", "captain-.1")]
    return {
        "limits_changes_over_captain": Measured(changes / captains),
        "limits_api_updates_per_hour": Measured(number("latency", "api_updates_per_container_hour")),
        "limits_lost_work_share": Measured(lost[0], lost[1]),
    }


PARTS: Mapping[str, Part] = {"cost": cost, "step": step, "traces": judged}


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    return together(PARTS, chosen)
