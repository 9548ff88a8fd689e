"""All containers of the host: the tree says which live, the runtimes say who they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from collector.cgroupfs import files
from collector.cgroupfs.hierarchy import Hierarchy
from collector.discovery.describe import Description
from collector.discovery.paths import PARENTS, ContainerPath, cgroup_of_process, recogniser
from collector.discovery.runtime import RuntimeEvent, Source
from collector.discovery.walk import Found, Scan, containers, host_cgroups
from config.schema import DiscoverySettings

WALK_EVERY_S = 10.0


class Registry:
    """Finds containers for the tick thread. :meth:`walk` alone runs in another thread: its result is swapped in."""

    def __init__(self, hierarchy: Hierarchy, sources: Sequence[Source], settings: DiscoverySettings, proc: str) -> None:
        self._hierarchy = hierarchy
        self._root = str(hierarchy.walk_root)
        self._sources = tuple(sources)
        self._settings = settings
        self._proc = proc
        self._recognise = recogniser(settings.services)
        self._scan = Scan(self._root, self._recognise)
        self._scan.watch(PARENTS)
        self._walked: Mapping[str, Found] | None = None
        self._host_cgroups: Mapping[str, Found] = {}
        self.without_cgroup: tuple[str, ...] = ()
        """Names of running containers whose process is in a cgroup that is not theirs alone: a user's Podman on v1."""

    def walk(self, now_ms: int) -> float:  # noqa: ARG002 - a job
        """Go through the whole tree: for containers under parents that are not looked at each tick."""
        if not self._settings.cgroup_walk:
            return WALK_EVERY_S
        found = containers(self._root, known=self._recognise)
        # the host's own are only ever shown where there is nothing else
        self._host_cgroups = {} if found or self.answering() else host_cgroups(self._root)
        self._walked = found
        return WALK_EVERY_S

    def appeared(self, known: Collection[str], *, everything: bool = False) -> list[Found]:
        """Containers whose id is not among ``known``: to be tried, the cgroup may be gone already."""
        found: dict[str, Found] = {}
        if self._settings.cgroup_walk:
            if self._walked is None:
                self.walk(0)
            walked, self._walked = self._walked or {}, {}
            self._scan.watch(path.rpartition("/")[0] or "/" for path in walked)
            for place in (walked, self._scan.look(everything=everything)):
                for item in place.values():
                    if self._wanted(item.what) and item.what.id not in known:
                        found.setdefault(item.what.id, item)
        without = []
        for source in self._sources:
            for container_id, described in source.described().items():
                if described.running and container_id not in known and container_id not in found:
                    path = self._path_of_process(described)
                    if path is not None and container_id in path:
                        found[container_id] = self._found_at(path, described)
                    elif path is not None:
                        without.append(described.name)
        self.without_cgroup = tuple(sorted(without))
        return list(found.values())

    def host_only(self) -> list[Found]:
        """The host's own cgroups where no runtime answers; empty while one does, or has not been asked yet."""
        if self.answering() or not all(source.asked() for source in self._sources):
            return []
        return list(self._host_cgroups.values())

    def describe(self, container_id: str) -> Description | None:
        for source in self._sources:
            described = source.described().get(container_id)
            if described is not None:
                return described
        return None

    def described(self) -> Mapping[str, Description]:
        everything: dict[str, Description] = {}
        for source in self._sources:
            everything.update(source.described())
        return everything

    def drain(self) -> list[RuntimeEvent]:
        return sorted((event for source in self._sources for event in source.drain()), key=lambda event: event.at_ms)

    def answering(self) -> frozenset[str]:
        """Runtimes that answer now and report what happens to their containers."""
        return frozenset(source.runtime for source in self._sources if source.reports and source.state()[0] == "ok")

    def _wanted(self, what: ContainerPath) -> bool:
        return what.runtime != "containerd" or self._settings.containerd != "off"

    def _path_of_process(self, described: Description) -> str | None:
        """The cgroup of a container's init process, for one that the tree does not show by its name. It may be
        another's: the process id may be somebody else's by now, or of another host's Docker."""
        if described.pid is None:
            return None
        text = files.read_text(f"{self._proc}/{described.pid}/cgroup")
        return cgroup_of_process(
            text or "", self._hierarchy.primary, lambda path: files.inode_of(self._root + path) is not None
        )

    def _found_at(self, path: str, described: Description) -> Found:
        seen = self._recognise(path)
        return Found(path, ContainerPath(described.runtime, described.id, pod=None if seen is None else seen.pod))
