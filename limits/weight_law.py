"""The weight of a container whose CPU is not bounded by a quota: what it needs, times what its owner says. Pure.

A weight divides the CPU only while the host is full (Documentation/scheduler/sched-design-CFS.rst, "Group scheduler
extensions"); on an idle host nobody is held back. One core of need has the weight that its owner gave it, as Kubernetes
gives 1024 shares for one requested core.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from collector.cgroupfs.knobs import MAX_WEIGHT, MIN_WEIGHT
from limits.shares import weight_of
from model.change import WorkClass

CLASS_FACTOR: Final = {WorkClass.LATENCY: 2.0, WorkClass.BALANCED: 1.0, WorkClass.DENSE: 0.5}
MINUTE_S: Final = 60.0
MINUTES: Final = 10
BAND: Final = 0.20
"""Part of the present weight by which another has to differ to be worth a write."""


@dataclass(slots=True)
class CpuNeed:
    """The busiest minute of the last ten, in cores. While others have the CPU, falling usage is no falling need."""

    _minutes: deque[float] = field(default_factory=lambda: deque(maxlen=MINUTES))
    _seconds: float = 0.0
    _used: float = 0.0

    def see(self, usage: float, elapsed_s: float, *, contended: bool) -> None:
        """One tick: mean cores used over it."""
        self._seconds, self._used = self._seconds + elapsed_s, self._used + usage * elapsed_s
        if self._seconds < MINUTE_S - 0.05:
            return
        mean = self._used / self._seconds
        self._minutes.append(max(mean, self.cores() or 0.0) if contended else mean)
        self._seconds = self._used = 0.0

    @property
    def whole(self) -> bool:
        """Were all ten minutes seen? Until then, as after a restart, a busier one may have gone before."""
        return len(self._minutes) == MINUTES

    def cores(self) -> float | None:
        """None before the first whole minute."""
        return max(self._minutes) if self._minutes else None


def wanted_weight(base: int, cores: float, work_class: WorkClass, priority: int) -> int:
    """Weight on cgroup v2's scale, 1 to 10000. ``base``: the owner's own, for up to one core of need."""
    weight = weight_of(priority, base) * CLASS_FACTOR[work_class] * max(1.0, cores)
    return min(MAX_WEIGHT, max(MIN_WEIGHT, round(weight)))


def is_worth(wanted: int, now: int) -> bool:
    return abs(wanted - now) > BAND * now
