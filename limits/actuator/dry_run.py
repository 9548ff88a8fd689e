"""Both doors in memory: nothing outside is changed. For what-if runs, demonstrations and tests.

It keeps Docker's rules that matter: one CPU field or the other, Memory never above MemorySwap, 0 ignored,
nothing below 6 MiB; and the kernel's: v1 answers EBUSY to a limit below what is in use, v2 kills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.cgroupfs.knobs import PERIOD_US, shares_of_weight, weight_of_shares
from limits.actuator.base import NATIVE_FIELDS, Inspected, MemoryUse
from limits.actuator.native import cores_of, memory_of
from limits.sizes import MEMORY_LEAST, say_bytes
from model.errors import NotThere, Refused
from model.limits import UNLIMITED, Bytes, Cores, Limits, Unlimited, bounded


@dataclass(slots=True)
class DryContainer:
    """One container: what the runtime has saved, what the kernel enforces, what is in use."""

    container_id: str
    name: str
    cgroup: str
    native: dict[str, int]
    cores: Cores
    memory: Bytes
    shares: int = 1024
    in_use: int = 0
    high: Bytes = UNLIMITED
    state: str = "running"
    kills: int = 0
    commands: tuple[str, ...] = ("app",)
    updates: list[dict[str, int]] = field(default_factory=list)
    writes: list[tuple[str, float]] = field(default_factory=list)
    shown: tuple[tuple[Cores | Bytes, ...], Limits] | None = None
    """What was read last, and of what: like the real reader it gives the same object while nothing changed."""


class DryRun:
    """:class:`limits.actuator.base.Actuator` and :class:`limits.actuator.base.Kernel` over containers in memory."""

    def __init__(self, *, v2: bool = False) -> None:
        self._v2 = v2
        self.containers: dict[str, DryContainer] = {}
        self._by_cgroup: dict[str, DryContainer] = {}

    def add(self, container_id: str, name: str, cgroup: str, native: Mapping[str, int]) -> DryContainer:
        """A container with these HostConfig fields."""
        fields = {key: native.get(key, 0) for key in NATIVE_FIELDS}
        made = DryContainer(container_id, name, cgroup, fields, cores_of(fields), memory_of(fields))
        made.shares = fields["CpuShares"] or 1024
        self.containers[container_id] = self._by_cgroup[cgroup] = made
        return made

    def inspect(self, container_id: str) -> Inspected:
        found = self._known(container_id)
        return Inspected(container_id, found.name, found.state, dict(found.native))

    def update(self, container_id: str, fields: Mapping[str, int]) -> None:
        found = self._known(container_id)
        wanted = {key: value for key, value in fields.items() if value}
        if wanted.get("NanoCpus", 0) > 0 and found.native["CpuQuota"] > 0:
            raise Refused("Docker refused: Conflicting options: Nano CPUs and CPU Quota cannot both be set")
        if wanted.get("CpuQuota", 0) > 0 and found.native["NanoCpus"] > 0:
            raise Refused("Docker refused: Conflicting options: CPU Quota cannot be updated as NanoCPUs is set")
        memory = wanted.get("Memory", 0)
        if memory:
            both = wanted.get("MemorySwap", found.native["MemorySwap"])
            if memory < MEMORY_LEAST or (0 < both < memory):
                raise Refused("Docker refused: Minimum memory limit allowed is 6MB, and not above memory and swap")
            if memory < found.in_use:
                if not self._v2:
                    raise Refused(f"it uses {say_bytes(found.in_use)}: the kernel refused a limit below")
                found.kills += 1
            found.memory = memory_of({**found.native, **wanted})
        found.native |= wanted
        found.updates.append(dict(wanted))
        if "NanoCpus" in wanted or "CpuQuota" in wanted:
            found.cores = cores_of(found.native)
        found.shares = wanted.get("CpuShares", found.shares)

    def asked(self) -> tuple[int, float]:
        return 0, 0.0

    def close(self) -> None: ...

    def v2_memory(self) -> bool:
        return self._v2

    def has_memory_high(self) -> bool:
        return self._v2

    def read(self, cgroup: str) -> Limits:
        found = self._at(cgroup)
        enforced = (found.cores, found.memory, found.high, found.shares, found.native["CpuPeriod"])
        if found.shown is None or found.shown[0] != enforced:
            found.shown = (enforced, self._limits_of(found))
        return found.shown[1]

    def _limits_of(self, found: DryContainer) -> Limits:
        period = found.native["CpuPeriod"] or PERIOD_US
        quota = (
            found.cores if isinstance(found.cores, Unlimited) or found.cores is None else round(found.cores * period)
        )
        return Limits(
            cpu_cores=found.cores,
            cpu_quota_us=quota,
            cpu_period_us=period,
            cpu_weight=weight_of_shares(found.shares),
            memory_bytes=found.memory,
            memory_high_bytes=found.high if self._v2 else None,
        )

    def memory_use(self, cgroup: str) -> MemoryUse | None:
        return MemoryUse(self._at(cgroup).in_use)

    def commands(self, cgroup: str) -> tuple[str, ...]:
        return self._at(cgroup).commands

    def write_cpu(self, cgroup: str, cores: Cores) -> None:
        found = self._at(cgroup)
        found.cores = cores
        found.writes.append(("cpu", bounded(cores) or -1.0))

    def write_weight(self, cgroup: str, weight: int) -> None:
        found = self._at(cgroup)
        found.shares = shares_of_weight(weight)
        found.writes.append(("weight", weight))

    def write_memory(self, cgroup: str, limit: Bytes, swap: Bytes) -> None:
        found = self._at(cgroup)
        found.memory = limit
        found.writes += [("memory", bounded(limit) or -1.0), ("swap", bounded(swap) or -1.0)]

    def raise_memory(self, cgroup: str, limit: int) -> None:
        found = self._at(cgroup)
        if isinstance(found.memory, int) and limit < found.memory:
            raise Refused("a memory limit is lowered through the runtime only")
        found.memory = limit
        found.writes.append(("memory", limit))

    def write_memory_high(self, cgroup: str, limit: int | None) -> None:
        found = self._at(cgroup)
        found.high = UNLIMITED if limit is None else limit
        found.writes.append(("memory.high", float(limit or 0)))

    def _known(self, container_id: str) -> DryContainer:
        try:
            return self.containers[container_id]
        except KeyError:
            raise NotThere(f"Docker knows no container {container_id[:12]}") from None

    def _at(self, cgroup: str) -> DryContainer:
        found = self._by_cgroup.get(cgroup)
        if found is not None and found.container_id in self.containers:
            return found
        raise NotThere(f"the cgroup {cgroup!r} is gone")
