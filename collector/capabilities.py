"""What this host offers and what it lacks, in words: ``yes``, or the reason why not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from collector.cgroupfs import files
from collector.cgroupfs.hierarchy import UNIFIED, Hierarchy
from collector.cgroupfs.knobs import V1_FILES, V2_FILES, Knob, on_v1
from collector.cgroupfs.v1 import BLKIO_COUNTS
from collector.network import host_namespace

YES = "yes"
IO_UNCOUNTED = "this kernel counts block I/O of cgroup v1 only on disks with a throttle rule"
IO_COUNTED_BY = (
    "set one that never bites, such as docker run --device-read-bps DISK:1tb … once after boot, or use cgroup v2"
)
V1_NAMES = {"memory": "memory", "io": "blkio", "pids": "pids"}


def of_kernel(hierarchy: Hierarchy, proc: str) -> dict[str, str]:
    """Capabilities that depend on the kernel and on what is mounted."""
    found = {"cpu": YES if hierarchy.unified or "cpuacct" in hierarchy.controllers else "no cpu accounting is mounted"}
    for name, v1_name in V1_NAMES.items():
        found[name] = controller(hierarchy, name, v1_name)
    if found["io"] == YES and "blkio" in hierarchy.controllers and counting_family(hierarchy) is None:
        found["io"] = f"{IO_UNCOUNTED}: {IO_COUNTED_BY}"
    found["cpu_quota"] = knob(hierarchy, Knob.CPU_QUOTA, "the kernel has no CFS bandwidth control")
    found["memory_high"] = knob(hierarchy, Knob.MEMORY_HIGH, "cgroup v1 has no memory.high")
    found["swap_limit"] = knob(hierarchy, Knob.SWAP, "swap accounting is off: boot with swapaccount=1")
    found["psi"] = psi(hierarchy, proc)
    found["network"] = (
        YES
        if host_namespace(proc) is not None
        else f"the host's network namespace may not be looked at ({proc}/1/ns/net): run as root in the host's "
        "pid namespace"
    )
    return found


def controller(hierarchy: Hierarchy, name: str, v1_name: str) -> str:
    if v1_name in hierarchy.controllers:
        return YES
    if hierarchy.unified is None:
        return f"the {v1_name} controller is not mounted"
    text = files.read_text(f"{hierarchy.unified}/cgroup.controllers")
    # a tree that is only a part of the host's has no such file at its root: its cgroups tell
    there = name in text.split() if text is not None else any(samples(hierarchy.unified, f"{name}.*"))
    return YES if there else f"the kernel offers no {name} controller: boot with cgroup_enable={name}"


def counting_family(hierarchy: Hierarchy) -> str | None:
    """The family of v1 blkio files that counts: one of which any cgroup shows a device. None where none does."""
    root = hierarchy.controllers.get("blkio")
    if root is None:
        return BLKIO_COUNTS[0]
    for family in BLKIO_COUNTS:
        for path in samples(root, f"blkio.{family}.io_service_bytes*"):
            if ":" in (files.read_text(str(path)) or ""):
                return family
    return None


def knob(hierarchy: Hierarchy, which: Knob, reason: str) -> str:
    """Whether a limit file exists: at the root on v1, in any cgroup on v2 (the root has none there)."""
    if on_v1(hierarchy, which):
        if which not in V1_FILES:
            return reason
        tree, name = V1_FILES[which]
        root = hierarchy.root(tree)
        return YES if root is not None and (root / name).exists() else reason
    if hierarchy.unified is None:
        return f"the {V2_FILES[which][0]} controller is not mounted"
    if any(samples(hierarchy.unified, V2_FILES[which][1])):
        return YES
    return f"no cgroup has {V2_FILES[which][1]}: its controller is not switched on below the root"


def psi(hierarchy: Hierarchy, proc: str) -> str:
    if files.read_text(f"{proc}/pressure/cpu") is None:
        return "the kernel has no pressure information: 4.20 or newer, booted with psi=1"
    root = hierarchy.root(UNIFIED)
    if root is None:
        return "of the host only: no cgroup v2 tree is mounted that would tell it per container"
    if any(samples(root, "cpu.pressure")):
        return YES
    return "of the host only: the cgroups have no pressure files"


def samples(root: Path, pattern: str) -> Iterable[Path]:
    """Files of that name in the root or up to two levels below it. A cgroup that goes meanwhile ends the search of
    its level: there was enough to judge by, or there is at the next look."""
    for depth in ("", "*/", "*/*/"):
        with contextlib.suppress(FileNotFoundError):
            yield from root.glob(depth + pattern)
