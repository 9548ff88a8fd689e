"""The metric families of ``/metrics`` that cAdvisor has: name, type, help, and where the values come from. Pure.

A page of a thousand containers has some sixty thousand series: what runs once a series stays a call or two, and
extra labels are made as text, once a device or interface.
"""

# ruff: noqa: E501 - one row a family, as one reads a table

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Literal

from dashboard.labels import labels_text
from dashboard.subject import Subject
from model.limits import Unlimited

Values = Iterable[tuple[str, float]]
"""Extra labels as text, each with a comma in front, and a value."""
NO_VALUES: Final[Values] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """``values`` gives extra labels and a value each; nothing where it is not offered here."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    values: Callable[[Subject], Values]


def field(name: str, divisor: float = 1, *, host: str | None = None, version: str = "") -> Callable[[Subject], Values]:
    """A field of the reading over ``divisor``; ``host``: the field of the host's reading that means the same.

    ``version``: only on that cgroup version (``v2``; ``v1`` holds for hybrid hosts too).
    """
    get = attrgetter(name)
    get_host = attrgetter(host) if host else None

    def values(subject: Subject) -> Values:
        if version and (subject.snapshot.cgroup == "v2") != (version == "v2"):
            return NO_VALUES
        if subject.reading is not None:
            raw = get(subject.reading)
        elif get_host is not None and subject.host is not None:
            raw = get_host(subject.host)
        else:
            return NO_VALUES
        if raw is None:
            return NO_VALUES
        return (("", raw if divisor == 1 else raw / divisor),)

    return values


def quota_field(name: str, divisor: float = 1) -> Callable[[Subject], Values]:
    """The same, only where a quota is set: without one the counters stand still and say nothing."""
    plain = field(name, divisor)

    def values(subject: Subject) -> Values:
        return plain(subject) if subject.quota else NO_VALUES

    return values


def cpu_total(subject: Subject) -> Values:
    if subject.reading is not None and subject.reading.cpu_usage_ns is not None:
        return ((',cpu="total"', subject.reading.cpu_usage_ns / NS),)
    if subject.host is not None:
        return ((',cpu="total"', subject.host.cpu_user_s + subject.host.cpu_system_s),)
    return NO_VALUES


def cpu_part(part: Literal["user", "system"]) -> Callable[[Subject], Values]:
    get, get_host = attrgetter(f"cpu_{part}_ns"), attrgetter(f"cpu_{part}_s")

    def values(subject: Subject) -> Values:
        if subject.host is not None:
            return (("", get_host(subject.host)),)
        ns = get(subject.reading) if subject.reading is not None else None
        return NO_VALUES if ns is None else (("", ns / NS),)

    return values


def memory_usage(subject: Subject) -> Values:
    if subject.host is not None:
        return (("", subject.host.memory_total_bytes - subject.host.memory_available_bytes),)
    used = subject.reading.memory_usage_bytes if subject.reading is not None else None
    return NO_VALUES if used is None else (("", used),)


def working_set(subject: Subject) -> Values:
    """Usage without inactive file cache, not below zero."""
    if subject.reading is None:
        return memory_usage(subject)
    used = subject.reading.memory_usage_bytes
    return NO_VALUES if used is None else (("", max(0, used - (subject.reading.memory_inactive_file_bytes or 0))),)


PGFAULT, PGMAJFAULT = (
    tuple(f",{labels_text((('failure_type', kind), ('scope', scope)))}" for scope in ("container", "hierarchy"))
    for kind in ("pgfault", "pgmajfault")
)


def failures(subject: Subject) -> Values:
    if subject.reading is not None:
        faults, major = subject.reading.memory_page_faults, subject.reading.memory_major_faults
    elif subject.host is not None:
        faults, major = subject.host.page_faults, subject.host.major_faults
    else:
        return NO_VALUES
    pairs = ((PGFAULT, faults), (PGMAJFAULT, major))
    return [(labels, value) for kinds, value in pairs if value is not None for labels in kinds]


def disk(name: str) -> Callable[[Subject], Values]:
    get = attrgetter(name)

    def values(subject: Subject) -> Values:
        return [(labels, get(device)) for labels, _, device in subject.devices]

    return values


def blkio(subject: Subject) -> Values:
    return [
        (f'{labels},operation="{operation}"', value)
        for _, labels, device in subject.devices
        for operation, value in (("Read", device.read_bytes), ("Write", device.write_bytes))
    ]


def network(name: str) -> Callable[[Subject], Values]:
    get = attrgetter(name)

    def values(subject: Subject) -> Values:
        return [(labels, get(interface)) for labels, interface in subject.interfaces]

    return values


def health(subject: Subject) -> Values:
    """1 healthy, 0 starting or unhealthy, -1 without a health check."""
    target = subject.target
    if target is None or target.id.runtime == "cgroup":
        return NO_VALUES
    return (("", -1 if target.health is None else int(target.health == "healthy")),)


def writable_layer(subject: Subject) -> Values:
    """Where its size is asked for. Which device it lies on is the runtime's secret, so ``device`` is empty."""
    sample = None if subject.target is None else subject.snapshot.samples.get(subject.target.key)
    size = None if sample is None else sample.values.get("writable_layer_bytes")
    return NO_VALUES if size is None else ((',device=""', size),)


def last_seen(subject: Subject) -> Values:
    return (("", subject.snapshot.at_ms // 1000),)


def started(subject: Subject) -> Values:
    at_ms = subject.target.id.started_at_ms if subject.target else None
    return NO_VALUES if at_ms is None else (("", at_ms / 1000),)


def created(subject: Subject) -> Values:
    at_ms = subject.target.created_at_ms if subject.target else None
    return NO_VALUES if at_ms is None else (("", at_ms / 1000),)


def limit(name: str, *, unlimited: float | None = None) -> Callable[[Subject], Values]:
    """A limit; ``unlimited``: what stands for no bound, None: the series is absent then."""
    get = attrgetter(name)

    def values(subject: Subject) -> Values:
        value = get(subject.limits) if subject.limits is not None else None
        if isinstance(value, Unlimited):
            value = unlimited
        return NO_VALUES if value is None else (("", value),)

    return values


def shares(subject: Subject) -> Values:
    """cgroup v1's scale: of v2's weight by the linear inverse that cAdvisor uses; on v1, where the weight was made of
    the shares (1024 are 100), those shares."""
    weight = subject.limits.cpu_weight if subject.limits else None
    if weight is None:
        return NO_VALUES
    if subject.snapshot.cgroup == "v2":
        return (("", 2 + (weight - 1) * 262142 // 9999),)
    return (("", round(weight * 1024 / 100)),)


def swap_limit(subject: Subject) -> Values:
    """v1: memory and swap together; v2: swap alone; 0 where there is no bound."""
    limits = subject.limits
    if limits is None or limits.memory_swap_bytes is None:
        return NO_VALUES
    if isinstance(limits.memory_swap_bytes, Unlimited):
        return (("", 0),)
    if subject.snapshot.cgroup == "v2":
        return (("", limits.memory_swap_bytes),)
    if isinstance(limits.memory_bytes, Unlimited):
        return (("", 0),)
    return NO_VALUES if limits.memory_bytes is None else (("", limits.memory_swap_bytes + limits.memory_bytes),)


NS, US = 1e9, 1e6

# fmt: off
FAMILIES: Final[tuple[Family, ...]] = (
    Family("container_last_seen", "gauge", "Last time a container was seen by the exporter", last_seen),
    Family("container_health_state", "gauge", "The result of the container's health check", health),
    Family("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds.", started),
    Family("container_creation_time_seconds", "gauge", "Creation time of the container since unix epoch in seconds.", created),
    Family("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.", cpu_total),
    Family("container_cpu_user_seconds_total", "counter", "Cumulative user cpu time consumed in seconds.", cpu_part("user")),
    Family("container_cpu_system_seconds_total", "counter", "Cumulative system cpu time consumed in seconds.", cpu_part("system")),
    Family("container_cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals.", quota_field("cpu_periods")),
    Family("container_cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals.", quota_field("cpu_throttled_periods")),
    Family("container_cpu_cfs_throttled_seconds_total", "counter", "Total time duration the container has been throttled.", quota_field("cpu_throttled_ns", NS)),
    Family("container_cpu_cfs_burst_periods_total", "counter", "Number of periods when burst occurs.", quota_field("cpu_burst_periods")),
    Family("container_cpu_cfs_burst_seconds_total", "counter", "Total time duration the container has been bursted.", quota_field("cpu_burst_ns", NS)),
    Family("container_memory_usage_bytes", "gauge", "Current memory usage in bytes, including all memory regardless of when it was accessed", memory_usage),
    Family("container_memory_max_usage_bytes", "gauge", "Maximum memory usage recorded in bytes", field("memory_peak_bytes")),
    Family("container_memory_working_set_bytes", "gauge", "Current working set in bytes.", working_set),
    Family("container_memory_cache", "gauge", "Number of bytes of page cache memory.", field("memory_file_bytes")),
    Family("container_memory_rss", "gauge", "Size of RSS in bytes.", field("memory_anon_bytes")),
    Family("container_memory_kernel_usage", "gauge", "Size of kernel memory allocated in bytes.", field("memory_kernel_bytes")),
    Family("container_memory_mapped_file", "gauge", "Size of memory mapped files in bytes.", field("memory_mapped_file_bytes")),
    Family("container_memory_swap", "gauge", "Container swap usage in bytes.", field("memory_swap_bytes", host="swap_used_bytes")),
    Family("container_memory_failcnt", "counter", "Number of memory usage hits limits", field("memory_max_events", version="v1")),
    Family("container_memory_total_active_file_bytes", "gauge", "Current total active file in bytes.", field("memory_active_file_bytes")),
    Family("container_memory_total_inactive_file_bytes", "gauge", "Current total inactive file in bytes.", field("memory_inactive_file_bytes")),
    Family("container_memory_failures_total", "counter", "Cumulative count of memory allocation failures.", failures),
    Family("container_memory_events_high_total", "counter", "Times that memory.high slowed the container.", field("memory_high_events", version="v2")),
    Family("container_memory_events_max_total", "counter", "Times that memory.max was hit.", field("memory_max_events", version="v2")),
    Family("container_memory_file_dirty_bytes", "gauge", "Bytes of file cache that wait to be written.", field("memory_dirty_bytes")),
    Family("container_memory_file_writeback_bytes", "gauge", "Bytes of file cache that are being written.", field("memory_writeback_bytes")),
    Family("container_memory_pgscan_total", "counter", "Pages scanned for reclaim.", field("memory_pages_scanned")),
    Family("container_memory_pgsteal_total", "counter", "Pages reclaimed.", field("memory_pages_reclaimed")),
    Family("container_memory_workingset_refault_file_total", "counter", "Refaults of evicted file pages.", field("memory_refaults_file")),
    Family("container_memory_workingset_refault_anon_total", "counter", "Refaults of evicted anonymous pages.", field("memory_refaults_anon")),
    Family("container_oom_events_total", "counter", "Count of out of memory events observed for the container", field("memory_oom_kills", host="oom_kills")),
    Family("container_pressure_cpu_waiting_seconds_total", "counter", "Total time that some tasks waited for CPU.", field("cpu_pressure_some_us", US, host="cpu_pressure_some_us")),
    Family("container_pressure_cpu_stalled_seconds_total", "counter", "Total time that all tasks waited for CPU.", field("cpu_pressure_full_us", US, host="cpu_pressure_full_us")),
    Family("container_pressure_memory_waiting_seconds_total", "counter", "Total time that some tasks waited for memory.", field("memory_pressure_some_us", US, host="memory_pressure_some_us")),
    Family("container_pressure_memory_stalled_seconds_total", "counter", "Total time that all tasks waited for memory.", field("memory_pressure_full_us", US, host="memory_pressure_full_us")),
    Family("container_pressure_io_waiting_seconds_total", "counter", "Total time that some tasks waited for I/O.", field("io_pressure_some_us", US, host="io_pressure_some_us")),
    Family("container_pressure_io_stalled_seconds_total", "counter", "Total time that all tasks waited for I/O.", field("io_pressure_full_us", US, host="io_pressure_full_us")),
    Family("container_fs_usage_bytes", "gauge", "Number of bytes that are consumed by the container on this filesystem.", writable_layer),
    Family("container_fs_reads_bytes_total", "counter", "Cumulative count of bytes read", disk("read_bytes")),
    Family("container_fs_writes_bytes_total", "counter", "Cumulative count of bytes written", disk("write_bytes")),
    Family("container_fs_reads_total", "counter", "Cumulative count of reads completed", disk("read_operations")),
    Family("container_fs_writes_total", "counter", "Cumulative count of writes completed", disk("write_operations")),
    Family("container_blkio_device_usage_total", "counter", "Blkio device bytes usage", blkio),
    Family("container_network_receive_bytes_total", "counter", "Cumulative count of bytes received", network("receive_bytes")),
    Family("container_network_receive_packets_total", "counter", "Cumulative count of packets received", network("receive_packets")),
    Family("container_network_receive_packets_dropped_total", "counter", "Cumulative count of packets dropped while receiving", network("receive_drops")),
    Family("container_network_receive_errors_total", "counter", "Cumulative count of errors encountered while receiving", network("receive_errors")),
    Family("container_network_transmit_bytes_total", "counter", "Cumulative count of bytes transmitted", network("transmit_bytes")),
    Family("container_network_transmit_packets_total", "counter", "Cumulative count of packets transmitted", network("transmit_packets")),
    Family("container_network_transmit_packets_dropped_total", "counter", "Cumulative count of packets dropped while transmitting", network("transmit_drops")),
    Family("container_network_transmit_errors_total", "counter", "Cumulative count of errors encountered while transmitting", network("transmit_errors")),
    Family("container_threads", "gauge", "Number of threads running inside the container", field("pids")),
    Family("container_threads_max", "gauge", "Maximum number of threads allowed inside the container, 0 means no limit", limit("pids", unlimited=0)),
    Family("container_spec_cpu_period", "gauge", "CPU period of the container.", limit("cpu_period_us")),
    Family("container_spec_cpu_quota", "gauge", "CPU quota of the container.", limit("cpu_quota_us")),
    Family("container_spec_cpu_shares", "gauge", "CPU share of the container.", shares),
    Family("container_spec_memory_limit_bytes", "gauge", "Memory limit for the container.", limit("memory_bytes", unlimited=0)),
    Family("container_spec_memory_swap_limit_bytes", "gauge", "Memory swap limit for the container.", swap_limit),
    Family("container_spec_memory_reservation_limit_bytes", "gauge", "Memory reservation limit for the container.", limit("memory_low_bytes")),
)
# fmt: on
