"""cgroup v1: one row a file (Documentation/admin-guide/cgroup-v1/{cpuacct,memory,blkio-controller,pids}.rst)."""

from __future__ import annotations

from collector.cgroupfs import knobs
from collector.cgroupfs.knobs import Knob
from collector.cgroupfs.parse import Fields, Keyed, blkio, join_blkio, number, one
from collector.cgroupfs.source import LONG, MIDDLE, SHORT, Choice, Pace, Source
from model.limits import UNLIMITED, Unlimited

BLKIO_FAMILIES = ("throttle.{}_recursive", "throttle.{}", "bfq.{}_recursive", "bfq.{}", "{}_recursive", "{}")
"""The throttle layer counts every device; the schedulers' own files only those that they schedule."""
BLKIO_COUNTS = ("throttle", "bfq")
"""Families that may be there and stand still; see :class:`BlockIo`."""


class BlockIo:
    """Whether the kernel counts block I/O, and in which files.

    From 6.10 on the throttle layer counts a disk only once a throttle rule was set on it
    (block/blk-throttle.c ``blk_throtl_activated``); until then every file says ``Total 0``, which is not zero I/O.
    ``counted`` may be changed by another thread at any time.
    """

    __slots__ = ("counted", "families")

    def __init__(self, counted: bool = True, family: str = BLKIO_COUNTS[0]) -> None:
        self.counted = counted
        self.families = sorted(BLKIO_FAMILIES, key=lambda name: not name.startswith(family))

    def files(self, kind: str) -> tuple[str, ...]:
        return tuple(f"blkio.{family.format(kind)}" for family in self.families)

    def half(self, name: str, text: bytes, fields: Fields) -> None:
        """One of the two files that make the devices together."""
        fields.scratch[name] = blkio(text)
        join_blkio(fields)
        if not self.counted and not fields.get("io_devices"):
            fields["io_devices"] = None

    def bytes_file(self, text: bytes, fields: Fields) -> None:
        self.half("bytes", text, fields)

    def operations_file(self, text: bytes, fields: Fields) -> None:
        self.half("operations", text, fields)


def cpu_times(ticks_per_second: int) -> Source:
    """User and system time in USER_HZ ticks (``cpuacct.stat``): the fallback of hosts without a unified tree."""
    tick_ns = 1_000_000_000 // ticks_per_second
    keys = {"user": ("cpu_user_ns", tick_ns), "system": ("cpu_system_ns", tick_ns)}
    return Source("cpu", "cpuacct", ("cpuacct.stat",), Keyed(keys), Pace.AFTER_WORK)


def cpu_usage() -> Choice:
    """``cpuacct.usage``, nanoseconds: the number that ``docker stats`` takes on v1."""
    return (Source("cpu", "cpuacct", ("cpuacct.usage",), one("cpu_usage_ns"), size=SHORT),)


def cpu_throttling() -> Choice:
    """``cpu.stat`` of the cpu controller (Documentation/scheduler/sched-bwc.rst); times in nanoseconds."""
    keys = {
        "nr_periods": "cpu_periods",
        "nr_throttled": "cpu_throttled_periods",
        "throttled_time": "cpu_throttled_ns",
        "nr_bursts": "cpu_burst_periods",
        "burst_time": "cpu_burst_ns",
    }
    return (Source("throttling", "cpu", ("cpu.stat",), Keyed(keys), Pace.WITH_QUOTA, MIDDLE),)


def memory() -> tuple[Choice, ...]:
    """Hierarchical (``total_``) values throughout: a container's own sub-cgroups are part of it."""
    stat = {
        "total_rss": "memory_anon_bytes",
        "total_cache": "memory_file_bytes",
        "total_shmem": "memory_shmem_bytes",
        "total_mapped_file": "memory_mapped_file_bytes",
        "total_dirty": "memory_dirty_bytes",
        "total_writeback": "memory_writeback_bytes",
        "total_swap": "memory_swap_bytes",
        "total_inactive_file": "memory_inactive_file_bytes",
        "total_active_file": "memory_active_file_bytes",
        "total_pgfault": "memory_page_faults",
        "total_pgmajfault": "memory_major_faults",
        "total_workingset_refault_file": "memory_refaults_file",
        "total_workingset_refault_anon": "memory_refaults_anon",
        "inactive_file": "memory_own_inactive_file_bytes",
    }
    rows = (
        ("memory.usage_in_bytes", one("memory_usage_bytes"), Pace.TICK, SHORT),
        ("memory.stat", Keyed(stat), Pace.AFTER_WORK, LONG),
        ("memory.max_usage_in_bytes", one("memory_peak_bytes"), Pace.AFTER_WORK, SHORT),
        ("memory.kmem.usage_in_bytes", one("memory_kernel_bytes"), Pace.AFTER_WORK, SHORT),
        ("memory.failcnt", one("memory_max_events"), Pace.AFTER_WORK, SHORT),
        ("memory.oom_control", Keyed({"oom_kill": "memory_oom_kills"}, optional=True), Pace.AFTER_WORK, MIDDLE),
    )
    return tuple((Source("memory", "memory", (name,), parse, pace, size),) for name, parse, pace, size in rows)


def io(block: BlockIo) -> tuple[Choice, ...]:
    return (
        (Source("io", "blkio", block.files("io_service_bytes"), block.bytes_file, size=MIDDLE),),
        (Source("io", "blkio", block.files("io_serviced"), block.operations_file, Pace.AFTER_WORK, MIDDLE),),
    )


def pids() -> Choice:
    return (Source("pids", "pids", ("pids.current",), one("pids"), Pace.AFTER_WORK, SHORT),)


def quota(text: bytes, fields: Fields) -> None:
    fields["cpu_quota_us"] = knobs.parse_quota(text)


def weight(text: bytes, fields: Fields) -> None:
    fields["cpu_weight"] = knobs.weight_of_shares(number(text))


def memory_limit(text: bytes, fields: Fields) -> None:
    fields["memory_bytes"] = knobs.parse_bytes_limit(text)


def memory_reservation(text: bytes, fields: Fields) -> None:
    """The soft limit is what Docker's ``--memory-reservation`` sets, as ``memory.low`` is on v2."""
    value = knobs.parse_bytes_limit(text)
    fields["memory_low_bytes"] = None if isinstance(value, Unlimited) else value


def swap_limit(text: bytes, fields: Fields) -> None:
    """``memsw`` bounds memory and swap together; what is above the memory limit is swap."""
    both, memory_bytes = knobs.parse_bytes_limit(text), fields.get("memory_bytes")
    if isinstance(both, Unlimited) or isinstance(memory_bytes, Unlimited):
        fields["memory_swap_bytes"] = UNLIMITED
    elif memory_bytes is not None:
        fields["memory_swap_bytes"] = max(0, both - memory_bytes)


def pids_limit(text: bytes, fields: Fields) -> None:
    fields["pids"] = knobs.parse_max(text)


def cpus(text: bytes, fields: Fields) -> None:
    fields["cpus"] = knobs.parse_cpus(text)


def cpu_limits() -> tuple[Source, ...]:
    rows = ((Knob.CPU_QUOTA, quota), (Knob.CPU_PERIOD, one("cpu_period_us")), (Knob.CPU_WEIGHT, weight))
    return tuple(Source("limits", knobs.V1_FILES[knob][0], (knobs.V1_FILES[knob][1],), parse) for knob, parse in rows)


def memory_limits() -> tuple[Source, ...]:
    """The memory limit comes before the swap limit, which is told from it."""
    rows = ((Knob.MEMORY, memory_limit), (Knob.MEMORY_LOW, memory_reservation), (Knob.SWAP, swap_limit))
    return tuple(Source("limits", "memory", (knobs.V1_FILES[knob][1],), parse) for knob, parse in rows)


def pids_limits() -> tuple[Source, ...]:
    return (Source("limits", "pids", ("pids.max",), pids_limit),)


def cpuset_limits() -> tuple[Source, ...]:
    return (Source("limits", "cpuset", ("cpuset.effective_cpus", "cpuset.cpus"), cpus),)
