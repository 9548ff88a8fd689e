"""What the machine is: the identity and sizes that cAdvisor puts into ``machine_*``. Read once; OSErrors end here."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.schema import HostSettings

IDENTITY = (
    ("machine_id", "{root}/etc/machine-id"),
    ("system_uuid", "{sys}/class/dmi/id/product_uuid"),
    ("boot_id", "{proc}/sys/kernel/random/boot_id"),
)
"""product_uuid is readable by root alone; what cannot be read is an empty label, as with cAdvisor."""


@dataclass(frozen=True, slots=True)
class Machine:
    """``identity``: label → value; ``gauges``: ``machine_*`` name → value, absent where unknown."""

    identity: Mapping[str, str]
    gauges: Mapping[str, float]
    kernel: str


def look(host: HostSettings) -> Machine:
    """The machine as seen through ``host.proc`` and ``host.sys``."""
    root = f"{host.proc}/1/root"
    identity = {}
    for name, form in IDENTITY:
        text = text_of(form.format(root=root, sys=host.sys, proc=host.proc))
        if not text and name == "machine_id":
            text = text_of("/etc/machine-id")
        identity[name] = text.strip()[:64]
    gauges = cpu_gauges(text_of(f"{host.proc}/cpuinfo")) | swap_gauge(text_of(f"{host.proc}/meminfo"))
    return Machine(identity, gauges, platform.release())


def text_of(path: str) -> str:
    """A small file's text; empty where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def cpu_gauges(cpuinfo: str) -> dict[str, float]:
    """Cores and sockets of ``/proc/cpuinfo``; architectures that do not tell them give none. Pure."""
    cores: set[tuple[str, str]] = set()
    socket = ""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "physical id":
            socket = value.strip()
        elif key.strip() == "core id" and socket:
            cores.add((socket, value.strip()))
    if not cores:
        return {}
    return {
        "machine_cpu_physical_cores": float(len(cores)),
        "machine_cpu_sockets": float(len({socket for socket, _ in cores})),
    }


def swap_gauge(meminfo: str) -> dict[str, float]:
    """``SwapTotal`` of ``/proc/meminfo`` in bytes. Pure."""
    for line in meminfo.splitlines():
        fields = line.split()
        if fields[:1] == ["SwapTotal:"] and len(fields) >= 2 and fields[1].isdigit():
            return {"machine_swap_bytes": float(int(fields[1]) * 1024)}
    return {}
