"""Is there room on the host for a raise? Pure, but for the few seconds of memory in :class:`HostRoom`.

CPU quotas may overcommit: a raise is granted while the host has idle time or its tasks hardly wait.
Memory may not: what is in use, and what will be within a minute, must fit into what the host has.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final

from limits.sizes import MIB, say_bytes

IDLE_LEAST: Final = 0.10
PRESSURE_MOST: Final = 0.20
PRESSURE_TAU_S: Final = 10.0
SHORT_FULL: Final = 0.10
"""Share of ten seconds in which nothing on the host ran for lack of memory: nobody is squeezed further."""
RESERVE_RATIO: Final = 0.05
RESERVE_LEAST: Final = 512 * MIB
IMMINENT_RATIO: Final = 0.10
IMMINENT_S: Final = 60.0


class HostRoom:
    """The host as the last ticks saw it. ``values``: host metrics by catalogue name."""

    def __init__(self, cpu_count: int) -> None:
        self.cpu_count = max(1, cpu_count)
        self.idle: float | None = None
        self.pressure: float | None = None
        self.memory_pressure = 0.0
        self.memory_total: float | None = None
        self.memory_used: float | None = None

    def see(self, values: Mapping[str, float], elapsed_s: float) -> None:
        """One tick. Idle time is that of the tick; pressure is smoothed over ten seconds (``avg10``)."""
        usage = values.get("cpu_usage_cores")
        self.idle = None if usage is None else max(0.0, 1 - usage / self.cpu_count)
        some = values.get("cpu_pressure_some_ratio")
        if some is None or self.pressure is None:
            self.pressure = some
        else:
            self.pressure += (some - self.pressure) * min(1.0, elapsed_s / PRESSURE_TAU_S)
        full = values.get("memory_pressure_full_ratio", 0.0)
        self.memory_pressure += (full - self.memory_pressure) * min(1.0, elapsed_s / PRESSURE_TAU_S)
        self.memory_total = values.get("host_memory_total_bytes")
        available = values.get("host_memory_available_bytes")
        known = self.memory_total is not None and available is not None
        self.memory_used = (self.memory_total or 0.0) - (available or 0.0) if known else None

    @property
    def short_of_memory(self) -> bool:
        return self.memory_pressure > SHORT_FULL

    def refuses_cpu(self) -> str | None:
        """Why no CPU quota is raised now; None: it may be."""
        if self.idle is not None and self.idle >= IDLE_LEAST:
            return None
        if self.pressure is not None and self.pressure < PRESSURE_MOST:
            return None
        if self.idle is None and self.pressure is None:
            return "the host's own load is not known yet"
        waiting = "" if self.pressure is None else f" and its tasks wait {self.pressure:.0%} of the time"
        return f"the host's CPU is full ({self.idle or 0:.0%} idle{waiting}): a higher limit would take from others"

    def refuses_memory(
        self,
        key: str,
        wanted: float,
        in_use: Mapping[str, float],
        slopes: Mapping[str, float],
        limits: Mapping[str, float],
        names: Mapping[str, str],
    ) -> str | None:
        """Why the memory limit of ``key`` is not raised to ``wanted`` now; None: it may be.

        ``in_use``: working set of every container. ``slopes``: growth in bytes a second, where known. ``limits``:
        those in force; nobody takes more than his own. Invariant: Σ min(limit, in use + imminent) ≤ what containers
        may have; where it would be broken the one is named that the kernel would most likely kill for it.
        """
        if self.memory_total is None or self.memory_used is None:
            return "the host's own memory is not known yet"
        room = self.memory_for_containers(sum(in_use.values()))
        if wanted > room:
            return f"{say_bytes(wanted)} is more than all containers of this host may have ({say_bytes(room)})"
        due = due_soon(in_use, slopes, {**limits, key: wanted})
        if due <= room:
            return None
        largest = max(in_use, key=in_use.__getitem__, default="")
        victim = f"; the kernel would most likely kill {names[largest]}, the largest" if largest in names else ""
        return (
            f"the host's memory is spoken for: containers use {say_bytes(sum(in_use.values()))}, within a minute "
            f"{say_bytes(due)}, and may have {say_bytes(room)}{victim}"
        )

    def memory_for_containers(self, in_use: float) -> float:
        """Total, without the reserve and without what others than containers use."""
        total, used = self.memory_total or 0.0, self.memory_used or 0.0
        return max(0.0, total - max(RESERVE_RATIO * total, RESERVE_LEAST) - max(0.0, used - in_use))


def imminent(used: float, slope: float) -> float:
    """What a container will have taken within a minute."""
    return max(IMMINENT_RATIO * used, slope * IMMINENT_S)


def due_soon(in_use: Mapping[str, float], slopes: Mapping[str, float], limits: Mapping[str, float]) -> float:
    """What all containers together will have taken within a minute, each at most up to its limit."""
    return sum(
        max(used, min(limits.get(key, inf), used + imminent(used, slopes.get(key, 0.0))))
        for key, used in in_use.items()
    )
