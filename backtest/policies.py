"""Names of policies, as they are written on the command line, and the fleets that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

from backtest.baselines.captain import Captain
from backtest.baselines.senpai import Senpai
from backtest.baselines.sizers import Sizer, dockpulse, krr, kubecost, sized
from backtest.baselines.vpa import Vpa
from backtest.ours import LawAlone, Ours
from backtest.simulator import Control, Fleet, Options, Seen
from backtest.trace import Trace
from limits.cpu_law import TARGETS
from limits.sizes import MIB
from model.errors import UsageError

SIZERS: Final[dict[str, Sizer]] = {"krr": krr, "kubecost": kubecost, "dockpulse": dockpulse}
ORACLES: Final = tuple(SIZERS)
"""They see the history that they are judged on."""
NAMES: Final = (
    *TARGETS, "static", "unlimited", "vpa", "vpa-live-R", "captain-T", *SIZERS, "senpai", "law-T"
)  # fmt: skip


class Each:
    """A fleet whose containers are controlled one by one."""

    def __init__(self, controls: Sequence[Control]) -> None:
        self.controls = controls

    def after(self, second: int, seen: Sequence[Seen]) -> None:
        del second
        for control, one in zip(self.controls, seen, strict=True):
            control.second(one)


def check(name: str) -> None:
    """Raises UsageError for a name that is no policy."""
    if name in TARGETS or name in SIZERS or name in ("static", "unlimited", "vpa", "senpai"):
        return
    for kind, most in (("vpa-live-", 100.0), ("captain-", 1.0), ("law-", 100.0)):
        if name.startswith(kind) and 0 < number_of(name.removeprefix(kind)) <= most:
            return
    raise UsageError(f"there is no policy {name!r}: {', '.join(NAMES)} (R: a factor, T: a share such as .05)")


def number_of(text: str) -> float:
    """0 where it is no number."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def fleet_of(name: str, traces: Sequence[Trace], options: Options) -> Fleet:
    """The fleet of a policy at the start of a run. Raises UsageError."""
    check(name)
    if name in TARGETS:
        return Ours(traces, [as_given(trace, options) for trace in traces], options, name)
    return Each([control_of(name, trace, options) for trace in traces])


def as_given(trace: Trace, options: Options) -> Control:
    """The limits at the start: cores by the options, memory as they are told or by what its first minute uses."""
    limit = inf
    if trace.memory is not None:
        limit = options.memory_start or max(options.memory_start_ratio * max(trace.memory[:60]), 64.0 * MIB)
    return Control(quota=options.cpu_start if trace.cpu is not None else inf, limit=limit)


def control_of(name: str, trace: Trace, options: Options) -> Control:
    start = as_given(trace, options)
    if name in SIZERS:
        return sized(trace, SIZERS[name], options.cpu_max)
    if name == "unlimited":
        return Control()
    if name == "senpai":
        return Senpai(start.quota, start.limit)
    kind, _, number = name.rpartition("-")
    if kind == "captain":
        control: Control = Captain(float(number), start.quota, options.cpu_max)
        control.limit = start.limit
    elif kind == "law":
        control = LawAlone(float(number), start.quota, options)
        control.limit = start.limit
    elif name.startswith("vpa"):
        control = Vpa(float(number) if kind == "vpa-live" else None, start.quota, options.cpu_max, start.limit)
    else:
        control = start
    return control
