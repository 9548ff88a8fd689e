"""Plausible snapshots for tests and measurements: containers idle (55 %), moderate (30 %), busy (15 %)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import pi, sin
from random import Random

from model.event import Event
from model.sample import Sample, Snapshot
from model.target import Target, TargetId

START_MS = 1_790_000_000_000
PAGE = 4096


def target(key: str, name: str = "", **more: object) -> Target:
    fields = {"image": "demo:1", "group": "shop", "service": f"shop/{name or key}", **more}
    return Target(TargetId("docker", key, 1), f"/docker/{key}", name or key, **fields)  # type: ignore[arg-type]


def snapshot(
    at_ms: int,
    values: Mapping[str, Mapping[str, float]],
    *,
    host_values: Mapping[str, float] | None = None,
    host: str = "web-1",
    interval_s: float = 1.0,
    targets: Mapping[str, Target] | None = None,
    events: tuple[Event, ...] = (),
) -> Snapshot:
    """A tick with these samples by container id; targets are made up where none are given."""
    return Snapshot(
        at_ms=at_ms,
        interval_s=interval_s,
        host=host,
        cgroup="v2",
        host_sample=Sample(host_values or {}),
        targets=targets or {key: target(key) for key in values},
        samples={key: Sample(v) for key, v in values.items()},
        limits={},
        events=events,
    )


@dataclass
class Workload:
    """One container that lives second by second. ``kind``: 0 idle, 1 moderate, 2 busy."""

    kind: int
    random: Random
    phase: float
    anon: int
    file: int = 0
    pids: int = 3
    second: int = 0
    peak: int = 0
    rates: dict[str, float] = field(default_factory=dict)

    def tick(self) -> dict[str, float]:
        r, k = self.random, self.kind
        self.second += 1
        active = r.random() < (0.08, 0.8, 1.0)[k]
        mean, spread = ((0.002, 0.0015), (0.08, 0.04), (0.6, 0.2))[k]
        load = abs(r.gauss(mean, spread)) * (1 + 0.5 * sin(self.second / self.phase * 2 * pi)) if active else 0.0
        if r.random() < (0.03, 0.4, 0.9)[k]:
            self.anon = abs(self.anon + r.randint(-60, 60) * PAGE)
        if r.random() < (0.01, 0.2, 0.6)[k]:
            self.file = abs(self.file + r.randint(-10, 40) * PAGE) % (1 << 30)
        if r.random() < (0.001, 0.05, 0.3)[k]:
            self.pids = max(1, self.pids + r.randint(-1, 1))
        usage = self.anon + self.file + self.anon // 50 // PAGE * PAGE
        self.peak = max(self.peak, usage)
        received = r.randint(0, (2, 240, 8000)[k]) if active else 0
        sent = r.randint(0, (2, 220, 7600)[k]) if active else 0
        writes = r.randint(0, 16) if r.random() < (0.01, 0.3, 0.9)[k] else 0
        reads = r.randint(0, 8) if r.random() < (0.001, 0.05, 0.3)[k] else 0
        faults = r.randint(0, (6, 400, 10000)[k]) if active else 0
        throttled = r.choice((0, 0, 0.1, 0.2, 0.3)) if k == 2 else 0.0
        values = {
            "cpu_usage_cores": round(load, 4),
            "cpu_user_cores": round(load * 0.7, 4),
            "cpu_system_cores": round(load * 0.3, 4),
            "cpu_throttled_periods_ratio": throttled,
            "cpu_throttled_seconds_per_second": round(throttled * r.random() * 0.2, 4) if throttled else 0.0,
            "cpu_weight": 100.0,
            "cpu_pressure_some_ratio": round(load * r.random() * 0.05, 4),
            "cpu_pressure_full_ratio": 0.0,
            "memory_usage_bytes": float(usage),
            "memory_working_set_bytes": float(usage - self.file // 3 // PAGE * PAGE),
            "memory_anon_bytes": float(self.anon),
            "memory_file_bytes": float(self.file),
            "memory_inactive_file_bytes": float(self.file // 3 // PAGE * PAGE),
            "memory_shmem_bytes": 0.0,
            "memory_kernel_bytes": float(self.anon // 50 // PAGE * PAGE),
            "memory_swap_bytes": 0.0,
            "memory_limit_bytes": float(8 << 30),
            "memory_peak_bytes": float(self.peak),
            "memory_working_set_of_limit_ratio": round((usage - self.file // 3) / (8 << 30), 4),
            "memory_pressure_some_ratio": 0.001 if r.random() < 0.001 else 0.0,
            "memory_pressure_full_ratio": 0.0,
            "memory_page_faults_per_second": float(faults),
            "memory_major_faults_per_second": 1.0 if r.random() < 0.001 else 0.0,
            "memory_max_events_per_second": 0.0,
            "memory_oom_kills": 0.0,
            "io_read_bytes_per_second": float(reads * PAGE * r.randint(1, 30)),
            "io_write_bytes_per_second": float(writes * PAGE * r.randint(1, 20)),
            "io_read_operations_per_second": float(reads),
            "io_write_operations_per_second": float(writes),
            "io_pressure_some_ratio": round(r.random() * 0.004, 4) if writes else 0.0,
            "io_pressure_full_ratio": 0.0,
            "pids": float(self.pids),
            "network_receive_bytes_per_second": float(received * r.randint(60, 1200)),
            "network_transmit_bytes_per_second": float(sent * r.randint(60, 1400)),
            "network_receive_packets_per_second": float(received),
            "network_transmit_packets_per_second": float(sent),
            "network_receive_drops_per_second": 0.0,
            "network_transmit_drops_per_second": 0.0,
            "network_errors_per_second": 0.0,
            "uptime_s": float(self.second),
        }
        if k == 2:
            values["cpu_limit_cores"] = 2.0
            values["cpu_usage_of_limit_ratio"] = round(load / 2, 4)
        return values


def host(containers: int, seconds: int, *, seed: int = 1, all_busy: bool = False) -> Iterator[Snapshot]:
    """``seconds`` ticks of a host with so many containers of some 40 metrics each."""
    random = Random(seed)
    keys = [f"{random.getrandbits(256):064x}" for _ in range(containers)]
    targets = {key: target(key, f"box-{i}") for i, key in enumerate(keys)}
    loads = {}
    for i, key in enumerate(keys):
        kind = 2 if all_busy else (0 if i % 20 < 11 else 1 if i % 20 < 17 else 2)
        anon = random.randint(5_000_000, 4_000_000_000) // PAGE * PAGE
        loads[key] = Workload(kind, Random(seed * 1000 + i), 3600 / (3 + i % 5), anon, pids=(3, 20, 120)[kind])
    for second in range(seconds):
        values = {key: load.tick() for key, load in loads.items()}
        used = sum(v["cpu_usage_cores"] for v in values.values())
        yield snapshot(
            START_MS + second * 1000,
            values,
            targets=targets,
            host_values={"cpu_usage_cores": round(used, 4), "host_cpu_count": 8.0, "host_disk_used_ratio{/}": 0.4321},
        )
