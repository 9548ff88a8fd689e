"""The cgroup tree, walked: all containers below a root, and the cheap look for new ones at each tick.

A directory's link count is its sub-directories plus two in kernfs (fs/kernfs/dir.c), which spares opening
those that have none; file systems that do not count (1) are opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collector.cgroupfs.files import links, populated, subfolders
from collector.discovery.paths import ContainerPath, Recogniser, recognise

MAX_DEPTH = 12
MAX_FOLDERS = 50_000
HOST_DEPTH = 3
HOST_CGROUPS = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A live container's cgroup: its path below the root, and what the path says."""

    cgroup: str
    what: ContainerPath


def folders(root: str, below: str = "/", max_depth: int = MAX_DEPTH) -> Iterator[str]:
    """Every cgroup path below ``below`` (itself left out), parents first, up to a bound on depth and number."""
    waiting, seen = [(below, 0)], 0
    while waiting and seen < MAX_FOLDERS:
        path, depth = waiting.pop()
        for name in subfolders(root + path) or ():
            child = f"{path.rstrip('/')}/{name}"
            seen += 1
            yield child
            if depth + 1 < max_depth and links(root + child) != 2:
                waiting.append((child, depth + 1))


def containers(root: str, below: str = "/", known: Recogniser = recognise) -> dict[str, Found]:
    """All that is ``known`` below a path, by cgroup path; containers inside containers as well."""
    return {path: Found(path, what) for path in folders(root, below) if (what := known(path)) is not None}


def host_cgroups(root: str) -> dict[str, Found]:
    """The host's own populated cgroups, for a host without any container: up to depth 3, at most 500.

    A cgroup is shown when it holds processes itself; its path is its id.
    """
    found: dict[str, Found] = {}
    for path in folders(root, max_depth=HOST_DEPTH):
        if len(found) >= HOST_CGROUPS:
            break
        if populated(root + path):
            found[path] = Found(path, ContainerPath("cgroup", path, path.strip("/")))
    return found


class Scan:
    """Looks at the parents of containers each tick and reports what appeared in them. Tick thread only."""

    __slots__ = ("_children", "_known", "_links", "_root")

    def __init__(self, root: str, known: Recogniser = recognise) -> None:
        self._root = root
        self._known = known
        self._children: dict[str, set[str]] = {}
        self._links: dict[str, int] = {}

    def watch(self, parents: Iterable[str]) -> None:
        """Watch these paths too; a path that is not there yet costs one failing call a tick."""
        for parent in parents:
            self._children.setdefault(parent, set())

    def forget(self, parents: Iterable[str]) -> None:
        for parent in parents:
            self._children.pop(parent, None)
            self._links.pop(parent, None)

    def parents(self) -> list[str]:
        """Paths that are looked at."""
        return list(self._children)

    def look(self, *, everything: bool = False) -> dict[str, Found]:
        """Containers that appeared since the last look, by cgroup path.

        A parent whose number of sub-directories is the same is not listed again unless ``everything``: one that
        went and one that came in the same interval is found as soon as the one that went is noticed.
        """
        found: dict[str, Found] = {}
        for parent in list(self._children):
            count = links(self._root + parent)
            if count is None:
                self._children[parent] = set()
                self._links.pop(parent, None)
                continue
            if count == self._links.get(parent) and count != 1 and not everything:
                continue
            self._links[parent] = count
            names = set(subfolders(self._root + parent) or ())
            for name in names - self._children[parent]:
                path = f"{parent.rstrip('/')}/{name}"
                what = self._known(path)
                if what is not None:
                    found[path] = Found(path, what)
                if path not in self._children:
                    found.update(containers(self._root, path, self._known))
            self._children[parent] = names
        self.watch(path.rpartition("/")[0] or "/" for path in found)
        return found
