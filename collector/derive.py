"""Two readings and the limits between them → values by catalogue name. Pure.

A counter that went backwards, a reading of another cgroup (inode), and a first reading give no rate: the name
is absent. Formulas of memory: docker/cli ``calculateMemUsageUnixNoCache``; of pressure:
Documentation/accounting/psi.rst; of throttling: Documentation/scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from model.limits import Limits, Unlimited
from model.reading import CgroupReading, HostReading, Interface, IoDevice
from model.target import Target

Values = dict[str, float]

CONTAINER_LEVELS = (
    ("memory_usage_bytes", "memory_usage_bytes"),
    ("memory_anon_bytes", "memory_anon_bytes"),
    ("memory_file_bytes", "memory_file_bytes"),
    ("memory_inactive_file_bytes", "memory_inactive_file_bytes"),
    ("memory_shmem_bytes", "memory_shmem_bytes"),
    ("memory_kernel_bytes", "memory_kernel_bytes"),
    ("memory_swap_bytes", "memory_swap_bytes"),
    ("memory_peak_bytes", "memory_peak_bytes"),
    ("pids", "pids"),
)
CONTAINER_RATES = (
    ("cpu_usage_cores", "cpu_usage_ns", 1e-9),
    ("cpu_user_cores", "cpu_user_ns", 1e-9),
    ("cpu_system_cores", "cpu_system_ns", 1e-9),
    ("cpu_throttled_seconds_per_second", "cpu_throttled_ns", 1e-9),
    ("memory_page_faults_per_second", "memory_page_faults", 1.0),
    ("memory_major_faults_per_second", "memory_major_faults", 1.0),
    ("memory_high_events_per_second", "memory_high_events", 1.0),
    ("memory_max_events_per_second", "memory_max_events", 1.0),
)
PRESSURES = tuple(
    (f"{what}_pressure_{kind}_ratio", f"{what}_pressure_{kind}_us")
    for what in ("cpu", "memory", "io")
    for kind in ("some", "full")
)
IO_RATES = (
    ("io_read_bytes_per_second", "read_bytes"),
    ("io_write_bytes_per_second", "write_bytes"),
    ("io_read_operations_per_second", "read_operations"),
    ("io_write_operations_per_second", "write_operations"),
)
NETWORK_RATES = (
    ("network_receive_bytes_per_second", ("receive_bytes",)),
    ("network_transmit_bytes_per_second", ("transmit_bytes",)),
    ("network_receive_packets_per_second", ("receive_packets",)),
    ("network_transmit_packets_per_second", ("transmit_packets",)),
    ("network_receive_drops_per_second", ("receive_drops",)),
    ("network_transmit_drops_per_second", ("transmit_drops",)),
    ("network_errors_per_second", ("receive_errors", "transmit_errors")),
)
LEVEL_NAMES = tuple(name for name, _ in CONTAINER_LEVELS)
LEVELS_OF = attrgetter(*(field for _, field in CONTAINER_LEVELS))
RATE_UNITS = tuple((name, unit) for name, _, unit in CONTAINER_RATES)
COUNTERS_OF = attrgetter(*(field for _, field, _ in CONTAINER_RATES))
PRESSURE_NAMES = tuple(name for name, _ in PRESSURES)
NO_PRESSURE = dict.fromkeys(PRESSURE_NAMES, 0.0)
STALLS_OF = attrgetter(*(field for _, field in PRESSURES))
"""Whole families at once: field by field costs several times as much."""
HEALTH = {"healthy": 1.0, "unhealthy": 0.0}


def working_set(reading: CgroupReading) -> int | None:
    """What ``docker stats`` shows as memory usage, to the byte.

    Usage minus inactive file cache where that is less than the usage; on v1 the cgroup's own inactive file
    cache is the second try; else the usage itself.
    """
    usage = reading.memory_usage_bytes
    if usage is None:
        return None
    for inactive in (reading.memory_inactive_file_bytes, reading.memory_own_inactive_file_bytes):
        if inactive is not None and inactive < usage:
            return usage - inactive
    return usage


def grown(now: float | None, before: float | None) -> float | None:
    """How much a counter grew; None where either is unknown or it went backwards."""
    return now - before if now is not None and before is not None and now >= before else None


def container_values(
    reading: CgroupReading, before: CgroupReading | None, limits: Limits, target: Target, now_ms: int
) -> Values:
    """All values of a container. ``before``: the reading one interval earlier, or None."""
    levels = LEVELS_OF(reading)
    values: Values = dict(zip(LEVEL_NAMES, levels, strict=True))
    if None in levels:
        values = {name: level for name, level in values.items() if level is not None}
    used = working_set(reading)
    if used is not None:
        values["memory_working_set_bytes"] = used
    seconds = 0.0 if before is None else (reading.read_at_ns - before.read_at_ns) / 1e9
    if before is not None and before.inode == reading.inode and seconds > 0:
        container_rates(values, reading, before, seconds)
    limit_values(values, limits)
    life_values(values, target, now_ms)
    return values


def still_values(values: Values, target: Target, now_ms: int) -> Values:
    """Values of an interval in which no counter and no level moved, after one in which none did (``values``):
    only time went on."""
    values = values.copy()
    life_values(values, target, now_ms)
    return values


def container_rates(values: Values, now: CgroupReading, before: CgroupReading, seconds: float) -> None:
    """Everything that needs two readings of the same cgroup."""
    for (name, unit), new, old in zip(RATE_UNITS, COUNTERS_OF(now), COUNTERS_OF(before), strict=True):
        if new is not None and old is not None and new >= old:
            values[name] = (new - old) * unit / seconds if new != old else 0.0
    pressure_ratios(values, now, before, seconds)
    throttled = grown(now.cpu_throttled_periods, before.cpu_throttled_periods)
    periods = grown(now.cpu_periods, before.cpu_periods)
    if throttled is not None and periods is not None:
        # no period passed: nothing ran, or nothing bounds it; either way nothing was stopped
        values["cpu_throttled_periods_ratio"] = min(1.0, throttled / periods) if periods else 0.0
    of_files = grown(now.memory_refaults_file, before.memory_refaults_file)
    of_others = grown(now.memory_refaults_anon, before.memory_refaults_anon)
    if of_files is not None or of_others is not None:
        values["memory_refaults_per_second"] = ((of_files or 0) + (of_others or 0)) / seconds
    kills = grown(now.memory_oom_kills, before.memory_oom_kills)
    if kills is not None:
        values["memory_oom_kills"] = kills
    io_rates(values, now.io_devices, before.io_devices, seconds)
    network_rates(values, now.interfaces, before.interfaces, seconds)


def pressure_ratios(
    values: Values, now: CgroupReading | HostReading, before: CgroupReading | HostReading, seconds: float
) -> None:
    """Stall time per second; the kernel's sums may run a moment ahead of ours, never above all of the time."""
    stalls, stalls_before = STALLS_OF(now), STALLS_OF(before)
    if stalls == stalls_before:
        values.update(NO_PRESSURE if None not in stalls else known_zeros(stalls))
        return
    for name, new, old in zip(PRESSURE_NAMES, stalls, stalls_before, strict=True):
        if new is not None and old is not None and new >= old:
            values[name] = min(1.0, (new - old) / 1e6 / seconds) if new > old else 0.0


def known_zeros(stalls: Sequence[int | None]) -> Values:
    return {name: 0.0 for name, stall in zip(PRESSURE_NAMES, stalls, strict=True) if stall is not None}


def io_rates(values: Values, now: Sequence[IoDevice] | None, before: Sequence[IoDevice] | None, seconds: float) -> None:
    """Sum over devices; one that appears had no I/O before (the kernel lists it with its first)."""
    if now is None or before is None:
        return
    if now == before:
        values.update((name, 0.0) for name, _ in IO_RATES)
        return
    old = {device.device: device for device in before}
    for name, field in IO_RATES:
        total = 0
        for device in now:
            growth = grown(getattr(device, field), getattr(old.get(device.device), field, 0))
            if growth is None:
                break
            total += int(growth)
        else:
            values[name] = total / seconds


def network_rates(
    values: Values, now: Sequence[Interface] | None, before: Sequence[Interface] | None, seconds: float
) -> None:
    """Sum over interfaces; one that appears starts from nothing, one that went is left out."""
    if now is None or before is None:
        return
    if now == before:
        values.update((name, 0.0) for name, _ in NETWORK_RATES)
        return
    old = {interface.name: interface for interface in before}
    for name, fields in NETWORK_RATES:
        total = 0
        for interface in now:
            was = old.get(interface.name)
            growths = [grown(getattr(interface, field), getattr(was, field, 0)) for field in fields]
            if None in growths:
                break
            total += int(sum(g for g in growths if g is not None))
        else:
            values[name] = total / seconds


def limit_values(values: Values, limits: Limits) -> None:
    """The bounds in force, and what is used of them. Unlimited and unknown are absent."""
    cores, memory = limits.cpu_cores, limits.memory_bytes
    if cores is not None and not isinstance(cores, Unlimited):
        values["cpu_limit_cores"] = cores
        usage = values.get("cpu_usage_cores")
        if usage is not None and cores > 0:
            values["cpu_usage_of_limit_ratio"] = usage / cores
    if memory is not None and not isinstance(memory, Unlimited):
        values["memory_limit_bytes"] = memory
        used = values.get("memory_working_set_bytes")
        if used is not None and memory > 0:
            values["memory_working_set_of_limit_ratio"] = used / memory
    if limits.cpu_weight is not None:
        values["cpu_weight"] = limits.cpu_weight
    if limits.memory_high_bytes is not None and not isinstance(limits.memory_high_bytes, Unlimited):
        values["memory_high_bytes"] = limits.memory_high_bytes
    if limits.pids is not None and not isinstance(limits.pids, Unlimited):
        values["pids_limit"] = limits.pids


def life_values(values: Values, target: Target, now_ms: int) -> None:
    if target.id.started_at_ms is not None:
        values["uptime_s"] = max(0, now_ms - target.id.started_at_ms) / 1000
    if target.restarts is not None:
        values["restarts"] = target.restarts
    health = HEALTH.get(target.health or "")
    if health is not None:
        values["health"] = health


def host_values(reading: HostReading, before: HostReading | None) -> Values:
    """All values of the host. Memory in use is what is not available: cache that can be given back is free."""
    used = max(0, reading.memory_total_bytes - reading.memory_available_bytes)
    values: Values = {
        "host_cpu_count": reading.cpu_count,
        "host_load_1m": reading.load_1m,
        "host_memory_total_bytes": reading.memory_total_bytes,
        "host_memory_available_bytes": reading.memory_available_bytes,
        "host_swap_used_bytes": reading.swap_used_bytes,
        "memory_swap_bytes": reading.swap_used_bytes,
        "memory_usage_bytes": used,
        "memory_working_set_bytes": used,
    }
    values.update((f"host_disk_used_ratio{{{mount}}}", ratio) for mount, ratio in reading.disks)
    values.update((f"host_disk_inodes_used_ratio{{{mount}}}", ratio) for mount, ratio in reading.inodes)
    if reading.processes is not None:
        values["pids"] = reading.processes
    seconds = 0.0 if before is None else (reading.read_at_ns - before.read_at_ns) / 1e9
    if before is not None and seconds > 0:
        host_rates(values, reading, before, seconds)
    return values


def host_rates(values: Values, now: HostReading, before: HostReading, seconds: float) -> None:
    """Everything that needs two readings of the host."""
    user, system = grown(now.cpu_user_s, before.cpu_user_s), grown(now.cpu_system_s, before.cpu_system_s)
    if user is not None and system is not None:
        values["cpu_user_cores"], values["cpu_system_cores"] = user / seconds, system / seconds
        values["cpu_usage_cores"] = (user + system) / seconds
    idle = grown(now.cpu_idle_s, before.cpu_idle_s)
    waiting, stolen = grown(now.cpu_iowait_s, before.cpu_iowait_s), grown(now.cpu_steal_s, before.cpu_steal_s)
    passed = sum(part for part in (user, system, idle, waiting, stolen) if part is not None)
    if passed > 0:
        if waiting is not None:
            values["host_cpu_iowait_ratio"] = waiting / passed
        if stolen is not None:
            values["host_cpu_steal_ratio"] = stolen / passed
    pressure_ratios(values, now, before, seconds)
    for name, new, old in (
        ("memory_page_faults_per_second", now.page_faults, before.page_faults),
        ("memory_major_faults_per_second", now.major_faults, before.major_faults),
    ):
        growth = grown(new, old)
        if growth is not None:
            values[name] = growth / seconds
    kills = grown(now.oom_kills, before.oom_kills)
    if kills is not None:
        values["memory_oom_kills"] = kills
    io_rates(values, now.io_devices, before.io_devices, seconds)
    network_rates(values, now.interfaces, before.interfaces, seconds)
