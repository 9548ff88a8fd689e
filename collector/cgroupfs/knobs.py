"""Limit files of both cgroup versions: their names, the text they take, the text they give. Pure.

Sources: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, Documentation/scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from collector.cgroupfs.hierarchy import UNIFIED, Hierarchy
from collector.cgroupfs.parse import cpu_list, number
from model.errors import Malformed, NotThere
from model.limits import UNLIMITED, Unlimited

PERIOD_US = 100_000
"""The kernel's and every runtime's default CFS period."""
MIN_QUOTA_US = 1_000
"""The kernel refuses a smaller quota (sched-bwc.rst)."""
V1_UNLIMITED_BYTES = 1 << 62
"""v1 shows "no limit" as the largest multiple of the page size (9223372036854771712 on 4 KiB pages);
anything of this size is none."""
MIN_WEIGHT, DEFAULT_WEIGHT, MAX_WEIGHT = 1, 100, 10_000
MIN_SHARES, DEFAULT_SHARES, MAX_SHARES = 2, 1_024, 262_144


class Knob(Enum):
    """One thing that can be set on a cgroup. On v1 a CPU limit has two files, on v2 one."""

    CPU_QUOTA = "cpu_quota"
    CPU_PERIOD = "cpu_period"
    CPU_WEIGHT = "cpu_weight"
    MEMORY = "memory"
    MEMORY_HIGH = "memory_high"
    MEMORY_LOW = "memory_low"
    SWAP = "swap"
    """v2: swap alone; v1: memory and swap together (``memsw``)."""
    PIDS = "pids"


V1_FILES = {
    Knob.CPU_QUOTA: ("cpu", "cpu.cfs_quota_us"),
    Knob.CPU_PERIOD: ("cpu", "cpu.cfs_period_us"),
    Knob.CPU_WEIGHT: ("cpu", "cpu.shares"),
    Knob.MEMORY: ("memory", "memory.limit_in_bytes"),
    Knob.MEMORY_LOW: ("memory", "memory.soft_limit_in_bytes"),
    Knob.SWAP: ("memory", "memory.memsw.limit_in_bytes"),
    Knob.PIDS: ("pids", "pids.max"),
}
V2_FILES = {
    Knob.CPU_QUOTA: ("cpu", "cpu.max"),
    Knob.CPU_PERIOD: ("cpu", "cpu.max"),
    Knob.CPU_WEIGHT: ("cpu", "cpu.weight"),
    Knob.MEMORY: ("memory", "memory.max"),
    Knob.MEMORY_HIGH: ("memory", "memory.high"),
    Knob.MEMORY_LOW: ("memory", "memory.low"),
    Knob.SWAP: ("memory", "memory.swap.max"),
    Knob.PIDS: ("pids", "pids.max"),
}


def on_v1(hierarchy: Hierarchy, knob: Knob) -> bool:
    """Whether this knob is a v1 file here: on a hybrid host each controller is on one side only."""
    return V2_FILES[knob][0] in hierarchy.controllers


def knob_path(hierarchy: Hierarchy, cgroup: str, knob: Knob) -> Path:
    """File of a knob of a cgroup. Raises :class:`NotThere` where this host has no such knob.

    That the file exists (and its controller is switched on there) is for the reader to find out.
    """
    if on_v1(hierarchy, knob):
        if knob not in V1_FILES:
            raise NotThere(f"cgroup v1 has no {V2_FILES[knob][1]}: it needs a host on cgroup v2")
        controller, name = V1_FILES[knob]
        folder = hierarchy.folder(controller, cgroup)
    else:
        name = V2_FILES[knob][1]
        folder = hierarchy.folder(UNIFIED, cgroup)
    if folder is None:
        raise NotThere(f"this host has no {V2_FILES[knob][0]} controller: boot with cgroup support for it")
    return folder / name


def quota_us(cores: float, period_us: int = PERIOD_US) -> int:
    """Microseconds a period that give ``cores``, at least what the kernel takes."""
    return max(MIN_QUOTA_US, round(cores * period_us))


def format_quota(cores: float | Unlimited, period_us: int = PERIOD_US) -> str:
    """Text for v1 ``cpu.cfs_quota_us``."""
    return "-1" if isinstance(cores, Unlimited) else str(quota_us(cores, period_us))


def format_cpu_max(cores: float | Unlimited, period_us: int = PERIOD_US) -> str:
    """Text for v2 ``cpu.max``: ``20000 100000`` or ``max 100000``."""
    return f"max {period_us}" if isinstance(cores, Unlimited) else f"{quota_us(cores, period_us)} {period_us}"


def format_bytes(value: int | Unlimited, *, v1: bool) -> str:
    """Text for a memory knob; unlimited is ``-1`` on v1 and ``max`` on v2."""
    if isinstance(value, Unlimited):
        return "-1" if v1 else "max"
    return str(value)


def parse_quota(text: bytes) -> int | Unlimited:
    """v1 ``cpu.cfs_quota_us``: microseconds a period; negative is unlimited."""
    stripped = text.strip()
    return UNLIMITED if stripped.startswith(b"-") and number(stripped[1:]) >= 0 else number(stripped)


def parse_cpu_max(text: bytes) -> tuple[int | Unlimited, int]:
    """v2 ``cpu.max``: quota and period in microseconds."""
    words = text.split()
    if len(words) != 2:
        raise Malformed(f"cpu.max: expected two words, got {text[:40]!r}")
    return parse_max(words[0]), positive(words[1])


def parse_cpus(text: bytes) -> frozenset[int] | None:
    """``cpuset.cpus.effective``; None of an empty file, which a cgroup has that was not set up yet."""
    return cpu_list(text.strip()) if text.strip() else None


def positive(text: bytes) -> int:
    """A whole number above zero, such as a period."""
    value = number(text)
    if value <= 0:
        raise Malformed(f"expected a number above 0, got {text[:40]!r}")
    return value


def parse_max(text: bytes) -> int | Unlimited:
    """A number, or ``max``."""
    stripped = text.strip()
    return UNLIMITED if stripped == b"max" else number(stripped)


def parse_bytes_limit(text: bytes) -> int | Unlimited:
    """A memory limit of either version: ``max`` and v1's huge number are unlimited."""
    value = parse_max(text)
    return UNLIMITED if isinstance(value, Unlimited) or value >= V1_UNLIMITED_BYTES else value


def weight_of_shares(shares: int) -> int:
    """v1 ``cpu.shares`` on v2's weight scale: ``shares · 100 / 1024``, so that the default is the default.

    This is the scheduler's own relation (kernel/sched/core.c ``sched_weight_from_cgroup``): equal numbers
    get equal CPU. It is not the curve by which runtimes turn ``--cpu-shares`` into ``cpu.weight``.
    """
    return min(MAX_WEIGHT, max(MIN_WEIGHT, round(shares * DEFAULT_WEIGHT / DEFAULT_SHARES)))


def shares_of_weight(weight: int) -> int:
    """The inverse of :func:`weight_of_shares`, for v1's ``cpu.shares``."""
    return min(MAX_SHARES, max(MIN_SHARES, round(weight * DEFAULT_SHARES / DEFAULT_WEIGHT)))


def runtime_shares_of_weight(weight: int) -> int:
    """The ``CpuShares`` that makes runc (up to 1.3.1) write ``cpu.weight = weight`` on v2.

    Their map is linear, ``weight = 1 + (shares − 2) · 9999 / 262142``; later versions use a curve, so the
    weight has to be read back.
    """
    return min(MAX_SHARES, MIN_SHARES + -(-(weight - 1) * 262_142 // 9_999))


def runtime_weight_of_shares(shares: int) -> int:
    """The ``cpu.weight`` that runc (up to 1.3.1) makes of ``CpuShares``: the inverse of the above."""
    return min(MAX_WEIGHT, max(MIN_WEIGHT, 1 + (shares - MIN_SHARES) * 9_999 // 262_142))
