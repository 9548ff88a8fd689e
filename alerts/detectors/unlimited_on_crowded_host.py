"""The host is crowded, and a container that uses much of it has no limit: it can take the rest from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.detectors.suspects import average, fact, told
from alerts.words import say_bytes, say_cores, say_ratio
from model.alert import Severity
from model.finding import Finding
from model.limits import UNLIMITED
from model.sample import HOST_KEY, Snapshot
from storage.api import Recent

WORKING_SET, USAGE = "memory_working_set_bytes", "cpu_usage_cores"


@dataclass(frozen=True, slots=True)
class UnlimitedOnCrowdedHost:
    """A finding on each container without a memory limit that holds ``memory_share`` of the host's memory while less
    than ``free_ratio`` of it is available; and without a CPU limit that uses ``cpu_share`` of the host's CPUs while
    they are ``busy_ratio`` busy over ``window_s``. An unknown limit is not "no limit"."""

    name: str = "unlimited_on_crowded_host"
    window_s: float = 60.0
    free_ratio: float = 0.1
    memory_share: float = 0.2
    busy_ratio: float = 0.9
    cpu_share: float = 0.25

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        return [*self._memory(snapshot), *self._cpu(snapshot, recent)]

    def _memory(self, snapshot: Snapshot) -> list[Finding]:
        host = snapshot.host_sample.values
        total, free = host.get("host_memory_total_bytes"), host.get("host_memory_available_bytes")
        if not total or free is None or free > self.free_ratio * total:
            return []
        found = []
        for key, sample in snapshot.samples.items():
            used, limits = sample.values.get(WORKING_SET, 0.0), snapshot.limits.get(key)
            target = snapshot.targets.get(key)
            if used < self.memory_share * total or limits is None or target is None:
                continue
            if limits.memory_bytes is UNLIMITED:
                found.append(
                    told(
                        snapshot,
                        target,
                        self.name,
                        Severity.WARNING,
                        summary=(
                            f"Has no memory limit on a host that is nearly out of memory. Uses {say_bytes(used)}, "
                            f"{say_ratio(used / total)} of the host's; {say_bytes(free)} are left."
                        ),
                        evidence=(
                            fact(WORKING_SET, used, self.memory_share * total, snapshot.interval_s),
                            fact("host_memory_available_bytes", free, self.free_ratio * total, snapshot.interval_s),
                        ),
                        advice="Give it a memory limit, so that it feels it when it grows, not the others.",
                    )
                )
        return found

    def _cpu(self, snapshot: Snapshot, recent: Recent) -> list[Finding]:
        cpus = snapshot.host_sample.values.get("host_cpu_count")
        busy = average(recent, HOST_KEY, USAGE, self.window_s, snapshot.interval_s)
        if not cpus or busy is None or busy < self.busy_ratio * cpus:
            return []
        found = []
        for key, sample in snapshot.samples.items():
            limits, target = snapshot.limits.get(key), snapshot.targets.get(key)
            if sample.values.get(USAGE, 0.0) < 0.5 * self.cpu_share * cpus or limits is None or target is None:
                continue
            used = average(recent, key, USAGE, self.window_s, snapshot.interval_s)
            if limits.cpu_cores is UNLIMITED and used is not None and used >= self.cpu_share * cpus:
                found.append(
                    told(
                        snapshot,
                        target,
                        self.name,
                        Severity.INFO,
                        summary=(
                            f"Has no CPU limit on a busy host. Uses {say_cores(used)}, {say_ratio(used / cpus)} of the "
                            f"host's, which is {say_ratio(busy / cpus)} busy."
                        ),
                        evidence=(
                            fact(USAGE, used, self.cpu_share * cpus, self.window_s),
                            fact("host_cpu_busy_ratio", busy / cpus, self.busy_ratio, self.window_s),
                        ),
                        advice="Give it a CPU limit or a smaller weight if others have to wait for it.",
                    )
                )
        return found
