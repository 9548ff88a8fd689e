"""Rows of ``top`` out of a frame: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.table import cores, printable, size
from model.finding import Finding
from model.limits import Limits, bounded
from model.live import Frame
from model.target import Target

HEADER = ("NAME", "CPU", "LIMIT", "HELD", "MEMORY", "LIMIT", "OF LIMIT", "PRESSURE", "NET", "DISK", "POLICY", "FINDING")
RANK = {"critical": 3, "warning": 2, "info": 1}


@dataclass(frozen=True, slots=True)
class Row:
    """One container. ``cells`` stand under :data:`HEADER`; ``severity`` is its worst finding's, empty without one."""

    id: str
    name: str
    group: str | None
    severity: str
    finding: str
    policy: str
    metrics: Mapping[str, float]
    limits: Limits
    cells: tuple[str, ...]


def share(value: float | None) -> str:
    """A ratio as whole percent; empty where it is unknown. Pure."""
    return "" if value is None else f"{value * 100:.0f} %"


def added(values: Mapping[str, float], *names: str) -> float | None:
    known = [values[name] for name in names if name in values]
    return sum(known) if known else None


def pressure(values: Mapping[str, float]) -> str:
    """The worst of the three pressures with its name."""
    known = [(values[f"{kind}_pressure_some_ratio"], kind) for kind in ("cpu", "memory", "io")
             if f"{kind}_pressure_some_ratio" in values]  # fmt: skip
    worst = max(known, default=None)
    return "" if worst is None else f"{worst[0] * 100:.0f} % {worst[1]}"


def _row(target: Target, frame: Frame, findings: list[Finding]) -> Row:
    key = target.key
    values, limits = frame.values.get(key, {}), frame.limits.get(key, Limits())
    worst = max(findings, key=lambda f: RANK.get(f.severity.value, 0), default=None)
    policy = frame.policies.get(key)
    mode = policy.mode.value if policy is not None else ""
    cpu_limit, memory_limit = bounded(limits.cpu_cores), bounded(limits.memory_bytes)
    cells = (
        target.name,
        cores(values.get("cpu_usage_cores")),
        cores(cpu_limit),
        share(values.get("cpu_throttled_periods_ratio")),
        size(values.get("memory_working_set_bytes")),
        size(memory_limit),
        share(values.get("memory_working_set_of_limit_ratio")),
        pressure(values),
        size(added(values, "network_receive_bytes_per_second", "network_transmit_bytes_per_second")),
        size(added(values, "io_read_bytes_per_second", "io_write_bytes_per_second")),
        mode,
        worst.summary if worst is not None else "",
    )
    return Row(
        key, target.name, target.group, worst.severity.value if worst is not None else "",
        worst.summary if worst is not None else "", mode, values, limits, tuple(printable(cell) for cell in cells),
    )  # fmt: skip


def _by(metric: str) -> Callable[[Row], Any]:
    return lambda row: (-row.metrics.get(metric, -1.0), row.name)


ORDERS: Mapping[str, Callable[[Row], Any]] = {
    "worst": lambda row: (-RANK.get(row.severity, 0), -row.metrics.get("cpu_usage_cores", -1.0), row.name),
    "cpu": _by("cpu_usage_cores"),
    "memory": _by("memory_working_set_bytes"),
    "name": lambda row: row.name,
}


def rows_of(frame: Frame, order: str, words: str = "") -> list[Row]:
    """Every container of the frame that holds ``words`` in name, group or image, in order."""
    findings: dict[str, list[Finding]] = {}
    for finding in frame.findings:
        findings.setdefault(finding.container_id, []).append(finding)
    wanted = words.lower()
    rows = [
        _row(target, frame, findings.get(target.key, []))
        for target in frame.targets.values()
        if wanted in f"{target.name} {target.group or ''} {target.image or ''}".lower()
    ]
    return sorted(rows, key=ORDERS[order])


def row_json(row: Row) -> dict[str, Any]:
    """The row for programs."""
    return {
        "id": row.id,
        "name": row.name,
        "group": row.group,
        "policy": row.policy,
        "severity": row.severity or None,
        "finding": row.finding or None,
        "metrics": dict(row.metrics),
    }


def host_line(frame: Frame) -> str:
    """The first line: host, time, CPU, memory, load."""
    values = frame.host_values
    used = added(values, "cpu_usage_cores")
    total, free = values.get("host_memory_total_bytes"), values.get("host_memory_available_bytes")
    at = datetime.fromtimestamp(frame.at_ms / 1000).astimezone()
    parts = [printable(frame.host), f"{at:%H:%M:%S}", f"{len(frame.targets)} containers"]
    if used is not None:
        parts.append(f"CPU {used:.2f} of {values.get('host_cpu_count', 0):.0f} cores")
    if total is not None and free is not None:
        parts.append(f"memory {size(total - free)} of {size(total)}")
    if "host_load_1m" in values:
        parts.append(f"load {values['host_load_1m']:.1f}")
    return "   ".join(parts)
