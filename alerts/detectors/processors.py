"""How busy the processors are that a container may run on: all of the host's, or the few that it is pinned to."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from alerts.windows import mean
from model.sample import HOST_KEY, Snapshot
from storage.api import Recent

USAGE = "cpu_usage_cores"


@dataclass(frozen=True, slots=True)
class Crowd:
    """``busy``: the share of their time that was used. ``cpus``: their numbers; None stands for all of the host."""

    busy: float
    cpus: frozenset[int] | None = None

    def named(self) -> str:
        """As a subject: ``the host's CPUs``, ``the CPUs that it is pinned to (0-3)``."""
        return "the host's CPUs" if self.cpus is None else f"the CPUs that it is pinned to ({listed(self.cpus)})"


@dataclass(frozen=True, slots=True)
class Processors:
    """One tick's view, over the last ``window_s``; each set of processors is added up once."""

    snapshot: Snapshot
    recent: Recent
    window_s: float
    _known: dict[frozenset[int] | None, float] = field(default_factory=dict)

    def around(self, key: str) -> Crowd | None:
        """The busier of the two: the host, and what the container is pinned to. None where neither is known."""
        host = self._busy(None)
        pinned = self._pinned(key)
        own = None if pinned is None else self._busy(pinned)
        if own is not None and (host is None or own > host):
            return Crowd(own, pinned)
        return None if host is None else Crowd(host)

    def meet(self, one: str, other: str) -> bool:
        """Whether the two may run on the same processor; unknown is everywhere."""
        first, second = self._pinned(one), self._pinned(other)
        return first is None or second is None or not first.isdisjoint(second)

    def _pinned(self, key: str) -> frozenset[int] | None:
        """The processors of a container, None where they are all of the host's, or unknown."""
        limits = self.snapshot.limits.get(key)
        if limits is None or not limits.cpus:
            return None
        return limits.cpus if len(limits.cpus) < self._count() else None

    def _count(self) -> float:
        return self.snapshot.host_sample.values.get("host_cpu_count", 0.0)

    def _busy(self, cpus: frozenset[int] | None) -> float | None:
        if cpus not in self._known:
            busy = self._of_host() if cpus is None else self._of(cpus)
            if busy is None:
                return None
            self._known[cpus] = busy
        return self._known[cpus]

    def _of_host(self) -> float | None:
        count, used = self._count(), self.recent.window(HOST_KEY, USAGE, self.window_s)
        return mean(used) / count if count and used else None

    def _of(self, cpus: frozenset[int]) -> float:
        """What the containers use of these. The kernel says how much each uses, not where: its use counts by the part
        of its own processors that are among these. Processes outside of containers are not seen: it is a lower bound.
        """
        count, used = self._count(), 0.0
        for key in self.snapshot.samples:
            theirs = self._pinned(key)
            part = len(cpus) / count if theirs is None else len(theirs & cpus) / len(theirs)
            if part:
                used += part * mean(self.recent.window(key, USAGE, self.window_s))
        return used / len(cpus)


def listed(cpus: frozenset[int]) -> str:
    """Numbers as the kernel lists them: ``0-3,8``. Pure."""
    runs = []
    for _, run in groupby(enumerate(sorted(cpus)), key=lambda pair: pair[1] - pair[0]):
        numbers = [cpu for _, cpu in run]
        runs.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ",".join(runs)
