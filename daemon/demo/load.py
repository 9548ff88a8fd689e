"""Containers that live: columns of numbers by the second, with the rhythm of a day. Pure and repeatable by its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import cos, pi
from random import Random

from model.target import Target

MIB = 1 << 20
PAGE = 4096
PERIOD_MS = 86_400_000
PEAK_MS = 14 * 3_600_000
NOISE = 8192
LEAK_OF_LIMIT = 0.97
"""A leak ends where the kernel kills: a little below the limit."""

Columns = dict[str, list[float]]


def noise(seed: int) -> list[float]:
    """Normal, cut at ±2.5, long enough for two turns, so that any slice of an hour is there."""
    draw = Random(seed)  # noqa: S311 — plausible numbers, nothing secret
    once = [max(-2.5, min(2.5, draw.gauss(0.0, 1.0))) for _ in range(NOISE)]
    return once + once


def day(at_ms: int) -> float:
    """0 at night, 1 in the early afternoon (UTC)."""
    return 0.5 + 0.5 * cos((at_ms - PEAK_MS) % PERIOD_MS / PERIOD_MS * 2 * pi)


@dataclass(frozen=True, slots=True)
class Plan:
    """One container for one part of the range. ``kind``: idle, steady, busy, batch or leak.

    ``cores``: CPU at the daily peak. ``squeezed``: when its quota holds it. ``limits``: (from, cores).
    ``memory_bytes`` at the begin; a leak grows from it to its limit at ``until_ms``.
    """

    target: Target
    kind: str
    since_ms: int
    until_ms: int
    cores: float
    memory_bytes: int
    memory_limit: int
    phase_ms: int
    started_ms: int
    restarts: int = 0
    limits: tuple[tuple[int, float], ...] = ()
    squeezed: tuple[int, int] = (0, 0)
    killed: bool = False
    """The part ends with an OOM kill."""
    extra: dict[str, float] = field(default_factory=dict)

    def limit_at(self, at_ms: int) -> float | None:
        held = [cores for since, cores in self.limits if since <= at_ms]
        return held[-1] if held else None


def columns(plan: Plan, times: range, wave: Sequence[float], offset: int) -> Columns:
    """Every metric of one container over some minutes. ``wave`` from :func:`noise`; ``offset`` below its half."""
    rows = len(times)
    ripple = wave[offset : offset + rows]
    used, throttled = cpu(plan, times, ripple)
    made: Columns = {
        "cpu_usage_cores": used,
        "cpu_user_cores": [v * 0.72 for v in used],
        "cpu_system_cores": [v * 0.28 for v in used],
        "cpu_throttled_periods_ratio": throttled,
        "cpu_throttled_seconds_per_second": [v * 0.4 for v in throttled],
        "cpu_pressure_some_ratio": [min(1.0, v * 0.02 + t) for v, t in zip(used, throttled, strict=True)],
        "cpu_weight": [100.0] * rows,
    }
    limit = plan.limit_at(times[0])
    if limit is not None:
        made["cpu_limit_cores"] = [limit] * rows
        made["cpu_usage_of_limit_ratio"] = [v / limit for v in used]
    return made | memory(plan, times, ripple) | traffic(plan, times, used) | life(plan, times)


def cpu(plan: Plan, times: range, ripple: Sequence[float]) -> tuple[list[float], list[float]]:
    """(cores, share of throttled periods) by second."""
    rows = len(times)
    level = plan.cores * (0.35 + 0.65 * day(times[0] + plan.phase_ms))
    if plan.kind == "idle":
        used = [0.0004] * rows
        for i in range(plan.phase_ms % 60, rows, 60):  # a health check a minute
            used[i] = 0.0121
    elif plan.kind == "batch":
        busy = (times[0] + plan.phase_ms) % 3_600_000 < 600_000
        used = [level * (1 + 0.15 * n) for n in ripple] if busy else [0.0008] * rows
    else:
        spread = 0.25 if plan.kind == "busy" else 0.12
        used = [level * (1 + spread * n) for n in ripple]
    idle = [0.0] * rows
    limit = plan.limit_at(times[0])
    if limit is None:
        return used, idle
    since, until = plan.squeezed
    if not (since < times[-1] and times[0] < until):
        return [min(v, limit) for v in used], idle
    held = [since <= t < until for t in times]
    throttled = [0.45 + 0.1 * n if h else 0.0 for h, n in zip(held, ripple, strict=True)]
    return [limit * 0.99 if h else min(v, limit) for h, v in zip(held, used, strict=True)], throttled


def memory(plan: Plan, times: range, ripple: Sequence[float]) -> Columns:
    """A level with pages that come and go; a leak grows in a straight line."""
    rows = len(times)
    if plan.kind == "leak":
        slope = (plan.memory_limit * LEAK_OF_LIMIT - plan.memory_bytes) / max(1, plan.until_ms - plan.since_ms)
        anon = [float(round((plan.memory_bytes + slope * (t - plan.since_ms)) / PAGE) * PAGE) for t in times]
    elif plan.kind in ("busy", "batch"):
        step = plan.memory_bytes // 400 // PAGE * PAGE
        anon = [float(plan.memory_bytes + step * int(2 * n)) for n in ripple]
    elif plan.kind == "steady":
        moved = [float(plan.memory_bytes + PAGE * int(30 * n)) for n in ripple[::15]]
        anon = [v for v in moved for _ in range(15)][:rows]
    else:
        anon = [float(plan.memory_bytes)] * rows
    cached = float(plan.memory_bytes // 3 // PAGE * PAGE)
    if plan.kind == "leak":
        cached = float(2 * MIB)
    near = [min(1.0, (v + cached / 2) / plan.memory_limit) for v in anon]
    usage = [v + cached for v in anon]
    peak = max(usage)
    return {
        "memory_usage_bytes": usage,
        "memory_working_set_bytes": [v + cached / 2 for v in anon],
        "memory_anon_bytes": anon,
        "memory_file_bytes": [cached] * rows,
        "memory_inactive_file_bytes": [cached / 2] * rows,
        "memory_kernel_bytes": [float(plan.memory_bytes // 60 // PAGE * PAGE)] * rows,
        "memory_swap_bytes": [0.0] * rows,
        "memory_limit_bytes": [float(plan.memory_limit)] * rows,
        "memory_peak_bytes": [peak] * rows,
        "memory_working_set_of_limit_ratio": near,
        "memory_pressure_some_ratio": [0.2 if v > 0.95 else 0.0 for v in near],
        "memory_max_events_per_second": [3.0 if v > 0.95 else 0.0 for v in near],
        "memory_oom_kills": [1.0 if plan.killed and t == plan.until_ms - 1000 else 0.0 for t in times],
    }


def traffic(plan: Plan, times: range, used: Sequence[float]) -> Columns:
    """Network, disk and faults follow the work."""
    rows = len(times)
    if plan.kind == "idle":
        quiet = [0.0] * rows
        names = ("memory_page_faults_per_second", "io_read_bytes_per_second", "io_write_bytes_per_second")
        return dict.fromkeys(
            (
                *names,
                "io_write_operations_per_second",
                "network_receive_bytes_per_second",
                "network_transmit_bytes_per_second",
                "network_receive_packets_per_second",
                "network_transmit_packets_per_second",
            ),
            quiet,
        )
    packets = [float(int(v * 900)) for v in used]
    writes = 220.0 if plan.kind == "batch" else 12.0
    operations = [float(int(v * writes)) for v in used]
    return {
        "memory_page_faults_per_second": [float(int(v * 1400)) for v in used],
        "io_read_bytes_per_second": [0.0] * rows,
        "io_write_bytes_per_second": [v * 16_384 for v in operations],
        "io_write_operations_per_second": operations,
        "network_receive_bytes_per_second": [v * 310 for v in packets],
        "network_transmit_bytes_per_second": [v * 740 for v in packets],
        "network_receive_packets_per_second": packets,
        "network_transmit_packets_per_second": packets,
    }


def life(plan: Plan, times: range) -> Columns:
    rows = len(times)
    return {
        "pids": [{"idle": 3.0, "steady": 18.0, "leak": 9.0}.get(plan.kind, 64.0)] * rows,
        "restarts": [float(plan.restarts)] * rows,
        "uptime_s": [(t - plan.started_ms) / 1000 for t in times],
    }
