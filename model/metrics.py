"""The catalogue: one row a metric. It feeds store columns, API, charts, the rule check and the docs.

``resolution``: values are stored as whole multiples of it and are exact at it.
``kind``: ``gauge`` (a level: average, minimum and maximum are kept), ``rate`` (per second over the
interval: the same, and its average is weighted by time), ``count`` (how many in the interval: summed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["gauge", "rate", "count"]
Scope = Literal["container", "host", "both"]

CORES: Final = 0.0001
RATIO: Final = 0.0001
BYTES: Final = 1.0
PER_SECOND: Final = 0.01
SECONDS: Final = 0.001
WHOLE: Final = 1.0


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: ``unit`` is cores, ratio, bytes, bytes/s, 1/s, s or 1 (a number of things)."""

    name: str
    unit: str
    kind: Kind
    scope: Scope
    resolution: float
    help: str


# fmt: off
METRICS: Final[tuple[MetricSpec, ...]] = (
    # CPU
    MetricSpec("cpu_usage_cores", "cores", "rate", "both", CORES, "CPU time used per second of wall time."),
    MetricSpec("cpu_user_cores", "cores", "rate", "both", CORES, "CPU time used in user mode."),
    MetricSpec("cpu_system_cores", "cores", "rate", "both", CORES, "CPU time used in the kernel."),
    MetricSpec("cpu_limit_cores", "cores", "gauge", "container", CORES, "CPU quota divided by its period; absent when unlimited."),
    MetricSpec("cpu_usage_of_limit_ratio", "ratio", "gauge", "container", RATIO, "CPU used divided by the CPU limit."),
    MetricSpec("cpu_throttled_periods_ratio", "ratio", "rate", "container", RATIO, "Share of the CFS periods in which the container was stopped by its quota."),
    MetricSpec("cpu_throttled_seconds_per_second", "s/s", "rate", "container", CORES, "Time that the container's run queues were stopped by its quota, per second."),
    MetricSpec("cpu_weight", "1", "gauge", "container", WHOLE, "CPU weight on cgroup v2's scale (1-10000, 100 by default)."),
    MetricSpec("cpu_pressure_some_ratio", "ratio", "rate", "both", RATIO, "Share of time in which at least one task waited for CPU (PSI some)."),
    MetricSpec("cpu_pressure_full_ratio", "ratio", "rate", "both", RATIO, "Share of time in which all tasks waited for CPU (PSI full)."),
    # Memory
    MetricSpec("memory_usage_bytes", "bytes", "gauge", "both", BYTES, "Memory charged to the cgroup, page cache included; of a host: total minus available."),
    MetricSpec("memory_working_set_bytes", "bytes", "gauge", "both", BYTES, "Memory without inactive file cache: what docker stats calls memory usage."),
    MetricSpec("memory_anon_bytes", "bytes", "gauge", "container", BYTES, "Anonymous memory: heaps and stacks."),
    MetricSpec("memory_file_bytes", "bytes", "gauge", "container", BYTES, "Page cache, tmpfs and shared memory included."),
    MetricSpec("memory_inactive_file_bytes", "bytes", "gauge", "container", BYTES, "Page cache on the inactive list: the first to be given back."),
    MetricSpec("memory_shmem_bytes", "bytes", "gauge", "container", BYTES, "tmpfs and shared memory: not reclaimable without swap."),
    MetricSpec("memory_kernel_bytes", "bytes", "gauge", "container", BYTES, "Kernel memory charged to the cgroup."),
    MetricSpec("memory_swap_bytes", "bytes", "gauge", "both", BYTES, "Swap in use."),
    MetricSpec("memory_limit_bytes", "bytes", "gauge", "container", BYTES, "Memory limit; absent when unlimited."),
    MetricSpec("memory_high_bytes", "bytes", "gauge", "container", BYTES, "memory.high: above it the container is slowed down; absent when not set."),
    MetricSpec("memory_peak_bytes", "bytes", "gauge", "container", BYTES, "Largest memory usage since the container started."),
    MetricSpec("memory_working_set_of_limit_ratio", "ratio", "gauge", "container", RATIO, "Working set divided by the memory limit."),
    MetricSpec("memory_pressure_some_ratio", "ratio", "rate", "both", RATIO, "Share of time in which at least one task waited for memory."),
    MetricSpec("memory_pressure_full_ratio", "ratio", "rate", "both", RATIO, "Share of time in which all tasks waited for memory."),
    MetricSpec("memory_page_faults_per_second", "1/s", "rate", "both", PER_SECOND, "Page faults per second."),
    MetricSpec("memory_major_faults_per_second", "1/s", "rate", "both", PER_SECOND, "Page faults that had to read from disk, per second."),
    MetricSpec("memory_refaults_per_second", "1/s", "rate", "container", PER_SECOND, "Pages read again soon after they were thrown out, per second."),
    MetricSpec("memory_high_events_per_second", "1/s", "rate", "container", PER_SECOND, "Times that memory.high slowed the container, per second."),
    MetricSpec("memory_max_events_per_second", "1/s", "rate", "container", PER_SECOND, "Times that the memory limit was hit, per second."),
    MetricSpec("memory_oom_kills", "1", "count", "both", WHOLE, "Processes killed for lack of memory in the interval."),
    # I/O, processes
    MetricSpec("io_read_bytes_per_second", "bytes/s", "rate", "both", BYTES, "Bytes read from block devices per second."),
    MetricSpec("io_write_bytes_per_second", "bytes/s", "rate", "both", BYTES, "Bytes written to block devices per second."),
    MetricSpec("io_read_operations_per_second", "1/s", "rate", "both", PER_SECOND, "Read operations per second."),
    MetricSpec("io_write_operations_per_second", "1/s", "rate", "both", PER_SECOND, "Write operations per second."),
    MetricSpec("io_pressure_some_ratio", "ratio", "rate", "both", RATIO, "Share of time in which at least one task waited for I/O."),
    MetricSpec("io_pressure_full_ratio", "ratio", "rate", "both", RATIO, "Share of time in which all tasks waited for I/O."),
    MetricSpec("pids", "1", "gauge", "both", WHOLE, "Processes and threads."),
    MetricSpec("pids_limit", "1", "gauge", "container", WHOLE, "Limit of processes and threads; absent when unlimited."),
    # Network
    MetricSpec("network_receive_bytes_per_second", "bytes/s", "rate", "both", BYTES, "Bytes received per second, all interfaces but loopback."),
    MetricSpec("network_transmit_bytes_per_second", "bytes/s", "rate", "both", BYTES, "Bytes sent per second, all interfaces but loopback."),
    MetricSpec("network_receive_packets_per_second", "1/s", "rate", "both", PER_SECOND, "Packets received per second."),
    MetricSpec("network_transmit_packets_per_second", "1/s", "rate", "both", PER_SECOND, "Packets sent per second."),
    MetricSpec("network_receive_drops_per_second", "1/s", "rate", "both", PER_SECOND, "Received packets dropped per second."),
    MetricSpec("network_transmit_drops_per_second", "1/s", "rate", "both", PER_SECOND, "Packets dropped before sending per second."),
    MetricSpec("network_errors_per_second", "1/s", "rate", "both", PER_SECOND, "Receive and transmit errors per second."),
    # Life
    MetricSpec("writable_layer_bytes", "bytes", "gauge", "container", BYTES, "Size of the container's writable layer (slow; opt-in)."),
    MetricSpec("restarts", "1", "gauge", "container", WHOLE, "How often the runtime restarted the container."),
    MetricSpec("uptime_s", "s", "gauge", "container", SECONDS, "Seconds since the container started."),
    MetricSpec("health", "1", "gauge", "container", WHOLE, "1 healthy, 0 unhealthy; absent while starting or without a health check."),
    # Host only
    MetricSpec("host_cpu_count", "1", "gauge", "host", WHOLE, "Logical processors that are online."),
    MetricSpec("host_load_1m", "1", "gauge", "host", PER_SECOND, "Load average over one minute."),
    MetricSpec("host_cpu_steal_ratio", "ratio", "rate", "host", RATIO, "Share of CPU time that the hypervisor gave to others."),
    MetricSpec("host_cpu_iowait_ratio", "ratio", "rate", "host", RATIO, "Share of CPU time idle while waiting for I/O."),
    MetricSpec("host_memory_total_bytes", "bytes", "gauge", "host", BYTES, "Physical memory."),
    MetricSpec("host_memory_available_bytes", "bytes", "gauge", "host", BYTES, "Memory available without swapping."),
    MetricSpec("host_swap_used_bytes", "bytes", "gauge", "host", BYTES, "Swap in use on the host."),
    MetricSpec("host_disk_used_ratio", "ratio", "gauge", "host", RATIO, "Used share of the file system; one series a mount point."),
    MetricSpec("host_disk_inodes_used_ratio", "ratio", "gauge", "host", RATIO, "Used share of the file system's inodes; one series a mount point, absent where they are made as needed (btrfs, ZFS)."),
)
# fmt: on
"""A host's disks are filed as ``host_disk_used_ratio{/mount}``: :func:`base_name` strips the braces."""

METRIC_BY_NAME: Final[Mapping[str, MetricSpec]] = MappingProxyType({m.name: m for m in METRICS})
CONTAINER_METRICS: Final = tuple(m for m in METRICS if m.scope != "host")
HOST_METRICS: Final = tuple(m for m in METRICS if m.scope != "container")


def base_name(name: str) -> str:
    """``host_disk_used_ratio{/}`` → ``host_disk_used_ratio``; other names unchanged."""
    return name.partition("{")[0]


def spec_of(name: str) -> MetricSpec | None:
    """The row of a metric name, with or without an instance in braces; None if there is none."""
    return METRIC_BY_NAME.get(base_name(name))
