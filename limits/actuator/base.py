"""Contracts of the two doors: the runtime, which remembers a limit, and the kernel, which enforces it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from model.change import Knobs
from model.errors import WharfingerError
from model.limits import Bytes, Cores, Limits

NATIVE_FIELDS = ("NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "Memory", "MemorySwap")
"""Docker HostConfig fields that this room reads and writes."""

Native = Mapping[str, int]
"""The runtime's own form of a container's limits: each of :data:`NATIVE_FIELDS`, 0 where it is not set."""


class ActuatorAway(WharfingerError):
    """A door is shut for now: the runtime does not answer, or the cgroup tree is read-only. Nothing was changed
    as far as is known; ask again later."""


class Unanswered(ActuatorAway):
    """An update was sent and no answer came: it may be done, or be done yet."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A container as its runtime has it on disk. ``state``: running, paused, restarting, exited, …"""

    container_id: str
    name: str
    state: str
    native: Native
    knobs: Knobs | None = None
    """The same as knobs, where the native form does not say all; None: it does."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """``working_set``: usage without inactive file cache. ``unreclaimable``: anonymous, kernel and shared
    memory, which no limit can push out; None where the kernel does not tell."""

    working_set: int
    unreclaimable: int | None = None
    current: int = 0
    """With all file cache: what ``memory.high`` is held against."""

    @property
    def in_use(self) -> int:
        return max(self.working_set, self.unreclaimable or 0)


class Actuator(Protocol):
    """A runtime's API. Each call may take seconds and never hangs; any thread.

    Errors: NotThere (no such container), Refused (the runtime said no, with its reason), ActuatorAway; of an
    update also Unanswered.
    """

    def inspect(self, container_id: str) -> Inspected: ...

    def update(self, container_id: str, fields: Mapping[str, int]) -> None:
        """Set these native fields together; durable over restarts of container and host."""

    def asked(self) -> tuple[int, float]:
        """Requests answered since the start, and the seconds that it took."""

    def close(self) -> None: ...


class Kernel(Protocol):
    """The limit files of a cgroup (path below the root, with a leading slash). Microseconds; any thread.

    Errors: NotThere (the cgroup is gone), Refused (the kernel said no), ActuatorAway (may not be written).
    """

    def v2_memory(self) -> bool:
        """Is memory enforced by cgroup v2, where a limit below what is in use kills?"""

    def has_memory_high(self) -> bool:
        """Is there a ``memory.high`` that throttles well: cgroup v2, kernel 5.9 or newer?"""

    def read(self, cgroup: str) -> Limits: ...

    def memory_use(self, cgroup: str) -> MemoryUse | None:
        """None where this host has no memory controller."""

    def commands(self, cgroup: str) -> tuple[str, ...]:
        """Names of the programs of its first processes (``comm``), in no order."""

    def write_cpu(self, cgroup: str, cores: Cores) -> None:
        """Set the quota on the period in force."""

    def write_weight(self, cgroup: str, weight: int) -> None:
        """Set the CPU weight, on cgroup v2's scale."""

    def write_memory(self, cgroup: str, limit: Bytes, swap: Bytes) -> None:
        """Set memory and swap (alone; None: it is left) where no runtime does: on v2 a limit below what is in use
        kills, so whoever calls has looked."""

    def raise_memory(self, cgroup: str, limit: int) -> None:
        """Raise the memory limit, keeping swap as it is; Refused where that would be a lowering."""

    def write_memory_high(self, cgroup: str, limit: int | None) -> None:
        """Set ``memory.high``; None lifts it."""
