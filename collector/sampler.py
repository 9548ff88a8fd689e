"""One tick of the whole host: find, read, derive, tell. The one place of this room that reads the clock."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from collector import capabilities, derive
from collector.cgroupfs.files import Descriptors, Gone, descriptor_budget, inode_of
from collector.cgroupfs.hierarchy import Hierarchy, find_hierarchy
from collector.cgroupfs.plan import Plan, plan_for
from collector.cgroupfs.reader import CgroupReader
from collector.cgroupfs.v1 import BLKIO_COUNTS, BlockIo
from collector.discovery.describe import Description, is_ignored
from collector.discovery.registry import Registry
from collector.discovery.runtime import Job, Source
from collector.discovery.walk import Found
from collector.host import HostReader
from collector.lives import Ended, Lives
from collector.watched import NEW, Watched
from config.schema import DiscoverySettings, HostSettings
from model.event import Event
from model.limits import Limits
from model.reading import CgroupReading, HostReading
from model.sample import Gap, Sample, Snapshot
from model.target import Target

LIMITS_EVERY = 2
LIMITS_A_TICK = 50
"""Limits of a container are read again every second tick; with more containers fewer a tick, so that the cost stays."""
OWN_CGROUPS = "cgroup"
"""The runtime of cgroups that no runtime made."""


class Ground(NamedTuple):
    """What is found of the host at the first use, and then stands."""

    hierarchy: Hierarchy
    plan: Plan
    registry: Registry
    descriptors: Descriptors


class Sampler:
    """Makes one :class:`Snapshot` a tick. :meth:`collect` belongs to the tick thread; the rest may be called anywhere.

    Targets of a snapshot are the cgroups that lived at the tick; one whose files could not be read stays, with a gap.
    """

    def __init__(self, host: HostSettings, discovery: DiscoverySettings, host_name: str, interval_s: float) -> None:
        self._host, self._discovery, self._host_name = host, discovery, host_name
        self._interval_s = interval_s
        self._sources = build_sources(discovery, os.environ)
        self._host_reader = HostReader(host)
        self._lives = Lives(host_name)
        self._watched: dict[str, Watched] = {}
        self._host_before: HostReading | None = None
        self._memory_total: int | None = None
        self._tick = 0
        self._refresh: set[str] = set()
        self._preparing = threading.Lock()
        self._ground: Ground | None = None
        self._kernel: Mapping[str, str] = {}

    def collect(self, now_ms: int) -> Snapshot:
        """Read everything once. Raises :class:`model.errors.NotThere` on a host without any cgroup tree."""
        hierarchy, _, registry, descriptors = self._prepared()
        plan_root = str(hierarchy.walk_root)
        self._tick += 1
        host_reading = self._host_reader.read(time.monotonic_ns())
        if host_reading is not None:
            self._memory_total = host_reading.memory_total_bytes
        self._take_up(registry.appeared(self._watched), now_ms)
        self._own_cgroups(registry, now_ms)
        targets: dict[str, Target] = {}
        samples: dict[str, Sample] = {}
        limits: dict[str, Limits] = {}
        readings: dict[str, CgroupReading] = {}
        gaps = [*self._host_reader.faults]

        def read(entries: Sequence[tuple[int, Watched]]) -> bool:
            everybody_there = True
            for index, watched in entries:
                target = watched.describe(registry.describe(watched.id), self._discovery.label_prefix)
                if self._ignored(target):
                    everybody_there &= self._leave_alone(watched, plan_root)
                    continue
                try:
                    if self._limits_are_due(watched, index, len(self._watched)):
                        watched.limits = watched.reader.limits(self._memory_total)
                    interfaces = watched.interfaces(self._host.proc, plan_root + watched.found.cgroup, descriptors)
                    before = watched.previous
                    reading = watched.reader.read(time.monotonic_ns(), interfaces)
                except Gone:
                    self._ended(watched, now_ms)
                    everybody_there = False
                    continue
                if before is not None and before.inode != reading.inode:
                    target = self._made_anew(watched, registry, now_ms)
                watched.previous, watched.read_as = reading, target
                watched.ticks += 1
                watched.peak_bytes = max(watched.peak_bytes, reading.memory_usage_bytes or 0)
                key = watched.id
                targets[key], limits[key], readings[key] = target, watched.limits, reading
                samples[key] = Sample(derive.container_values(reading, before, watched.limits, target, now_ms))
                gaps.extend(Gap(key, part, reason) for part, reason in watched.reader.faults)
                if watched.network_fault is not None:
                    gaps.append(Gap(key, "network", watched.network_fault))
            return everybody_there

        if not read(list(enumerate(self._watched.values()))):
            # one that went may have made room for one that came
            new = self._take_up(registry.appeared(self._watched, everything=True), now_ms)
            read([(0, watched) for watched in new])
        events = self._tell(registry, now_ms)
        host_values = derive.host_values(host_reading, self._host_before) if host_reading is not None else {}
        self._host_before = host_reading
        return Snapshot(
            at_ms=now_ms,
            interval_s=self._interval_s,
            host=self._host_name,
            cgroup=hierarchy.mode,
            host_sample=Sample(host_values),
            targets=targets,
            samples=samples,
            limits=limits,
            gaps=tuple(gaps),
            events=tuple(events),
            readings=readings,
            host_reading=host_reading,
        )

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        """What must run beside the tick, each in a thread of its own."""
        runtimes = tuple(job for source in self._sources for job in source.jobs())
        return (*runtimes, ("cgroup-walk", self._walk))

    def look(self) -> None:
        """Ask every runtime and walk the tree once, in the caller's thread: for one snapshot without workers."""
        for source in self._sources:
            source.look()
        self._walk(0)

    def refresh_limits(self, key: str) -> None:
        """Read the limits of this container again at the next tick. Any thread."""
        self._refresh.add(key)

    def capabilities(self) -> Mapping[str, str]:
        """What this host offers: ``yes`` or why not. Any thread."""
        found = dict(self._kernel)
        for source in self._sources:
            state, detail = source.state()
            if source.runtime == "docker" or state != "off":
                found[source.runtime] = capabilities.YES if state == "ok" else detail
        shared = sorted(w.target.name for w in list(self._watched.values()) if w.on_host_network and w.target)
        if shared:
            found["network_of_host"] = (
                f"{len(shared)} containers use the host's network and have no traffic of their own: "
                f"{', '.join(shared[:5])}{' …' if len(shared) > 5 else ''}"
            )
        return found

    def part(self) -> tuple[str, str]:
        """State (ok, degraded, down, off) and detail of the connection to Docker, or to Podman where that is it."""
        states = [source.state() for source in self._sources]
        off = ("off", "no container runtime is asked")
        return next((state for state in states if state[0] != "off"), states[0] if states else off)

    def close(self) -> None:
        """Unblock the jobs and let go of every file."""
        for source in self._sources:
            source.close()
        for watched in self._watched.values():
            watched.close()
        self._watched.clear()

    def _prepared(self) -> Ground:
        with self._preparing:
            if self._ground is None:
                hierarchy = find_hierarchy(self._host)
                family = capabilities.counting_family(hierarchy)
                block_io = BlockIo(family is not None, family or BLKIO_COUNTS[0])
                plan = plan_for(hierarchy, os.sysconf("SC_CLK_TCK"), block_io)
                registry = Registry(hierarchy, self._sources, self._discovery, self._host.proc)
                self._kernel = capabilities.of_kernel(hierarchy, self._host.proc)
                self._ground = Ground(hierarchy, plan, registry, Descriptors(descriptor_budget()))
            return self._ground

    def _walk(self, now_ms: int) -> float:
        hierarchy, plan, registry, _ = self._prepared()
        wait_s = registry.walk(now_ms)
        self._kernel = capabilities.of_kernel(hierarchy, self._host.proc)
        plan.block_io.counted = capabilities.counting_family(hierarchy) is not None
        return wait_s

    def _take_up(self, found: Sequence[Found], now_ms: int) -> list[Watched]:
        """Watch these from now on; those that are gone already are passed over."""
        hierarchy, plan, registry, descriptors = self._prepared()
        taken = []
        for item in found:
            reader = CgroupReader(hierarchy, plan, item.cgroup, descriptors)
            try:
                reader.open()
            except Gone:
                continue
            watched = Watched(item, reader, None if self._tick == 1 else now_ms)
            self._watched[item.what.id] = watched
            taken.append(watched)
            if self._tick > 1 and item.what.runtime != OWN_CGROUPS:
                known = registry.describe(item.what.id)
                self._lives.begun(watched.describe(known, self._discovery.label_prefix), now_ms)
        return taken

    def _own_cgroups(self, registry: Registry, now_ms: int) -> None:
        """On a host without runtime and without any container its own cgroups are shown, and only there."""
        containers = any(w.found.what.runtime != OWN_CGROUPS for w in self._watched.values())
        wanted = [] if containers else registry.host_only()
        if wanted:
            self._take_up([item for item in wanted if item.what.id not in self._watched], now_ms)
        elif containers or registry.answering():
            for key, watched in list(self._watched.items()):
                if watched.found.what.runtime == OWN_CGROUPS:
                    watched.close()
                    del self._watched[key]

    def _limits_are_due(self, watched: Watched, index: int, count: int) -> bool:
        if watched.id in self._refresh:
            self._refresh.discard(watched.id)
            return True
        every = max(LIMITS_EVERY, count // LIMITS_A_TICK)
        return watched.ticks < NEW or (self._tick + index) % every == 0

    def _ignored(self, about: Target | Description) -> bool:
        return is_ignored(
            about.name, about.labels, about.image_labels, self._discovery.exclude, self._discovery.label_prefix
        )

    def _leave_alone(self, watched: Watched, root: str) -> bool:
        """An ignored container keeps no file open; False when it is gone."""
        watched.close()
        watched.previous = None
        if inode_of(root + watched.found.cgroup) is not None:
            return True
        self._watched.pop(watched.id, None)
        return False

    def _ended(self, watched: Watched, now_ms: int) -> None:
        watched.close()
        self._watched.pop(watched.id, None)
        self._life_over(watched, now_ms)

    def _made_anew(self, watched: Watched, registry: Registry, now_ms: int) -> Target:
        """The same path is another cgroup now: the container was restarted. Its old life is over."""
        self._life_over(watched, now_ms)
        watched.close_network()
        watched.peak_bytes, watched.ticks, watched.first_seen_ms = 0, 0, now_ms
        target = watched.describe(registry.describe(watched.id), self._discovery.label_prefix)
        self._lives.begun(target, now_ms)
        return target

    def _life_over(self, watched: Watched, now_ms: int) -> None:
        last, target = watched.previous, watched.read_as or watched.target
        if target is None or target.id.runtime == OWN_CGROUPS or (last and watched.stop_told == last.inode):
            return
        self._lives.ended(Ended(now_ms, target, last, watched.peak_bytes))

    def _tell(self, registry: Registry, now_ms: int) -> list[Event]:
        """Events since the tick before, in their order."""
        events: list[Event] = []
        for report in registry.drain():
            watched, known, living = self._watched.get(report.id), registry.describe(report.id), None
            if known is not None and self._ignored(known):
                continue
            if watched is not None and watched.target is not None:
                as_read = watched.read_as or watched.target
                living = Ended(report.at_ms, as_read, watched.previous, watched.peak_bytes)
                if report.action in ("update", "start"):
                    self._refresh.add(report.id)
                if report.action == "die" and watched.previous and not self._lives.awaits_stop(report.id):
                    watched.stop_told = watched.previous.inode
            events += self._lives.report(report, known, living)
        if self._tick > 1:
            events += self._lives.settle(now_ms, registry.described(), registry.answering())
        return sorted(events, key=lambda event: event.at_ms)


def build_sources(settings: DiscoverySettings, environ: Mapping[str, str]) -> tuple[Source, ...]:
    """The runtimes that may be asked. The client library is loaded only where one is."""
    if settings.docker == settings.podman == "off":
        return ()
    from collector.discovery.docker import DockerSource

    return (
        DockerSource("docker", settings.docker, environ),
        DockerSource("podman", settings.podman, environ),
    )
