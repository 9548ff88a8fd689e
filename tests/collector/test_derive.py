"""Readings to values: memory to the byte, rates, resets, identity, limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.derive import container_values, host_values, working_set
from model.limits import UNLIMITED, Limits
from model.metrics import spec_of
from model.reading import CgroupReading, HostReading, Interface, IoDevice
from model.target import Target, TargetId

TARGET = Target(TargetId("docker", "a" * 64, 7, 1_000), "/docker/a", "web", restarts=2, health="healthy")
SECOND = 1_000_000_000
BEFORE = CgroupReading(read_at_ns=0, inode=7, cpu_usage_ns=0)


def values(now: CgroupReading, before: CgroupReading | None = None, limits: Limits | None = None) -> dict[str, float]:
    return container_values(now, before, limits or Limits(), TARGET, 61_000)


def pair(**fields: tuple[object, object]) -> tuple[CgroupReading, CgroupReading]:
    """(now, before) one second apart; each field is (before, now)."""
    before = CgroupReading(0, 7, **{k: v[0] for k, v in fields.items()})  # type: ignore[arg-type]
    return CgroupReading(SECOND, 7, **{k: v[1] for k, v in fields.items()}), before  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("usage", "inactive", "own", "expected"),
    [
        (1000, 300, None, 700),
        (1000, 300, 200, 700),
        (1000, 1000, 200, 800),  # v1: not less than the usage, so the cgroup's own is tried
        (1000, 1200, 1000, 1000),
        (1000, 1200, None, 1000),
        (1000, None, None, 1000),
        (0, 0, 0, 0),
        (None, 5, 5, None),
    ],
)
def test_working_set_is_what_docker_stats_shows(
    usage: int | None, inactive: int | None, own: int | None, expected: int | None
) -> None:
    reading = CgroupReading(
        0,
        1,
        memory_usage_bytes=usage,
        memory_inactive_file_bytes=inactive,
        memory_own_inactive_file_bytes=own,
    )
    assert working_set(reading) == expected


@pytest.mark.parametrize(
    ("name", "field", "before", "now", "expected"),
    [
        ("cpu_usage_cores", "cpu_usage_ns", 0, 1_500_000_000, 1.5),
        ("cpu_user_cores", "cpu_user_ns", 5, 5, 0.0),
        ("cpu_throttled_seconds_per_second", "cpu_throttled_ns", 0, 250_000_000, 0.25),
        ("memory_page_faults_per_second", "memory_page_faults", 10, 25, 15.0),
        ("memory_max_events_per_second", "memory_max_events", 1, 4, 3.0),
        ("memory_oom_kills", "memory_oom_kills", 1, 2, 1.0),
        ("cpu_pressure_some_ratio", "cpu_pressure_some_us", 0, 400_000, 0.4),
        ("io_pressure_full_ratio", "io_pressure_full_us", 0, 1_000_100, 1.0),
        ("memory_refaults_per_second", "memory_refaults_file", 2, 5, 3.0),
    ],
)
def test_rates(name: str, field: str, before: int, now: int, expected: float) -> None:
    assert values(*pair(**{field: (before, now)}))[name] == pytest.approx(expected)
    assert name not in values(*pair(**{field: (None, now)}))
    assert name not in values(*pair(**{field: (now + 1, before)})), "a counter that went back is a reset"


def test_throttled_share_of_periods() -> None:
    now, before = pair(cpu_periods=(10, 20), cpu_throttled_periods=(1, 6))
    assert values(now, before)["cpu_throttled_periods_ratio"] == 0.5
    still, _ = pair(cpu_periods=(10, 10), cpu_throttled_periods=(1, 1))
    assert values(still, before._replace(read_at_ns=0))["cpu_throttled_periods_ratio"] == 0.0
    assert "cpu_throttled_periods_ratio" not in values(*pair(cpu_throttled_periods=(1, 6)))


def test_first_reading_has_levels_and_no_rates() -> None:
    got = values(CgroupReading(5, 7, cpu_usage_ns=9, memory_usage_bytes=4, pids=2))
    assert got["memory_usage_bytes"] == 4
    assert got["pids"] == 2
    assert not [name for name in got if spec_of(name).kind != "gauge"]  # type: ignore[union-attr]


def test_no_rate_across_another_cgroup_or_no_time() -> None:
    now, before = pair(cpu_usage_ns=(0, 5))
    assert "cpu_usage_cores" not in values(now, before._replace(inode=8))
    assert "cpu_usage_cores" not in values(now, before._replace(read_at_ns=SECOND))


def test_io_sums_devices_and_takes_a_new_one_from_nothing() -> None:
    first, later = IoDevice("8:0", 100, 10, 5, 1), IoDevice("8:0", 150, 30, 6, 3)
    new = IoDevice("8:16", 7, 0, 1, 0)
    got = values(*pair(io_devices=((first,), (later, new))))
    assert got["io_read_bytes_per_second"] == 57
    assert got["io_write_bytes_per_second"] == 20
    assert got["io_read_operations_per_second"] == 2
    assert got["io_write_operations_per_second"] == 2
    assert values(*pair(io_devices=((), ())))["io_read_bytes_per_second"] == 0
    assert "io_read_bytes_per_second" not in values(*pair(io_devices=(None, (later,))))
    assert "io_read_bytes_per_second" not in values(*pair(io_devices=((later,), (first,))))


def test_network_sums_interfaces() -> None:
    a, b = Interface("eth0", 100, 1, 0, 0, 10, 1, 0, 0), Interface("eth0", 300, 3, 2, 1, 20, 2, 1, 4)
    gone, new = Interface("eth9", 9, 9, 9, 9, 9, 9, 9, 9), Interface("eth1", 5, 1, 0, 0, 0, 0, 0, 0)
    got = values(*pair(interfaces=((a, gone), (b, new))))
    assert got["network_receive_bytes_per_second"] == 205
    assert got["network_transmit_packets_per_second"] == 1
    assert got["network_receive_drops_per_second"] == 1
    assert got["network_transmit_drops_per_second"] == 4
    assert got["network_errors_per_second"] == 3
    assert values(*pair(interfaces=((), ())))["network_receive_bytes_per_second"] == 0
    assert "network_receive_bytes_per_second" not in values(*pair(interfaces=((b,), (a,))))


def test_limits_bound_or_are_absent() -> None:
    now, before = pair(cpu_usage_ns=(0, 100_000_000), memory_usage_bytes=(50, 50))
    bounded = Limits(cpu_cores=0.2, memory_bytes=100, cpu_weight=50, memory_high_bytes=90, pids=10)
    got = values(now, before, bounded)
    assert got["cpu_limit_cores"] == 0.2
    assert got["cpu_usage_of_limit_ratio"] == pytest.approx(0.5)
    assert got["memory_limit_bytes"] == 100
    assert got["memory_working_set_of_limit_ratio"] == 0.5
    assert (got["cpu_weight"], got["memory_high_bytes"], got["pids_limit"]) == (50, 90, 10)
    free = Limits(cpu_cores=UNLIMITED, memory_bytes=UNLIMITED, memory_high_bytes=UNLIMITED, pids=UNLIMITED)
    assert not {name for name in values(now, before, free) if "limit" in name or "high_bytes" in name}
    assert values(now, before, Limits(memory_bytes=0))["memory_limit_bytes"] == 0


def test_life() -> None:
    got = values(CgroupReading(0, 7))
    assert (got["uptime_s"], got["restarts"], got["health"]) == (60.0, 2, 1.0)
    starting = container_values(CgroupReading(0, 7), None, Limits(), replace(TARGET, health="starting"), 500)
    assert "health" not in starting
    assert starting["uptime_s"] == 0, "a clock that was set back gives no negative age"


def host_reading(at_ns: int, **fields: float) -> HostReading:
    base = HostReading(
        at_ns, 2, 10.0, 5.0, 100.0, 1.0, 0.0, 0.5, 1000, 600, 30, disks=(("/", 0.25),), inodes=(("/", 0.5),)
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def test_host() -> None:
    first = host_values(host_reading(0), None)
    assert first["memory_usage_bytes"] == first["memory_working_set_bytes"] == 400
    assert first["host_disk_used_ratio{/}"] == 0.25
    assert first["host_disk_inodes_used_ratio{/}"] == 0.5
    assert "cpu_usage_cores" not in first
    now = host_reading(SECOND, cpu_user_s=10.5, cpu_system_s=5.5, cpu_idle_s=100.6, cpu_iowait_s=1.2, cpu_steal_s=0.2)
    got = host_values(now, host_reading(0))
    assert got["cpu_usage_cores"] == pytest.approx(1.0)
    assert got["host_cpu_iowait_ratio"] == pytest.approx(0.1)
    assert got["host_cpu_steal_ratio"] == pytest.approx(0.1)
    # iowait may go backwards (proc(5)): then it is unknown, and the rest stands
    assert "host_cpu_iowait_ratio" not in host_values(replace(now, cpu_iowait_s=0.5), host_reading(0))


counters = st.one_of(st.none(), st.integers(0, 2**63))


@given(
    before=st.tuples(st.integers(0, 10), st.integers(1, 2), counters, counters, counters, counters).map(
        lambda v: CgroupReading(*v)
    ),
    now=st.tuples(st.integers(0, 20), st.integers(1, 2), counters, counters, counters, counters).map(
        lambda v: CgroupReading(*v)
    ),
)
def test_no_pair_of_readings_gives_a_negative_or_unknown_name(before: CgroupReading, now: CgroupReading) -> None:
    got = values(now, before)
    assert all(spec_of(name) is not None for name in got)
    assert all(value >= 0 for value in got.values())
    assert got.get("cpu_throttled_periods_ratio", 0) <= 1
