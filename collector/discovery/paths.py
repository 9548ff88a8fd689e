"""A cgroup path to the container it belongs to. Pure.

Each runtime names its cgroups in its own way, once a driver: a plain directory (cgroupfs) or a systemd scope.
The last component decides; its parents say whose it is where it does not.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

HEX_ID = re.compile(r"[0-9a-f]{64}")
SCOPE = re.compile(r"(docker|libpod|cri-containerd|crio|nerdctl)-([0-9a-f]{64})\.scope")
POD_UID = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})")
NSPAWN = re.compile(r"systemd-nspawn@(.+)\.service")
MACHINE = re.compile(r"machine-(.+)\.scope")
SCOPE_RUNTIMES = {
    "docker": "docker",
    "libpod": "podman",
    "cri-containerd": "containerd",
    "crio": "crio",
    "nerdctl": "containerd",
}
CONTAINERD_NAMESPACES = ("default", "k8s.io", "nerdctl")
PARENTS = (
    "/", "/docker", "/system.slice", "/machine.slice", "/libpod_parent", "/kubepods", "/kubepods.slice", "/lxc",
    "/lxc.payload", "/default", "/k8s.io", "/ecs",
)  # fmt: skip
"""Where containers appear first; looked at each tick even before there is one."""


@dataclass(frozen=True, slots=True)
class ContainerPath:
    """What a path says: the runtime (``container``: some runtime), the id, the name or pod where it shows them."""

    runtime: str
    id: str
    name: str | None = None
    pod: str | None = None
    """UID of the Kubernetes pod."""


Recogniser = Callable[[str], ContainerPath | None]
"""The container of a cgroup path; None for every other cgroup."""


def recognise(path: str) -> ContainerPath | None:
    """The container whose own cgroup this is; None for every other cgroup (slices, pods, services, sub-cgroups)."""
    parts = path.strip("/").split("/")
    last, parents = parts[-1], parts[:-1]
    scope = SCOPE.fullmatch(last)
    if scope:
        return ContainerPath(SCOPE_RUNTIMES[scope[1]], scope[2], pod=pod_of(parents))
    if last.startswith("libpod-") and HEX_ID.fullmatch(last[7:]):
        return ContainerPath("podman", last[7:])
    if HEX_ID.fullmatch(last):
        return ContainerPath(runtime_by_parents(parents), last, pod=pod_of(parents))
    return by_name(last, parents)


def recogniser(services: Sequence[str]) -> Recogniser:
    """:func:`recognise`, and beside the containers the systemd services whose unit name matches one of these globs."""
    if not services:
        return recognise
    return lambda path: recognise(path) or service(path, services)


def service(path: str, wanted: Sequence[str]) -> ContainerPath | None:
    """The wanted service of systemd's system manager whose cgroup this is: the unit's own, none below it.

    ``wanted``: globs of unit names, with ``.service`` or without.
    """
    *parents, last = path.strip("/").split("/")
    inside = any(not part.endswith(".slice") for part in parents) or parents[:1] in ([], ["user.slice"])
    unit = last.removesuffix(".service")
    if inside or unit == last or not any(fnmatch.fnmatchcase(name, glob) for name in (unit, last) for glob in wanted):
        return None
    return ContainerPath("systemd", f"systemd-{unit}", unit)


def runtime_by_parents(parents: list[str]) -> str:
    """Who made a directory that is named by its id alone."""
    if any(part.startswith("kubepods") for part in parents):
        return "kubernetes"
    if parents and parents[-1] == "docker":
        return "docker"
    if parents and parents[0] == "ecs":
        return "docker"
    if parents and parents[0] in CONTAINERD_NAMESPACES:
        return "containerd"
    return "container"


def by_name(last: str, parents: list[str]) -> ContainerPath | None:
    """Runtimes that name cgroups by the container's name: LXC, systemd-nspawn, containerd's own client."""
    if last.startswith("lxc.payload.") and not parents:
        return ContainerPath("lxc", f"lxc-{last[12:]}", last[12:])
    if parents in (["lxc"], ["lxc.payload"]):
        return ContainerPath("lxc", f"lxc-{last}", last)
    if parents == ["machine.slice"]:
        found = NSPAWN.fullmatch(last) or MACHINE.fullmatch(last)
        if found:
            name = unescape(found[1])
            if name.startswith(("qemu-", "lxc-")):  # libvirt's: a virtual machine is no container
                return None
            return ContainerPath("nspawn", f"nspawn-{name}", name)
    if len(parents) == 1 and parents[0] in CONTAINERD_NAMESPACES:
        return ContainerPath("containerd", last, last)
    return None


def pod_of(parents: list[str]) -> str | None:
    """UID of the pod among the parents, in its usual form with dashes."""
    for part in reversed(parents):
        found = POD_UID.search(part) if "pod" in part else None
        if found:
            return found[1].replace("_", "-")
    return None


def unescape(text: str) -> str:
    r"""systemd's escapes (``\x2d`` is a dash); see systemd.unit(5)."""
    try:
        return re.sub(rb"(\\x[0-9a-f]{2})+", lambda m: bytes.fromhex(m[0].replace(rb"\x", b"").decode()),
                      text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")  # fmt: skip
    except ValueError:
        return text


def from_the_top(path: str) -> str:
    """A path as a process in a cgroup namespace of its own is shown those outside of it (``/../../docker/<id>``,
    cgroup_namespaces(7)), from the top of the tree. True where the way up ends there, which the caller looks up."""
    while path.startswith("/../"):
        path = path[3:]
    return "/" if path == "/.." else path


def cgroup_of_process(text: str, primary: str, follow: Callable[[str], bool]) -> str | None:
    """The cgroup of a process from its ``/proc/<pid>/cgroup`` (cgroups(7)): in the tree of ``primary``,
    else in the unified one. ``follow`` says whether the path is there; None where neither is. Pure but for it."""
    unified = None
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        path = from_the_top(path)
        if primary in controllers.split(",") and follow(path):
            return path
        if not controllers and path.startswith("/"):
            unified = path
    return unified if unified is not None and follow(unified) else None
