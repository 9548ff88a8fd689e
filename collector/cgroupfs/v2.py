"""cgroup v2: one row a file (Documentation/admin-guide/cgroup-v2.rst, Documentation/accounting/psi.rst)."""

from __future__ import annotations

from collector.cgroupfs import knobs
from collector.cgroupfs.hierarchy import UNIFIED
from collector.cgroupfs.parse import Fields, Into, Keyed, Parser, io_stat, number, one, pressure
from collector.cgroupfs.source import LONG, MIDDLE, SHORT, Choice, Pace, Source

US = 1_000
"""Nanoseconds in a microsecond."""


def row(part: str, name: str, parse: Parser, pace: Pace = Pace.TICK, size: int = LONG) -> Source:
    return Source(part, UNIFIED, (name,), parse, pace, size)


def cpu() -> tuple[Choice, ...]:
    """``cpu.stat``: usage always; throttling where the cpu controller is on."""
    keys: dict[str, Into] = {
        "usage_usec": ("cpu_usage_ns", US),
        "user_usec": ("cpu_user_ns", US),
        "system_usec": ("cpu_system_ns", US),
        "nr_periods": "cpu_periods",
        "nr_throttled": "cpu_throttled_periods",
        "throttled_usec": ("cpu_throttled_ns", US),
        "nr_bursts": "cpu_burst_periods",
        "burst_usec": ("cpu_burst_ns", US),
    }
    return ((row("cpu", "cpu.stat", Keyed(keys), size=MIDDLE),),)


def cpu_times() -> Source:
    """Only user and system time of ``cpu.stat``: for hybrid hosts, whose usage comes from ``cpuacct``."""
    keys: dict[str, Into] = {"user_usec": ("cpu_user_ns", US), "system_usec": ("cpu_system_ns", US)}
    return row("cpu", "cpu.stat", Keyed(keys), Pace.AFTER_WORK, MIDDLE)


def pressures() -> tuple[Choice, ...]:
    return tuple(
        (row("pressure", f"{what}.pressure", pressure(what), Pace.AFTER_WORK, MIDDLE),)
        for what in ("cpu", "memory", "io")
    )


def memory() -> tuple[Choice, ...]:
    stat = {
        "anon": "memory_anon_bytes",
        "file": "memory_file_bytes",
        "kernel": "memory_kernel_bytes",
        "shmem": "memory_shmem_bytes",
        "file_mapped": "memory_mapped_file_bytes",
        "file_dirty": "memory_dirty_bytes",
        "file_writeback": "memory_writeback_bytes",
        "inactive_file": "memory_inactive_file_bytes",
        "active_file": "memory_active_file_bytes",
        "pgfault": "memory_page_faults",
        "pgmajfault": "memory_major_faults",
        "workingset_refault_file": "memory_refaults_file",
        "workingset_refault": "memory_refaults_file",  # kernels before 5.9 count them together
        "workingset_refault_anon": "memory_refaults_anon",
        "pgscan": "memory_pages_scanned",
        "pgsteal": "memory_pages_reclaimed",
    }
    events = {
        "high": "memory_high_events",
        "max": "memory_max_events",
        "oom": "memory_oom_events",
        "oom_kill": "memory_oom_kills",
    }
    rows = (
        ("memory.current", one("memory_usage_bytes"), Pace.TICK, SHORT),
        ("memory.stat", Keyed(stat), Pace.AFTER_WORK, LONG),
        ("memory.peak", one("memory_peak_bytes"), Pace.AFTER_WORK, SHORT),
        ("memory.swap.current", one("memory_swap_bytes"), Pace.AFTER_WORK, SHORT),
        ("memory.events", Keyed(events), Pace.AFTER_WORK, MIDDLE),
    )
    return tuple((row("memory", name, parse, pace, size),) for name, parse, pace, size in rows)


def io() -> tuple[Choice, ...]:
    return ((row("io", "io.stat", io_stat),),)


def pids() -> Choice:
    return (row("pids", "pids.current", one("pids"), Pace.AFTER_WORK, SHORT),)


def cpu_max(text: bytes, fields: Fields) -> None:
    fields["cpu_quota_us"], fields["cpu_period_us"] = knobs.parse_cpu_max(text)


def weight(text: bytes, fields: Fields) -> None:
    fields["cpu_weight"] = number(text)


def bytes_limit(field: str) -> Parser:
    def parse(text: bytes, fields: Fields) -> None:
        fields[field] = knobs.parse_bytes_limit(text)

    return parse


def memory_low(text: bytes, fields: Fields) -> None:
    """Protected memory; ``max`` (all of it) has no number and counts as unknown."""
    value = knobs.parse_bytes_limit(text)
    fields["memory_low_bytes"] = value if isinstance(value, int) else None


def pids_limit(text: bytes, fields: Fields) -> None:
    fields["pids"] = knobs.parse_max(text)


def cpus(text: bytes, fields: Fields) -> None:
    fields["cpus"] = knobs.parse_cpus(text)


def cpu_limits() -> tuple[Source, ...]:
    return (row("limits", "cpu.max", cpu_max), row("limits", "cpu.weight", weight))


def memory_limits() -> tuple[Source, ...]:
    return (
        row("limits", "memory.max", bytes_limit("memory_bytes")),
        row("limits", "memory.high", bytes_limit("memory_high_bytes")),
        row("limits", "memory.low", memory_low),
        row("limits", "memory.swap.max", bytes_limit("memory_swap_bytes")),
    )


def pids_limits() -> tuple[Source, ...]:
    return (row("limits", "pids.max", pids_limit),)


def cpuset_limits() -> tuple[Source, ...]:
    return (row("limits", "cpuset.cpus.effective", cpus),)
