"""One tick of the whole host: find, read, derive, tell. The one place of this room that reads the clock."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from collector import capabilities, derive
from collector.cgroupfs.files import Descriptors, Gone, descriptor_budget
from collector.cgroupfs.hierarchy import Hierarchy, find_hierarchy
from collector.cgroupfs.plan import Plan, plan_for
from collector.cgroupfs.v1 import BLKIO_COUNTS, BlockIo
from collector.discovery.build import build_layers, build_sources
from collector.discovery.paths import recogniser
from collector.discovery.registry import Registry
from collector.discovery.runtime import Counts, Job, Source
from collector.host import HostReader
from collector.kills import KillCounters
from collector.quick import QuickLook
from collector.watched import NEW, Watched
from collector.watchlist import Watchlist
from collector.young import Young
from config.schema import DiscoverySettings, HostSettings
from model.limits import Limits
from model.reading import CgroupReading, HostReading
from model.sample import Gap, Sample, Snapshot
from model.target import Target

LIMITS_EVERY = 5
KERNEL_EVERY_MS = 60_000
"""Between two looks at what the kernel offers: it goes through cgroups until one is found that has the thing."""
LIMITS_A_TICK = 25
"""Limits of a container are read again every fifth tick (and at once when a runtime tells of a change, or we made
one); with many containers more seldom, so that a tick reads those of about this many."""


class Ground(NamedTuple):
    """What is found of the host at the first use, and then stands."""

    hierarchy: Hierarchy
    plan: Plan
    registry: Registry
    descriptors: Descriptors
    watchlist: Watchlist
    young: Young


@dataclass(slots=True)
class Tick:
    """What one tick has gathered so far."""

    now_ms: int
    targets: dict[str, Target] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    limits: dict[str, Limits] = field(default_factory=dict)
    readings: dict[str, CgroupReading] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    somebody_went: bool = False


class Sampler:
    """Makes one :class:`Snapshot` a tick. :meth:`collect` belongs to the tick thread; the rest may be called anywhere.

    Targets of a snapshot are the cgroups that lived at the tick; one whose files could not be read stays, with a gap.
    ``sources``: the runtimes to ask, instead of those that the settings name.
    """

    def __init__(
        self,
        host: HostSettings,
        discovery: DiscoverySettings,
        host_name: str,
        interval_s: float,
        *,
        sources: tuple[Source, ...] | None = None,
    ) -> None:
        self._host, self._discovery, self._host_name = host, discovery, host_name
        self._interval_s = interval_s
        self._sources = build_sources(discovery, os.environ) if sources is None else sources
        self._host_reader = HostReader(host)
        self._host_before: HostReading | None = None
        self._ticks = 0
        self._refresh: set[str] = set()
        self._preparing = threading.Lock()
        self._ground: Ground | None = None
        self._kernel: Mapping[str, str] = {}
        self._kernel_at_ms: int | None = None
        self._quick = QuickLook()
        self._layers = build_layers(discovery, os.environ)

    def collect(self, now_ms: int) -> Snapshot:
        """Read everything once. Raises :class:`model.errors.NotThere` on a host without any cgroup tree."""
        ground = self._prepared()
        watchlist = ground.watchlist
        self._ticks += 1
        tick = Tick(now_ms)
        host_reading = self._host_reader.read(time.monotonic_ns())
        tick.gaps += self._host_reader.faults
        memory_total = None if host_reading is None else host_reading.memory_total_bytes
        watchlist.update(now_ms)
        self._read(tick, ground, list(watchlist.entries.values()), memory_total)
        if tick.somebody_went:
            # one that went may have made room for one that came
            self._read(tick, ground, watchlist.update(now_ms, everything=True), memory_total)
        events, changed = watchlist.tell(now_ms)
        self._refresh.update(changed)
        self._refresh.intersection_update(watchlist.entries)
        host_values = {} if host_reading is None else derive.host_values(host_reading, self._host_before)
        self._host_before = host_reading
        return Snapshot(
            at_ms=now_ms,
            interval_s=self._interval_s,
            host=self._host_name,
            cgroup=ground.hierarchy.mode,
            host_sample=Sample(host_values),
            targets=tick.targets,
            samples=tick.samples,
            limits=tick.limits,
            gaps=tuple(tick.gaps),
            events=tuple(events),
            readings=tick.readings,
            host_reading=host_reading,
            devices=self._host_reader.devices,
        )

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        """What must run beside the tick, each in a thread of its own."""
        runtimes = tuple(job for source in self._sources for job in source.jobs())
        own = (("cgroup-walk", self._walk), ("cgroup-young", self._look_at_young))
        layers = tuple(job for layer in self._layers for job in layer.jobs())
        return (*runtimes, *layers, *(own if self._discovery.cgroup_walk else own[:1]))

    def look(self) -> None:
        """Ask every runtime and walk the tree once, in the caller's thread: for one snapshot without workers."""
        for source in self._sources:
            source.look()
        self._walk(0)

    def refresh_limits(self, key: str) -> None:
        """Read the limits of this container again at the next tick. Any thread."""
        self._refresh.add(key)

    def quick_look(self, keys: Collection[str]) -> Mapping[str, int]:
        """Memory in use now (``memory.usage_in_bytes``) of these containers: one read each, for a look many times
        a second between two ticks. v1 only: empty elsewhere, where pressure tells sooner. One that is gone, or is
        not watched, is absent. One thread of its own."""
        ground = self._ground
        folder = None if ground is None else ground.hierarchy.controllers.get("memory")
        if ground is None or folder is None:
            return {}
        entries = ground.watchlist.entries
        watched = ((key, entries.get(key)) for key in keys)
        paths = {key: entry.found.cgroup for key, entry in watched if entry is not None}
        return self._quick.look(str(folder), paths)

    def capabilities(self) -> Mapping[str, str]:
        """What this host offers: ``yes`` or why not; empty before the first look. Any thread."""
        found = dict(self._kernel)
        for source in self._sources:
            state, detail = source.state()
            if source.runtime == "docker" or state != "off":
                found[source.runtime] = capabilities.YES if state == "ok" else detail
        if self._ground is not None:
            lacking = self._ground.registry.without_cgroup
            if lacking:
                found["own_cgroup"] = (
                    f"{len(lacking)} running containers have no cgroup of their own here and cannot be measured: "
                    f"{', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}"
                )
            entries = list(self._ground.watchlist.entries.values())
            shared = sorted(w.target.name for w in entries if w.on_host_network and w.target)
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

    def asked_for(self) -> Mapping[str, tuple[int, float]]:
        """Runtime → requests since the start, and seconds that it took to answer them. Any thread."""
        return {source.runtime: source.asked_for() for source in self._sources if isinstance(source, Counts)}

    def close(self) -> None:
        """Unblock the jobs and let go of every file."""
        self._quick.close()
        for source in self._sources:
            source.close()
        if self._ground is not None:
            self._ground.watchlist.close()
            self._ground.young.close()

    def _read(self, tick: Tick, ground: Ground, entries: Iterable[Watched], memory_total: int | None) -> None:
        """Read these containers into the tick."""
        watchlist, root = ground.watchlist, str(ground.hierarchy.walk_root)
        now_ms, proc, refresh = tick.now_ms, self._host.proc, self._refresh
        every = max(LIMITS_EVERY, len(watchlist.entries) // LIMITS_A_TICK)
        sizes = {key: size for layer in self._layers for key, size in layer.sizes().items()}
        for turn, watched in enumerate(entries, self._ticks):
            key = watched.id
            target = watchlist.describe(watched)
            if target is not watched.read_as and watchlist.ignored(target):
                tick.somebody_went |= not watchlist.leave_alone(watched)
                continue
            before = watched.previous
            try:
                if turn % every == 0 or watched.ticks < NEW or key in refresh:
                    refresh.discard(key)
                    limits = watched.reader.limits(memory_total)
                    if limits is not watched.limits and limits != watched.limits:
                        watched.limits = limits
                interfaces = watched.interfaces(proc, root, ground.descriptors)
                reading = watched.reader.read(time.monotonic_ns(), interfaces)
            except Gone:
                watchlist.over(watched, now_ms)
                tick.somebody_went = True
                continue
            if before is not None and before.inode != reading.inode:
                target = watchlist.made_anew(watched, now_ms)
            watched.previous, watched.read_as = reading, target
            watched.ticks += 1
            if reading.memory_usage_bytes and reading.memory_usage_bytes > watched.peak_bytes:
                watched.peak_bytes = reading.memory_usage_bytes
            tick.targets[key], tick.limits[key], tick.readings[key] = target, watched.limits, reading
            values = watched.derived(reading, before, watched.reader.changed, target, now_ms)
            if key in sizes:
                values["writable_layer_bytes"] = sizes[key]
            tick.samples[key] = Sample(values)
            kills = values.get("memory_oom_kills")
            if watched.ticks == 1 and watched.first_seen_ms is not None:
                kills = reading.memory_oom_kills  # of a life that began since the tick before
            if kills:
                watchlist.killed(watched, now_ms, kills)
            faults = watched.reader.faults
            if faults:
                tick.gaps += [Gap(key, part, reason) for part, reason in faults]
            if watched.network_fault is not None:
                tick.gaps.append(Gap(key, "network", watched.network_fault))

    def _prepared(self) -> Ground:
        with self._preparing:
            if self._ground is None:
                hierarchy = find_hierarchy(self._host)
                family = capabilities.counting_family(hierarchy)
                block_io = BlockIo(family is not None, family or BLKIO_COUNTS[0])
                plan = plan_for(hierarchy, os.sysconf("SC_CLK_TCK"), block_io)
                registry = Registry(hierarchy, self._sources, self._discovery, self._host.proc)
                descriptors = Descriptors(descriptor_budget())
                kills = KillCounters(hierarchy, self._host.proc, descriptors)
                young = Young(hierarchy, recogniser(self._discovery.services))
                watchlist = Watchlist(
                    hierarchy, plan, registry, descriptors, kills, young, self._discovery, self._host_name
                )
                self._kernel = capabilities.of_kernel(hierarchy, self._host.proc)
                self._ground = Ground(hierarchy, plan, registry, descriptors, watchlist, young)
            return self._ground

    def _look_at_young(self, now_ms: int) -> float:
        young = self._prepared().young
        young.look(now_ms, time.monotonic_ns())
        return young.rest()

    def _walk(self, now_ms: int) -> float:
        ground = self._prepared()
        wait_s = ground.registry.walk(now_ms)
        if self._kernel_at_ms is None or not 0 <= now_ms - self._kernel_at_ms < KERNEL_EVERY_MS:
            self._kernel_at_ms = now_ms
            self._kernel = capabilities.of_kernel(ground.hierarchy, self._host.proc)
            ground.plan.block_io.counted = capabilities.counting_family(ground.hierarchy) is not None
        return wait_s
