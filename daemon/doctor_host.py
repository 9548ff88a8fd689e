"""What the doctor finds out of the kernel's own files: controllers, kernel features, namespaces, rights."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from collector.capabilities import samples
from collector.cgroupfs import files
from collector.cgroupfs.hierarchy import UNIFIED, Hierarchy
from config.schema import HostSettings
from daemon.check import Check

NEEDED = {"cpu": "cpu", "memory": "memory", "io": "blkio", "pids": "pids"}
"""Controllers by their name on cgroup v2 → on v1."""
CONFIG = {
    "cpu": "CONFIG_CGROUP_SCHED",
    "memory": "CONFIG_MEMCG",
    "io": "CONFIG_BLK_CGROUP",
    "pids": "CONFIG_CGROUP_PIDS",
}
BOOT_FILE = "/etc/default/grub (GRUB_CMDLINE_LINUX, then update-grub)"
PI_BOOT_FILE = "/boot/firmware/cmdline.txt"
INITIAL_CGROUP_NAMESPACE = 4026531835
"""Inode of the initial cgroup namespace on every kernel (include/linux/proc_ns.h: PROC_CGROUP_INIT_INO)."""
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE = 2, 19
"""Bits of capabilities(7)."""
Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is read once of the host, for the words of every check."""

    release: Version | None = None
    raspberry: bool = False
    enabled: Mapping[str, bool] = field(default_factory=dict)
    """v1 name of a controller → whether the kernel was booted with it (``/proc/cgroups``)."""
    offered: frozenset[str] = frozenset()
    """Controllers of the unified tree (v2 names)."""
    given: frozenset[str] | None = None
    """Those that it gives on to its cgroups; None where that cannot be read."""

    @property
    def boot_file(self) -> str:
        return PI_BOOT_FILE if self.raspberry else BOOT_FILE


def facts_of(host: HostSettings, hierarchy: Hierarchy) -> Facts:
    """Read what the checks go by. What cannot be read is unknown and accuses nobody."""
    unified = hierarchy.unified
    given = None if unified is None else files.read_text(f"{unified}/cgroup.subtree_control")
    offered = "" if unified is None else files.read_text(f"{unified}/cgroup.controllers") or ""
    model = files.read_text(f"{host.sys}/firmware/devicetree/base/model") or ""
    return Facts(
        version(files.read_text(f"{host.proc}/sys/kernel/osrelease") or ""),
        "raspberry pi" in model.lower(),
        enabled_controllers(files.read_text(f"{host.proc}/cgroups") or ""),
        frozenset(offered.split()),
        None if given is None else frozenset(given.split()),
    )


def version(release: str) -> Version | None:
    """``6.1.0-13-amd64`` → (6, 1); None for what is no release. Pure."""
    parts = release.strip().split(".")
    if len(parts) < 2 or not parts[0].isdigit():
        return None
    minor = "".join(c for c in parts[1].partition("-")[0] if c.isdigit())
    return (int(parts[0]), int(minor)) if minor else None


def enabled_controllers(text: str) -> dict[str, bool]:
    """``/proc/cgroups`` (cgroups(7)): controller → its column ``enabled``. Pure."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4 and not line.startswith("#"):
            found[words[0]] = words[3] == "1"
    return found


def controllers(hierarchy: Hierarchy, facts: Facts) -> Iterator[Check]:
    """Whether containers have the controllers that give CPU, memory, I/O and processes."""
    faults = []
    for name, v1_name in NEEDED.items():
        if v1_name in hierarchy.controllers:
            continue
        if name in facts.offered:
            if facts.given is not None and name not in facts.given:
                faults.append(Check(
                    f"controller_{name}", "warning", f"the root of the tree does not give {name} on to its cgroups",
                    f"echo +{name} > {hierarchy.unified}/cgroup.subtree_control",
                ))  # fmt: skip
            continue
        if hierarchy.unified is not None and not facts.offered and not hierarchy.controllers:
            continue  # a tree that is a part of the host's says nothing of its root
        faults.append(lacking(name, v1_name, hierarchy, facts))
    yield from faults
    if not faults:
        yield Check("controllers", "ok", ", ".join(NEEDED))


def lacking(name: str, v1_name: str, hierarchy: Hierarchy, facts: Facts) -> Check:
    """A controller that is neither mounted nor offered: off since boot, not mounted, or not in the kernel. Pure."""
    check = f"controller_{name}"
    on = facts.enabled.get(v1_name)
    if on is False:
        return Check(check, "warning", f"the kernel was booted without the {v1_name} controller", boot(v1_name, facts))
    if on is None and facts.enabled:
        return Check(check, "warning", f"the kernel has no {v1_name} controller", f"boot a kernel with {CONFIG[name]}")
    if hierarchy.controllers:
        place = f"{next(iter(hierarchy.controllers.values())).parent}/{v1_name}"
        return Check(
            check, "warning", f"the {v1_name} controller is not mounted",
            f"mkdir -p {place} && mount -t cgroup -o {v1_name} {v1_name} {place}",
        )  # fmt: skip
    return Check(check, "warning", f"the kernel offers no {name} controller", boot(v1_name, facts))


def boot(v1_name: str, facts: Facts) -> str:
    """What to add to the kernel's command line, and where. Pure."""
    words = "cgroup_enable=memory cgroup_memory=1" if v1_name == "memory" else f"cgroup_enable={v1_name}"
    return f"add '{words}' to the line in {facts.boot_file} and reboot"


def pressure_remedy(facts: Facts) -> str:
    """What brings pressure information. Pure."""
    if facts.release is not None and facts.release < (4, 20):
        return f"boot kernel 4.20 or newer (this is {facts.release[0]}.{facts.release[1]})"
    return f"add 'psi=1' to the line in {facts.boot_file} and reboot"


def features(hierarchy: Hierarchy, facts: Facts) -> Iterator[Check]:
    """Files that came with newer kernels: of each what stands in for it where it is not there."""
    v2_memory = "memory" not in hierarchy.controllers
    release = "unknown" if facts.release is None else f"{facts.release[0]}.{facts.release[1]}"
    if v2_memory:
        yield feature(hierarchy, UNIFIED, "memory.peak", release, "5.19", "the highest value seen is shown")
    burst = "cpu.cfs_burst_us" if "cpu" in hierarchy.controllers else "cpu.max.burst"
    tree = "cpu" if "cpu" in hierarchy.controllers else UNIFIED
    yield feature(hierarchy, tree, burst, release, "5.14", "a CPU limit has no room for bursts")


def feature(hierarchy: Hierarchy, tree: str, name: str, release: str, since: str, without: str) -> Check:
    """Whether any cgroup has a file; no cgroup, no verdict."""
    root = hierarchy.root(tree)
    check = name.replace(".", "_")
    if root is not None and any(samples(root, name)):
        return Check(check, "ok", "there")
    if root is None or not any(samples(root, f"{name.partition('.')[0]}.stat")):
        return Check(check, "ok", "not to be told: no cgroup shows it")
    return Check(check, "warning", f"kernel {release} has no {name}: {without}", f"boot kernel {since} or newer")


def namespace(host: HostSettings, hierarchy: Hierarchy) -> Check:
    """Whether the tree that we see is the host's, or that of our own container alone."""
    own = files.inode_of(f"{host.proc}/self/ns/cgroup") or files.inode_of("/proc/self/ns/cgroup")
    if own is None or own == INITIAL_CGROUP_NAMESPACE:
        return Check("cgroup_namespace", "ok", "the host's")
    if is_top(hierarchy):
        return Check("cgroup_namespace", "ok", f"of our own, with the host's tree at {host.cgroup}")
    return Check(
        "cgroup_namespace", "missing", f"{host.cgroup} shows the cgroups of our own container only",
        "docker run --cgroupns=host, or -v /sys/fs/cgroup:/host/cgroup:ro with host.cgroup = /host/cgroup",
    )  # fmt: skip


def is_top(hierarchy: Hierarchy) -> bool:
    """Whether the walked tree is whole: the top of v1 has ``release_agent``, that of v2 no ``cgroup.events``."""
    root = hierarchy.walk_root
    if hierarchy.primary == UNIFIED:
        return (root / "cgroup.procs").exists() and not (root / "cgroup.events").exists()
    return (root / "release_agent").exists()


def writable(hierarchy: Hierarchy) -> Check:
    """Whether limits may be written straight into the kernel, which ``auto`` does before the runtime follows."""
    trees = [hierarchy.root(name) for name in ("cpu", "memory", UNIFIED)]
    closed = [str(root) for root in trees if root is not None and not os.access(root, os.W_OK)]
    if not closed:
        return Check("cgroup_writable", "ok", "limits may be written straight into the kernel")
    return Check(
        "cgroup_writable", "warning", f"{closed[0]} may not be written: limits take effect through Docker only, slower",
        "run as root with the tree mounted writable (-v /sys/fs/cgroup:/host/cgroup), or leave limits.mode at observe",
    )  # fmt: skip


def capabilities_of(status: str) -> int | None:
    """The effective capabilities in a ``/proc/<pid>/status`` (proc(5)); None without that line. Pure."""
    for line in status.splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            try:
                return int(value.strip(), 16)
            except ValueError:
                return None
    return None


def rights(user: int, status: str) -> Check:
    """Whether the process may look into every container and change limits. Pure."""
    held = capabilities_of(status)
    bits = {"CAP_DAC_READ_SEARCH": CAP_DAC_READ_SEARCH, "CAP_SYS_PTRACE": CAP_SYS_PTRACE}
    lost = [name for name, bit in bits.items() if held is not None and not held >> bit & 1]
    if user == 0 and "CAP_SYS_PTRACE" not in lost:
        return Check("rights", "ok", "root")
    if user == 0:
        return Check(
            "rights", "warning", "root without CAP_SYS_PTRACE: the traffic of containers cannot be read",
            "give it (docker run --cap-add SYS_PTRACE; systemd: AmbientCapabilities=CAP_SYS_PTRACE)",
        )  # fmt: skip
    if held is not None and not lost:
        return Check("rights", "ok", f"user {user} with CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE")
    return Check(
        "rights", "warning", f"user {user}: what may be read is read; limits can't be changed",
        "run the agent as root, or in the group docker",
    )  # fmt: skip
