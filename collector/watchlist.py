"""The containers under watch: who is taken up, left alone, made anew, and over. Tick thread only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from collector.cgroupfs.files import Descriptors, Gone, inode_of
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.plan import Plan
from collector.cgroupfs.reader import CgroupReader
from collector.discovery.describe import Description, is_ignored, target_of
from collector.discovery.registry import Registry
from collector.discovery.walk import Found
from collector.endings import Endings
from collector.kills import KillCounters, parent_of
from collector.lives import TELL_OOM, Ended, Lives
from collector.watched import Watched
from collector.young import Glimpse, Young
from config.schema import DiscoverySettings
from model.event import Event
from model.target import Target

OWN_CGROUPS = "cgroup"
"""The runtime of cgroups that no runtime made."""


class Watchlist:
    """Entries by container id. Knows what is found (:class:`Registry`) and tells lives (:class:`Lives`)."""

    def __init__(
        self,
        hierarchy: Hierarchy,
        plan: Plan,
        registry: Registry,
        descriptors: Descriptors,
        kills: KillCounters,
        young: Young,
        settings: DiscoverySettings,
        host_name: str,
    ) -> None:
        self.entries: dict[str, Watched] = {}
        self._hierarchy, self._plan, self._registry, self._descriptors = hierarchy, plan, registry, descriptors
        self._root = str(hierarchy.walk_root)
        self._settings = settings
        self._lives = Lives(host_name)
        self._kills = kills
        self._young = young
        self._endings = Endings(young)
        self._parents: Counter[tuple[str, str]] = Counter()
        """(runtime, parent cgroup) of the entries."""
        self._begun = False
        """Set after the first tick: what was there before us did not start now."""

    def update(self, now_ms: int, *, everything: bool = False) -> list[Watched]:
        """Take up what appeared; answers the new entries."""
        self._lives.tick(now_ms)
        new = self._take_up(self._registry.appeared(self.entries, everything=everything), now_ms)
        return new + self._own_cgroups(now_ms)

    def describe(self, watched: Watched) -> Target:
        return watched.describe(self._registry.describe(watched.id), self._settings.label_prefix)

    def ignored(self, about: Target | Description) -> bool:
        """Whether it is not to be watched, by the settings or by its own label."""
        return is_ignored(
            about.name, about.labels, about.image_labels, self._settings.exclude, self._settings.label_prefix
        )

    def leave_alone(self, watched: Watched) -> bool:
        """An ignored container keeps no file open; False when it is gone."""
        watched.close()
        watched.previous = None
        if inode_of(self._root + watched.found.cgroup) is not None:
            return True
        self._drop(watched)
        return False

    def over(self, watched: Watched, now_ms: int) -> None:
        """Its cgroup is no more."""
        watched.close()
        self._drop(watched)
        self._life_over(watched, now_ms)

    def made_anew(self, watched: Watched, now_ms: int) -> Target:
        """The same path is another cgroup now: the container was restarted. Its old life is over."""
        self._life_over(watched, now_ms)
        watched.close_network()
        watched.peak_bytes, watched.ticks, watched.first_seen_ms = 0, 0, now_ms
        target = self.describe(watched)
        self._lives.begun(target, now_ms)
        return target

    def killed(self, watched: Watched, now_ms: int, count: float) -> None:
        """Processes of it were killed for lack of memory since the tick before."""
        self._kills.explain(watched.found.cgroup, int(count))
        if watched.target is not None:
            self._lives.killed(watched.target, now_ms, int(count))

    def tell(self, now_ms: int) -> tuple[list[Event], set[str]]:
        """Events since the last call in their order, and the ids whose limits may have changed."""
        events: list[Event] = []
        changed: set[str] = set()
        answering = self._registry.answering()
        events += self._judge(now_ms, answering & TELL_OOM)
        for report in self._registry.drain():
            known = self._registry.describe(report.id)
            if known is not None and self.ignored(known):
                continue
            watched, living = self.entries.get(report.id), None
            if report.action == "die" and not self._lives.awaits_stop(report.id):
                living, glimpse = self._endings.of(watched, report.id, report.at_ms)
                if glimpse is not None:
                    living = self._unseen(glimpse)
                if watched is not None and watched.previous is not None:
                    watched.stop_told = watched.previous.inode
            elif watched is not None and watched.target is not None:
                living = Ended(report.at_ms, watched.read_as or watched.target, watched.previous, watched.peak_bytes)
            if report.action in ("update", "start"):
                changed.add(report.id)
            events += self._lives.report(report, known, living)
        if self._begun:
            events += self._lives.settle(now_ms, self._registry.described(), answering)
        self._begun = True
        return sorted(events, key=lambda event: event.at_ms), changed

    def close(self) -> None:
        for watched in self.entries.values():
            watched.close()
        self.entries.clear()
        self._kills.close()

    def _judge(self, now_ms: int, telling: frozenset[str]) -> list[Event]:
        """The lives that ended now go on, each with what the counters above say of a kill; answers the kills in what
        was never seen. ``telling``: runtimes that tell of the kills in their containers."""
        over, unseen_lives = self._endings.ended(self.entries, now_ms)
        for glimpse in unseen_lives:
            life = self._unseen(glimpse)
            if not self.ignored(life.target):
                self._lives.begun(life.target, glimpse.first_ms)
                over.append(life)
        parents = {parent for runtime, parent in self._parents if runtime not in (*telling, OWN_CGROUPS)}
        ended, unseen = self._kills.judge(parents, over)
        for life in ended:
            self._lives.ended(life)
        return [self._lives.killed_unseen(parent, now_ms, count) for parent, count in unseen.items()]

    def _unseen(self, glimpse: Glimpse) -> Ended:
        """A life that no tick saw."""
        found, reading = glimpse.found, glimpse.reading
        what, known = found.what, self._registry.describe(found.what.id)
        target = target_of(
            what.runtime, what.id, found.cgroup, reading.inode, what.name, what.pod,
            known, self._settings.label_prefix, glimpse.first_ms,
        )  # fmt: skip
        return Ended(glimpse.at_ms, target, reading, glimpse.peak_bytes)

    def _drop(self, watched: Watched) -> None:
        if self.entries.pop(watched.id, None) is not None:
            place = (watched.found.what.runtime, parent_of(watched.found.cgroup))
            self._parents[place] -= 1
            if not self._parents[place]:
                del self._parents[place]

    def _take_up(self, found: Iterable[Found], now_ms: int) -> list[Watched]:
        """Watch these from now on; those that are gone already are passed over."""
        taken = []
        for item in found:
            reader = CgroupReader(self._hierarchy, self._plan, item.cgroup, self._descriptors)
            try:
                reader.open()
            except Gone:
                continue
            watched = Watched(item, reader, now_ms if self._begun else None)
            self.entries[item.what.id] = watched
            self._parents[item.what.runtime, parent_of(item.cgroup)] += 1
            taken.append(watched)
            self._young.watch((parent_of(item.cgroup),))
            if self._begun and item.what.runtime != OWN_CGROUPS:
                target = self.describe(watched)
                if not self.ignored(target):
                    self._lives.begun(target, now_ms)
        return taken

    def _own_cgroups(self, now_ms: int) -> list[Watched]:
        """On a host without runtime and without any container its own cgroups are shown, and only there."""
        containers = any(w.found.what.runtime != OWN_CGROUPS for w in self.entries.values())
        wanted = [] if containers else self._registry.host_only()
        if wanted:
            return self._take_up([item for item in wanted if item.what.id not in self.entries], now_ms)
        if containers or self._registry.answering():
            for watched in list(self.entries.values()):
                if watched.found.what.runtime == OWN_CGROUPS:
                    watched.close()
                    self._drop(watched)
        return []

    def _life_over(self, watched: Watched, now_ms: int) -> None:
        last, target = watched.previous, watched.read_as or watched.target
        if target is None or target.id.runtime == OWN_CGROUPS:
            return
        if last and watched.stop_told == last.inode:
            self._endings.told(watched, now_ms)
        else:
            self._endings.over(watched, now_ms)
