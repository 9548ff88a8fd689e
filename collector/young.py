"""Containers in their first seconds, looked at ten times a second: so a life of less than a tick leaves its figures.

A cgroup is removed before its runtime tells that the container died (Docker and runc: 0 of 9 could still be read when
the event came), so that nothing can be read then. What is read is what a stop tells: CPU time, memory peak, OOM kills.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from collector.arrivals import Arrivals
from collector.cgroupfs.files import Descriptors, Gone
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.plan import Plan, plan_for
from collector.cgroupfs.reader import CgroupReader
from collector.discovery.paths import PARENTS, Recogniser
from collector.discovery.walk import Found, Scan
from model.reading import CgroupReading

LOOK_S = 0.1
REST_S = 1.0
"""At most so long between two looks while nobody is young: inotify tells of arrivals, these looks find the rest."""
YOUNG_NS = 3_000_000_000
"""How long after its start a container is looked at beside the ticks."""
MOST = 64
"""Containers looked at at once; of a crowd that starts together the rest is left to the ticks."""
MOST_PARENTS = 64
MOST_GONE = 1_000
FILES_KEPT_OPEN = 64
ALWAYS = ("memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control",
          "memory.current", "memory.peak", "memory.events")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What was last read of a young container: ``reading`` has its CPU time and memory alone.

    ``peak_bytes``: the highest usage seen, for kernels that keep none. ``at_ms``: the last look at it.
    """

    found: Found
    first_ms: int
    first_ns: int
    at_ms: int
    reading: CgroupReading
    peak_bytes: int


class Young:
    """:meth:`look` and :meth:`rest` belong to a thread of their own, :meth:`take`, :meth:`gone` and :meth:`watch` to
    the tick."""

    def __init__(self, hierarchy: Hierarchy, known: Recogniser) -> None:
        self._hierarchy = hierarchy
        self._plan = life_plan(hierarchy)
        self._descriptors = Descriptors(FILES_KEPT_OPEN)
        self._scan = Scan(str(hierarchy.walk_root), known)
        self._arrivals = Arrivals(str(hierarchy.walk_root))
        self._parents: set[str] = set()
        self._wanted: deque[str] = deque(PARENTS)
        self._readers: dict[str, CgroupReader] = {}
        self._turn = threading.Lock()
        self._glimpses: dict[str, Glimpse] = {}
        self._gone: deque[Glimpse] = deque(maxlen=MOST_GONE)

    def watch(self, parents: Collection[str]) -> None:
        """Containers may appear below these cgroups as well."""
        self._wanted.extend(path for path in parents if path not in self._parents)

    def take(self, container_id: str, inode: int | None = None) -> Glimpse | None:
        """What was last read of this container (of this life of it); it is then not told as gone any more."""
        with self._turn:
            glimpse = self._glimpses.get(container_id)
            if glimpse is None or inode not in (None, glimpse.reading.inode):
                return None
            return self._glimpses.pop(container_id)

    def gone(self) -> list[Glimpse]:
        """Lives that ended since the last call and were not taken."""
        return [self._gone.popleft() for _ in range(len(self._gone))]

    def look(self, now_ms: int, at_ns: int) -> None:
        """One look. ``at_ns``: the monotonic clock."""
        somebody_went = False
        for container_id, reader in list(self._readers.items()):
            with self._turn:
                last = self._glimpses.get(container_id)
            if (
                last is None
                or at_ns - last.first_ns > YOUNG_NS
                or not self._read(last.found, reader, now_ms, at_ns, last)
            ):
                somebody_went = True  # and may have made room for one that came
                reader.close()
                del self._readers[container_id]
                with self._turn:
                    self._glimpses.pop(container_id, None)
        for item in self._appeared(everything=somebody_went):
            if len(self._readers) >= MOST:
                break
            reader = CgroupReader(self._hierarchy, self._plan, item.cgroup, self._descriptors)
            if self._read(item, reader, now_ms, at_ns, None):
                self._readers[item.what.id] = reader

    def rest(self) -> float:
        """Seconds until the next look. While nobody is young it first sleeps here until a cgroup is made."""
        if self._readers:
            return LOOK_S
        return 0.0 if self._arrivals.wait(self._scan.parents(), REST_S) else LOOK_S

    def close(self) -> None:
        """Let go of every file; the looking thread has ended, or ends without another look."""
        self._arrivals.close()
        for reader in list(self._readers.values()):
            reader.close()
        self._readers.clear()

    def _appeared(self, *, everything: bool) -> list[Found]:
        """Containers that were not there at the last look; what is found below a new parent was there before."""
        if self._wanted:
            new = {self._wanted.popleft() for _ in range(len(self._wanted))} - self._parents
            self._parents.update(sorted(new)[: MOST_PARENTS - len(self._parents)])
            self._scan.watch(self._parents)
            self._scan.look()
            return []
        return [item for item in self._scan.look(everything=everything).values() if item.what.id not in self._readers]

    def _read(self, found: Found, reader: CgroupReader, now_ms: int, at_ns: int, last: Glimpse | None) -> bool:
        """Read it once; False when it is gone, which is then told."""
        try:
            if last is None:
                reader.open()
            reading = reader.read(at_ns)
        except Gone:
            self._over(found.what.id)
            return False
        if last is not None and reading.inode != last.reading.inode:
            self._over(found.what.id)
            last = None
        if last is not None and not as_whole(reading, last.reading):
            return True  # its trees are being removed one by one
        used = max(reading.memory_usage_bytes or 0, reading.memory_peak_bytes or 0)
        first_ms, first_ns = (now_ms, at_ns) if last is None else (last.first_ms, last.first_ns)
        peak = used if last is None else max(used, last.peak_bytes)
        with self._turn:
            if last is None or found.what.id in self._glimpses:
                self._glimpses[found.what.id] = Glimpse(found, first_ms, first_ns, now_ms, reading, peak)
        return True

    def _over(self, container_id: str) -> None:
        with self._turn:
            glimpse = self._glimpses.pop(container_id, None)
        if glimpse is not None:
            self._gone.append(glimpse)


def as_whole(reading: CgroupReading, before: CgroupReading) -> bool:
    """Whether it has all that was read before. Pure."""
    return all(now is not None or was is None for now, was in zip(reading, before, strict=True))


def life_plan(hierarchy: Hierarchy) -> Plan:
    """The few files that a stop tells of, out of the plan of the ticks. Pure."""
    plan = plan_for(hierarchy)
    names = {choice[0].files[0] for choice in plan.choices}
    wanted = {"cpuacct.usage" if "cpuacct.usage" in names else "cpu.stat", *ALWAYS}
    return Plan(tuple(c for c in plan.choices if c[0].files[0] in wanted), (), plan.block_io)
