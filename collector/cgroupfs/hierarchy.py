"""Where the cgroup file systems are mounted: v1 controllers, the unified tree, or both side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collector.cgroupfs.files import read_text, subfolders
from config.schema import HostSettings
from model.errors import NotThere

Mode = Literal["v1", "v2", "hybrid"]

UNIFIED = "unified"
"""Stands for the cgroup v2 tree wherever a v1 controller could be named."""
V1_CONTROLLERS = ("cpu", "cpuacct", "memory", "blkio", "pids", "cpuset", "freezer", "hugetlb")
STANDARD_ROOT = "/sys/fs/cgroup"
PRIMARY_ORDER = ("memory", "cpuacct", "cpu", "pids", "blkio")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Mounted cgroup trees. A cgroup has the same path below each of them.

    ``controllers``: v1 controller → root of its tree (co-mounted ones share a root).
    ``unified``: root of the v2 tree, None where there is none.
    """

    mode: Mode
    controllers: Mapping[str, Path]
    unified: Path | None

    def root(self, controller: str) -> Path | None:
        """Root of the tree of a v1 controller or of :data:`UNIFIED`; None where it is not mounted."""
        return self.unified if controller == UNIFIED else self.controllers.get(controller)

    def folder(self, controller: str, cgroup: str) -> Path | None:
        """Directory of a cgroup (path with a leading slash) in the tree of ``controller``."""
        root = self.root(controller)
        return None if root is None else root / cgroup.lstrip("/")

    def path(self, controller: str, cgroup: str, name: str) -> str:
        """Path of a file of a cgroup, ``""`` of its directory: text, for those who ask for thousands."""
        return f"{self.root(controller)}{cgroup if cgroup != '/' else ''}/{name}"

    @property
    def primary(self) -> str:
        """The tree that is walked, and whose inode identifies a cgroup."""
        return next((name for name in PRIMARY_ORDER if name in self.controllers), UNIFIED)

    @property
    def walk_root(self) -> Path:
        root = self.root(self.primary)
        if root is None:
            raise NotThere("no cgroup controller is mounted")
        return root


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo about a cgroup file system. ``options`` are the super block's (the controllers)."""

    point: str
    version: Literal[1, 2]
    options: tuple[str, ...]


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The cgroup mounts of a ``/proc/<pid>/mountinfo`` (proc(5)); other and broken lines are passed over. Pure."""
    mounts = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if not separator or len(fields) < 5 or len(tail) < 3 or tail[0] not in ("cgroup", "cgroup2"):
            continue
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
        mounts.append(Mount(point, 2 if tail[0] == "cgroup2" else 1, tuple(tail[-1].split(","))))
    return tuple(mounts)


def place(mounts: Iterable[Mount], root: Path, seen_at: str) -> tuple[dict[str, Path], Path | None]:
    """Map mounts below ``seen_at`` to paths below ``root``: v1 controllers, and the unified tree. Pure."""
    controllers: dict[str, Path] = {}
    unified: Path | None = None
    for mount in mounts:
        if mount.point != seen_at and not mount.point.startswith(seen_at.rstrip("/") + "/"):
            continue
        path = root / mount.point[len(seen_at) :].lstrip("/")
        if mount.version == 2:
            unified = unified or path
            continue
        for option in mount.options:
            if option in V1_CONTROLLERS:
                controllers.setdefault(option, path)
    return controllers, unified


def look_at_tree(root: Path) -> tuple[dict[str, Path], Path | None]:
    """The same from the tree itself, for one that is mounted elsewhere (``/host/cgroup`` in a container)."""
    if (root / "cgroup.controllers").is_file():
        return {}, root
    controllers: dict[str, Path] = {}
    unified: Path | None = None
    for child in (root / name for name in sorted(subfolders(str(root)) or ())):
        if (child / "cgroup.controllers").is_file():
            unified = unified or child
        elif (child / "cgroup.procs").is_file() or (child / "tasks").is_file():
            for name in child.name.split(","):
                if name in V1_CONTROLLERS:
                    controllers.setdefault(name, child.resolve())
    return controllers, unified


def find_hierarchy(host: HostSettings) -> Hierarchy:
    """Find the cgroup trees below ``host.cgroup``: by mountinfo, else by looking at the tree.

    Raises :class:`NotThere` with the remedy where there is no cgroup tree at all.
    """
    root = Path(host.cgroup)
    for process, seen_at in (("self", host.cgroup), ("1", STANDARD_ROOT)):
        text = read_text(f"{host.proc}/{process}/mountinfo")
        controllers, unified = place(parse_mountinfo(text or ""), root, seen_at)
        controllers = {name: path for name, path in controllers.items() if path.is_dir()}
        if unified is not None and not (unified / "cgroup.procs").exists():
            unified = None
        if controllers or unified is not None:
            return assemble(controllers, unified)
    controllers, unified = look_at_tree(root)
    if not controllers and unified is None:
        raise NotThere(
            f"no cgroup tree at {root}: mount it there, or set host.cgroup (inside a container: "
            "-v /sys/fs/cgroup:/host/cgroup:ro and host.cgroup = /host/cgroup)"
        )
    return assemble(controllers, unified)


def assemble(controllers: Mapping[str, Path], unified: Path | None) -> Hierarchy:
    """Name the mode of what was found: both sides are ``hybrid``. Pure."""
    if not controllers:
        return Hierarchy("v2", {}, unified)
    return Hierarchy("v1" if unified is None else "hybrid", dict(controllers), unified)
