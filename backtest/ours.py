"""The product's own controller in a simulated host: real laws, guard, journal and queue over doors in memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

from backtest.simulator import Control, Options, Seen
from backtest.trace import Trace
from config.schema import HostSettings, LimitSettings
from limits.actuator.dry_run import DryContainer, DryRun
from limits.controller import Controller
from limits.cpu_law import CpuLaw
from limits.sizes import CORES_LEAST, MIB
from model.limits import bounded
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.memory import MemoryState

START_MS = 1_700_000_000_000
GIB = 1024 * MIB
HOST = "backtest"
PREFIX = "wharfinger."


class Ours:
    """:class:`backtest.simulator.Fleet`: one controller over all containers of the run.

    The host is big enough that nobody is denied: ``docs/evaluation.md`` judges the laws, tests judge the budget.
    """

    def __init__(self, traces: Sequence[Trace], controls: Sequence[Control], options: Options, work_class: str) -> None:
        self._controls, self._options = list(controls), options
        self._cores = max(8, round(2 * options.cpu_max * len(traces)))
        self._doors = DryRun(v2=options.cgroup == "v2")
        settings = LimitSettings(
            mode="auto", shrink_memory=options.shrink_memory, memory_peak_window=options.memory_peak_window
        )
        self.controller = Controller(
            settings, PREFIX, HostSettings(), MemoryState(), self._doors, tuple, lambda _change: None, self._cores,
            kernel=self._doors,
        )  # fmt: skip
        self.controller.recover(START_MS)
        self._dry: list[DryContainer] = []
        self._targets: dict[str, Target] = {}
        labels = {f"{PREFIX}class": work_class, f"{PREFIX}cpu.max": str(options.cpu_max)}
        if options.cpu_min is not None:
            labels[f"{PREFIX}cpu.min"] = str(options.cpu_min)
        for name, size in (("memory.min", options.memory_min), ("memory.max", options.memory_max)):
            if size is not None:
                labels[f"{PREFIX}{name}"] = str(int(size))
        for number, (trace, control) in enumerate(zip(traces, controls, strict=True)):
            self._add(number, trace, control, labels)

    @property
    def controls(self) -> Sequence[Control]:
        return self._controls

    def _add(self, number: int, trace: Trace, control: Control, labels: dict[str, str]) -> None:
        key, native = f"{number:064x}", {}
        if isfinite(control.quota):
            native["NanoCpus"] = round(control.quota * 1e9)
        if isfinite(control.limit):
            native |= {"Memory": int(control.limit), "MemorySwap": int(control.limit)}
        self._dry.append(self._doors.add(key, trace.name, f"/docker/{key}", native))
        self._targets[key] = Target(TargetId("docker", key, number + 1), f"/docker/{key}", trace.name, labels=labels)

    def after(self, second: int, seen: Sequence[Seen]) -> None:
        now_ms = START_MS + 1000 * (second + 1)
        samples, limits = {}, {}
        cores = memory = 0.0
        for dry, one in zip(self._dry, seen, strict=True):
            dry.in_use = int(one.memory or 0)
            samples[dry.container_id] = Sample(values_of(one))
            limits[dry.container_id] = self._doors.read(dry.cgroup)
            cores, memory = cores + (one.usage or 0.0), memory + (one.memory or 0.0)
        total = 4.0 * memory + 64 * GIB
        host = {
            "cpu_usage_cores": cores,
            "cpu_pressure_some_ratio": 0.0,
            "host_memory_total_bytes": total,
            "host_memory_available_bytes": total - memory,
        }
        snapshot = Snapshot(
            now_ms, 1.0, HOST, self._options.cgroup, Sample(host), self._targets, samples, limits
        )  # fmt: skip
        self.decide(snapshot)
        self._take_over(seen)

    def decide(self, snapshot: Snapshot) -> None:
        """The controller's own part of a second."""
        self.controller.consider(snapshot, (), snapshot.at_ms)
        while self.controller.act(snapshot.at_ms) <= 0:
            pass

    def _take_over(self, seen: Sequence[Seen]) -> None:
        """What is in force after the tick; and what must never be: out of bounds, or below what is in use."""
        least = self._options.cpu_min if self._options.cpu_min is not None else self._options.cpu_start
        for control, dry, one in zip(self._controls, self._dry, seen, strict=True):
            cores, size = bounded(dry.cores), bounded(dry.memory)
            quota, limit = inf if cores is None else cores, inf if size is None else float(size)
            if quota != control.quota:
                inside = max(least, CORES_LEAST) - 1e-9 <= quota <= self._options.cpu_max + 1e-9
                control.violations += not inside
                control.quota = quota
            if limit != control.limit:
                control.violations += limit < control.limit and limit < (one.memory or 0.0)
                control.limit = limit
            high = bounded(dry.high)
            control.high = inf if high is None else float(high)
            control.api_updates = len(dry.updates)


def values_of(seen: Seen) -> dict[str, float]:
    """One second by catalogue name."""
    values: dict[str, float] = {}
    if seen.usage is not None:
        values["cpu_usage_cores"] = seen.usage
        values["cpu_throttled_periods_ratio"] = seen.throttled
    if seen.memory is not None:
        values["memory_working_set_bytes"] = seen.memory
        values["memory_oom_kills"] = float(seen.oom)
        values["memory_high_events_per_second"] = float(seen.stalled)
    return values


class LawAlone(Control):
    """The CPU law at any target, without the house around it: for frontiers, which need more points than classes."""

    def __init__(self, target: float, quota: float, options: Options) -> None:
        super().__init__(quota=quota)
        self._law = CpuLaw(target, quota, options.cpu_max, options.cpu_min or quota)

    def second(self, seen: Seen) -> None:
        if seen.usage is not None:
            self.quota = self._law.tick(seen.usage, seen.throttled)
            self._law.in_force(self.quota)
