"""From what containers went through to numbers of a policy: means over containers, then over seeds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from backtest.simulator import Totals

DAY_S: Final = 86_400.0
HOUR_S: Final = 3600.0
Row = dict[str, float | None]
METRICS: Final = (
    "throttled_period_ratio",
    "delay_ms",
    "lost_work_ratio",
    "oom_kills_per_container_day",
    "stall_s_per_container_day",
    "cpu_allocation_cores",
    "memory_allocation_bytes",
    "cpu_slack_ratio",
    "changes_per_container_hour",
    "api_updates_per_container_hour",
    "invariant_violations",
)


def of_run(totals: Sequence[Totals]) -> Row:
    """One run: means over its containers; violations are added up. None: not simulated, or without a bound."""
    cpu, memory = [t for t in totals if t.has_cpu], [t for t in totals if t.has_memory]
    allocated, used = sum(t.allocated for t in cpu), sum(t.used for t in cpu)
    row: Row = {
        "throttled_period_ratio": mean([t.throttled / (10 * t.seconds) for t in cpu]),
        "delay_ms": mean([1000 * t.waited / t.arrived for t in cpu]),
        "lost_work_ratio": mean([t.lost / t.arrived for t in cpu]),
        "oom_kills_per_container_day": mean([t.kills * DAY_S / t.seconds for t in memory]),
        "stall_s_per_container_day": mean([t.stalled * DAY_S / t.seconds for t in memory]),
        "cpu_allocation_cores": mean([t.allocated / t.seconds for t in cpu]),
        "memory_allocation_bytes": mean([t.limit / t.seconds for t in memory]),
        "cpu_slack_ratio": 1 - used / allocated if cpu and isfinite(allocated) and allocated else None,
        "changes_per_container_hour": mean([t.changes * HOUR_S / t.seconds for t in totals]),
        "api_updates_per_container_hour": mean([t.api_updates * HOUR_S / t.seconds for t in totals]),
        "invariant_violations": float(sum(t.violations for t in totals)),
    }
    return {name: None if value is None or not isfinite(value) else value for name, value in row.items()}


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def over_seeds(rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    """Mean, least and most of each number over the seeds."""
    out: dict[str, dict[str, float | None]] = {}
    for name in METRICS:
        found = [value for row in rows if (value := row[name]) is not None]
        out[name] = {
            "mean": sum(found) / len(found) if found else None,
            "min": min(found, default=None),
            "max": max(found, default=None),
        }
    return out


HEADS: Final = (
    ("throttled_period_ratio", "throttled %", 100.0),
    ("delay_ms", "delay ms", 1.0),
    ("lost_work_ratio", "lost %", 100.0),
    ("cpu_allocation_cores", "cores", 1.0),
    ("cpu_slack_ratio", "slack %", 100.0),
    ("oom_kills_per_container_day", "kills/day", 1.0),
    ("stall_s_per_container_day", "stall s/day", 1.0),
    ("memory_allocation_bytes", "MiB", 2.0**-20),
    ("changes_per_container_hour", "changes/h", 1.0),
    ("api_updates_per_container_hour", "API/h", 1.0),
)


def lines_of(policies: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> list[list[str]]:
    """The table for people: a head and a line a policy; means."""
    lines = [["policy", *(head for _, head, _ in HEADS)]]
    for name, numbers in policies.items():
        means = [(numbers[metric]["mean"], factor) for metric, _, factor in HEADS]
        lines.append([name, *("–" if value is None else f"{value * factor:.4g}" for value, factor in means)])
    return lines
