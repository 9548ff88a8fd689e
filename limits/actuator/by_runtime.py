"""One door for all runtimes: Docker's API; Podman's, which saves nothing; and for whoever has no API that is asked the
kernel's files.

Where nobody else keeps a limit, what is "saved" is what the kernel enforces; what the host loses of it is written again
by :mod:`limits.reassert`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from collector.cgroupfs.knobs import (
    PERIOD_US,
    runtime_shares_of_weight,
    runtime_weight_of_shares,
    shares_of_weight,
    weight_of_shares,
)
from limits.actuator.base import Actuator, ActuatorAway, Inspected, Kernel, Native, Unanswered
from limits.actuator.native import MEMORY_NONE, knobs
from limits.guard import is_volatile
from limits.sizes import shown
from model.errors import NotThere
from model.limits import UNLIMITED, Bytes, Limits, Unlimited
from model.target import Target

log = logging.getLogger(__name__)


class ByRuntime:
    """:class:`limits.actuator.base.Actuator` over all of them. ``target_of``: a running container by its id."""

    def __init__(
        self, docker: Actuator, podman: Actuator | None, kernel: Kernel, target_of: Callable[[str], Target | None]
    ) -> None:
        self._docker, self._podman, self._kernel, self._target_of = docker, podman, kernel, target_of

    def inspect(self, container_id: str) -> Inspected:
        target = self._target_of(container_id)
        if target is None or not is_volatile(target):
            return self._docker.inspect(container_id)
        limits = self._kernel.read(target.cgroup)
        native = native_in(limits, v2=self._kernel.v2_memory())
        found = knobs(limits.cpu_cores, limits.memory_bytes, limits.cpu_weight)
        return Inspected(container_id, target.name, target.state, native, found)

    def update(self, container_id: str, fields: Mapping[str, int]) -> None:
        target = self._target_of(container_id)
        if target is None or not is_volatile(target):
            self._docker.update(container_id, fields)
        elif target.id.runtime != "podman" or self._podman is None or not self._through(self._podman, target, fields):
            self._direct(target.cgroup, fields)

    def _through(self, podman: Actuator, target: Target, fields: Mapping[str, int]) -> bool:
        """False: that service does not answer, or does not know it (a user's own Podman)."""
        try:
            podman.update(target.key, fields)
        except Unanswered:
            raise
        except (ActuatorAway, NotThere) as fault:
            log.debug("%s is written directly: %s", shown(target.name), fault)
            return False
        return True

    def _direct(self, cgroup: str, fields: Mapping[str, int]) -> None:
        quota, memory, shares = fields.get("CpuQuota", 0), fields.get("Memory", 0), fields.get("CpuShares", 0)
        if quota:
            cores = UNLIMITED if quota < 0 else quota / (fields.get("CpuPeriod") or PERIOD_US)
            self._kernel.write_cpu(cgroup, cores)
        if memory:
            both = fields.get("MemorySwap", 0)
            swap: Bytes = UNLIMITED if both < 0 or both >= MEMORY_NONE else max(0, both - memory) if both else None
            self._kernel.write_memory(cgroup, UNLIMITED if memory >= MEMORY_NONE else memory, swap)
        if shares:
            v2 = self._kernel.v2_memory()
            self._kernel.write_weight(cgroup, runtime_weight_of_shares(shares) if v2 else weight_of_shares(shares))

    def asked(self) -> tuple[int, float]:
        both = [door.asked() for door in (self._docker, self._podman) if door is not None]
        return sum(requests for requests, _ in both), sum(seconds for _, seconds in both)

    def close(self) -> None:
        self._docker.close()
        if self._podman is not None:
            self._podman.close()


def native_in(limits: Limits, *, v2: bool) -> Native:
    """What the kernel enforces, in Docker's form; a limit that is not there: -1 of CPU, 0 of memory. Pure."""
    quota, memory, swap, weight = (
        limits.cpu_quota_us,
        limits.memory_bytes,
        limits.memory_swap_bytes,
        limits.cpu_weight,
    )
    both = 0
    if isinstance(memory, int):
        both = memory + swap if isinstance(swap, int) else -1
    shares = 0 if weight is None else runtime_shares_of_weight(weight) if v2 else shares_of_weight(weight)
    return {
        "NanoCpus": 0,
        "CpuQuota": -1 if isinstance(quota, Unlimited) else quota or 0,
        "CpuPeriod": limits.cpu_period_us or 0,
        "CpuShares": shares,
        "Memory": memory if isinstance(memory, int) else 0,
        "MemorySwap": both,
    }
