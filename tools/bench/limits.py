"""What deciding costs: the controller's CPU for many containers that are all under ``auto``; and how soon it gives."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence

from backtest.ours import Ours
from backtest.policies import as_given
from backtest.run import judge
from backtest.simulator import Options, Seen, simulate
from backtest.trace import Trace, public
from model.sample import Snapshot
from tools.bench.result import Measured, Part, Spec, together

SECONDS = 120
RESULTS = (
    Spec("limits_core_share_100", "% of a core", "Deciding and acting, 100 busy containers under auto", bar=0.5),
    Spec("limits_core_share_1000", "% of a core", "The same, 1,000 containers", bar=3.0),
    Spec("limits_step_satisfied_s", "s", "0.2 → 1.0 core of demand: until the quota covers it (simulated)", bar=4.0),
    Spec("limits_changes_over_captain", "ratio", "Changes at 2 % throttling, rps", bar=1 / 13, anchor="Captain at .02"),
    Spec("limits_api_updates_per_hour", "1/h", "API updates a container-hour, rps, latency", bar=60.0),
    Spec("limits_lost_work_share", "%", "Work lost, rps, dense", bar=0.1, anchor="Captain at .1"),
)


class Timed(Ours):
    """Ours, with the CPU of the controller measured."""

    spent = 0.0

    def decide(self, snapshot: Snapshot) -> None:
        before = time.process_time()
        super().decide(snapshot)
        self.spent += time.process_time() - before


def cost() -> dict[str, Measured]:
    return {f"limits_core_share_{size}": Measured(core_share(size)) for size in (100, 1000)}


def step() -> dict[str, Measured]:
    return {"limits_step_satisfied_s": Measured(step_s())}


def core_share(containers: int) -> float:
    """CPU a second of the controller, in per cent of a core, of the two minutes in which it begins with all of them:
    nearly each wishes another limit at once."""
    traces = [Trace(f"c{n}", array("d", [0.2 + 0.3 * (n % 3)] * SECONDS)) for n in range(containers)]
    options = Options()
    fleet = Timed(traces, [as_given(trace, options) for trace in traces], options, "balanced")
    simulate(traces, fleet, options, 1)
    return 100 * fleet.spent / SECONDS


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
