"""``wharfinger doctor``: what this host gives and lacks, each with the line that mends it."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from collector.capabilities import IO_COUNTED_BY, IO_UNCOUNTED
from collector.cgroupfs import files
from collector.cgroupfs.hierarchy import find_hierarchy
from config.schema import HostSettings, Settings
from daemon import doctor_host, doctor_sign_in
from daemon.build import socket_path
from daemon.check import Check
from daemon.doctor_store import stores
from daemon.link import answers
from daemon.once import looked_at
from model.errors import WharfingerError
from model.sample import Snapshot

FILES_WANTED = 16_384
FREE_WANTED = 1 << 30
FILES_A_CONTAINER = 16
"""Kept open of each: the most that a hybrid host has, network included."""

NOTES = ("network_of_host",)
"""Capabilities that are facts about containers, not faults of the host."""
REMEDIES = {
    "cpu": "mount the cpuacct (v2: cpu) controller",
    "swap_limit": "boot with swapaccount=1 (v1), or leave swap unlimited",
    "cpu_quota": "mount the cpu controller, or boot a kernel with CONFIG_CFS_BANDWIDTH",
    "memory": "boot with cgroup_enable=memory (on a Raspberry Pi: in cmdline.txt)",
    "psi": "boot with psi=1 (kernel 4.20 or newer)",
    "memory_high": "memory.high needs cgroup v2; without it memory limits are raised earlier",
    "docker": "start Docker, run as root or in the group docker, or set discovery.docker to its socket",
    "containerd": "run as root, or set discovery.containerd to its state folder",
    "podman": "systemctl enable --now podman.socket, or set discovery.podman",
    "network": "run as root (or with CAP_SYS_PTRACE) and with the host's pid namespace",
    "own_cgroup": "boot with cgroup v2, where the Podman of an ordinary user gets cgroups of its own",
    "io": "mount the io (v1: blkio) controller",
    "pids": "mount the pids controller",
}


def examine(settings: Settings, *, repair: bool = False, quick: bool = False) -> tuple[bool, tuple[Check, ...]]:
    """(whether containers can be seen, everything that was looked at). ``quick``: the stores are not read through,
    and no provider is asked."""
    checks: list[Check] = []
    try:
        snapshot, capabilities = looked_at(settings)
    except WharfingerError as error:
        checks.append(Check("cgroup", "missing", str(error), "mount the cgroup tree and name it in host.cgroup"))
        seen_well = False
    else:
        checks += seen(snapshot)
        checks += ground(settings.host, capabilities)
        seen_well = not any(c.state == "missing" for c in checks)
    checks += surroundings(settings)
    if not quick:
        checks += doctor_sign_in.provider(settings.web.oidc)
        checks += stores(settings, repair=repair)
    return seen_well, tuple(checks)


def ground(host: HostSettings, capabilities: Mapping[str, str]) -> Iterator[Check]:
    """What the kernel offers, and what of it is within our reach."""
    hierarchy = find_hierarchy(host)
    facts = doctor_host.facts_of(host, hierarchy)
    remedies = {**REMEDIES, "psi": doctor_host.pressure_remedy(facts), "memory": doctor_host.boot("memory", facts)}
    yield from (capability(name, state, remedies) for name, state in capabilities.items())
    yield from doctor_host.controllers(hierarchy, facts)
    yield from doctor_host.features(hierarchy, facts)
    yield doctor_host.namespace(host, hierarchy)
    yield doctor_host.writable(hierarchy)


def capability(name: str, state: str, remedies: Mapping[str, str] = REMEDIES) -> Check:
    """One thing that the host offers, or why not and what mends it. Pure."""
    if state == "yes":
        return Check(name, "ok", "there")
    if name in NOTES:
        return Check(name, "ok", state)
    if state.startswith(IO_UNCOUNTED):
        return Check(name, "warning", IO_UNCOUNTED, IO_COUNTED_BY)
    return Check(name, "warning", state, remedies.get(name, "see docs/collector.md for what this is needed for"))


def seen(snapshot: Snapshot) -> Iterator[Check]:
    """What one snapshot shows. Pure."""
    names = ", ".join(sorted({t.id.runtime for t in snapshot.targets.values()})) or "none running"
    yield Check("cgroup", "ok", f"{snapshot.cgroup}; {len(snapshot.targets)} targets seen ({names})")
    unread = {g.target for g in snapshot.gaps if g.target}
    if snapshot.targets and not snapshot.samples:
        yield Check("containers", "missing", "no container's files can be read", "run as root, or give read rights")
    elif unread:
        first = snapshot.gaps[0]
        detail = f"{len(unread)} targets have parts that cannot be read, such as {first.part}: {first.reason}"
        yield Check("containers", "warning", detail, "run as root, or accept that these parts are missing")
    else:
        yield Check("containers", "ok", f"{len(snapshot.samples)} can be read")


def surroundings(settings: Settings) -> Iterator[Check]:
    """Rights, descriptors, folders, and whether an agent runs."""
    yield doctor_host.rights(os.geteuid(), files.read_text("/proc/self/status") or "")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FILES_WANTED
    yield Check(
        "open_files",
        "ok" if enough else "warning",
        f"limit {soft} (at most {hard}), raised at the start: enough for {held(hard)} containers' open files",
        ""
        if enough
        else f"LimitNOFILE={FILES_WANTED} in the unit (docker run --ulimit nofile={FILES_WANTED}); "
        "past it files are opened at each reading, which costs more",
    )
    yield folder(settings)
    running = answers(socket_path(settings))
    yield Check(
        "agent",
        "ok" if running else "warning",
        f"answers on {socket_path(settings)}" if running else "not running",
        "" if running else "start it with 'wharfinger run' or 'wharfinger agent'",
    )


def held(hard: int) -> str:
    """For how many containers the descriptors do. Pure."""
    most = files.MAX_KEPT_OPEN
    budget = most if hard == resource.RLIM_INFINITY else min(most, hard - files.RESERVED_DESCRIPTORS)
    return str(max(0, budget) // FILES_A_CONTAINER)


def folder(settings: Settings) -> Check:
    """The data folder: there, writable, with room."""
    place = Path(settings.agent.data_dir)
    existing = next((p for p in (place, *place.parents) if p.exists()), Path("/"))
    if not os.access(existing, os.W_OK):
        return Check("data_dir", "warning", f"{place} is not writable for this user", "set agent.data_dir")
    free = shutil.disk_usage(existing).free
    if free < FREE_WANTED:
        return Check(
            "data_dir", "warning", f"{free >> 20} MiB free in {place}", "free some room, or set store.max_bytes"
        )
    return Check("data_dir", "ok", f"{place}, {free >> 30} GiB free")
