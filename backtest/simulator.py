"""Containers in simulated time: CFS periods of 100 ms with a fluid backlog, a working set against its limit.

Deterministic: the same traces, options and seed give the same run, and every policy meets the same noise. A policy
sees only what the kernel would show. A second without throttling and backlog is taken in one step.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Final, Protocol

from backtest.noise import gamma_table
from backtest.trace import Trace
from limits.sizes import MIB

PERIOD_S: Final = 0.1
LEAST_CORES: Final = 0.002
"""Nothing is quite idle."""
DROP_S: Final = 10.0
"""A backlog longer than so many seconds of demand is given up: lost work."""
DOWN_S, RAMP_S = 10, 60
"""After a kill: seconds without the container, seconds until its working set is back."""
STALL_BYTES: Final = 0.2 * MIB
"""Growth a second above memory.high; 0.15 MiB was measured on kernel 6.1."""
MEMORY_MIN: Final = 32.0 * MIB


@dataclass(frozen=True, slots=True)
class Options:
    """How a run starts and what it may do; the defaults are those of ``docs/evaluation.md``."""

    cpu_start: float = 2.0
    cpu_min: float | None = 0.02
    cpu_max: float = 4.0
    cores: float | None = None
    """So many it can use at once, limit or not; None: ``cpu_max``."""
    memory_start_ratio: float = 1.3
    memory_start: float | None = None
    """Bytes; None: by the ratio, of what its first minute uses."""
    memory_min: float | None = MEMORY_MIN
    """None: the owner's limit, like ``cpu_min``."""
    memory_max: float | None = None
    cv: float = 0.6
    cgroup: str = "v1"
    shrink_memory: bool = True
    memory_peak_window: str = "10m"


@dataclass(slots=True)
class Control:
    """What a policy holds in its hand for one container: cores, bytes, bytes."""

    quota: float = inf
    limit: float = inf
    high: float = inf
    each_period: bool = False
    """:meth:`period` is called ten times a second."""
    api_updates: int | None = None
    """None: every change is one."""
    violations: int = 0

    def period(self, usage: float, throttled: bool) -> None:
        """After a CFS period: cores used in it, and whether it was cut short."""

    def second(self, seen: Seen) -> None:
        """After a second."""


@dataclass(slots=True)
class Seen:
    """One second as the kernel counts it; None: not simulated."""

    usage: float | None = None
    throttled: float = 0.0
    memory: float | None = None
    oom: bool = False
    stalled: bool = False


class Fleet(Protocol):
    """A policy over all containers of a run."""

    @property
    def controls(self) -> Sequence[Control]: ...

    def after(self, second: int, seen: Sequence[Seen]) -> None:
        """All containers lived through this second: decide."""


@dataclass(slots=True)
class Totals:
    """What one container went through."""

    seconds: int = 0
    throttled: float = 0.0
    allocated: float = 0.0
    used: float = 0.0
    arrived: float = 0.0
    lost: float = 0.0
    waited: float = 0.0
    changes: int = 0
    kills: int = 0
    stalled: int = 0
    limit: float = 0.0
    api_updates: int = 0
    violations: int = 0
    has_cpu: bool = False
    has_memory: bool = False


@dataclass(slots=True)
class Vessel:
    """One container under one control."""

    trace: Trace
    control: Control
    rng: random.Random
    table: tuple[float, ...]
    parallelism: float
    totals: Totals = field(default_factory=Totals)
    backlog: float = 0.0
    killed_at: float = -inf
    before: float = 0.0
    base: float = 0.0

    def __post_init__(self) -> None:
        self.totals.has_cpu = self.trace.cpu is not None
        self.totals.has_memory = self.trace.memory is not None
        if self.trace.memory is not None:
            self.base, self.before = min(self.trace.memory[:60]) / 2, self.trace.memory[0]

    def live(self, second: int) -> Seen:
        """One second; what can be seen of it."""
        seen = Seen()
        self.totals.seconds += 1
        if self.trace.cpu is not None:
            seen.usage, seen.throttled = self._cpu(self.trace.cpu[second])
        if self.trace.memory is not None:
            self._memory(second, self.trace.memory[second], seen)
        return seen

    def _cpu(self, demand: float) -> tuple[float, float]:
        control, totals, demand = self.control, self.totals, max(demand, LEAST_CORES)
        scale = demand * PERIOD_S
        work = [draw * scale for draw in self.rng.choices(self.table, k=10)]
        arrived = sum(work)
        totals.arrived += arrived
        if not control.each_period:
            totals.allocated += control.quota
            if self.backlog <= 0 and max(work) <= min(control.quota, self.parallelism) * PERIOD_S:
                totals.used += arrived
                return arrived, 0.0
        return self._periods(work, DROP_S * max(demand, 0.05))

    def _periods(self, work: list[float], keep: float) -> tuple[float, float]:
        control, totals, backlog = self.control, self.totals, self.backlog
        most, used, hits = self.parallelism * PERIOD_S, 0.0, 0
        for arrived in work:
            budget = control.quota * PERIOD_S
            backlog += arrived
            served = min(backlog, budget, most)
            hit = backlog > budget * 1.0001 and budget < most
            backlog -= served
            if backlog > keep:
                totals.lost += backlog - keep
                backlog = keep
            used += served
            hits += hit
            totals.waited += backlog * PERIOD_S
            if control.each_period:
                totals.allocated += control.quota / 10
                control.period(served / PERIOD_S, hit)
        self.backlog = backlog if backlog > 1e-12 else 0.0
        totals.used += used
        totals.throttled += hits
        return used, hits / 10

    def _memory(self, second: int, demand: float, seen: Seen) -> None:
        control, totals, age = self.control, self.totals, second - self.killed_at
        wants = self.base + (demand - self.base) * min(1.0, age / RAMP_S)
        used = 0.0 if age < DOWN_S else wants
        top = max(control.high, self.before) + STALL_BYTES
        if used > top:
            used, seen.stalled = top, True
            totals.stalled += 1
        self.before = used
        totals.limit += control.limit
        if used > control.limit:
            seen.oom, self.killed_at = True, second
            totals.kills += 1
        seen.memory = min(used, control.limit)


def simulate(traces: Sequence[Trace], fleet: Fleet, options: Options, seed: int) -> list[Totals]:
    """Run all containers side by side to the end of the shortest trace; what each went through."""
    table = gamma_table(options.cv)
    parallelism = options.cpu_max if options.cores is None else options.cores
    vessels = [
        Vessel(trace, control, random.Random(f"{seed} {number} {trace.name}"), table, parallelism)
        for number, (trace, control) in enumerate(zip(traces, fleet.controls, strict=True))
    ]
    before = [(v.control.quota, v.control.limit) for v in vessels]
    for second in range(min(len(trace) for trace in traces)):
        seen = [vessel.live(second) for vessel in vessels]
        fleet.after(second, seen)
        for number, vessel in enumerate(vessels):
            now, was = (vessel.control.quota, vessel.control.limit), before[number]
            if now != was:
                vessel.totals.changes += differs(now[0], was[0]) + differs(now[1], was[1])
                before[number] = now
    for vessel in vessels:
        updates = vessel.control.api_updates
        vessel.totals.api_updates = vessel.totals.changes if updates is None else updates
        vessel.totals.violations = vessel.control.violations
    return [vessel.totals for vessel in vessels]


def differs(one: float, other: float) -> bool:
    """Is it another value, and not only another rounding?"""
    return isfinite(one) != isfinite(other) or (isfinite(one) and abs(one - other) > 1e-6 * other)
