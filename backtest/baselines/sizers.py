"""Right-sizers: one number for a whole history. They are oracles here, since they see the history they run on.

KRR (robusta-dev/krr, ``simple``: no CPU limit, memory peak + 15 %), Kubecost (peak over a target
utilisation of 0.7), DockPulse (p95 + 20 %, at least 0.05 core and 16 MiB, up to whole 4 MiB).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from math import ceil, inf

from backtest.simulator import Control
from backtest.trace import Trace
from limits.sizes import MIB

STEP_S = 60
"""CPU comes in averages of a minute, as a metrics server keeps it; memory second by second."""
Sizer = Callable[[list[float], list[float]], tuple[float, float]]


def krr(cpu: list[float], memory: list[float]) -> tuple[float, float]:
    del cpu  # a request only: no limit
    return inf, max(1.15 * max(memory, default=inf), 100e6)


def kubecost(cpu: list[float], memory: list[float]) -> tuple[float, float]:
    return max(max(cpu, default=inf) / 0.7, 0.01), max(max(memory, default=inf) / 0.7, 20 * MIB)


def dockpulse(cpu: list[float], memory: list[float]) -> tuple[float, float]:
    size = max(1.2 * quantile(memory, 0.95), 16 * MIB)
    return max(1.2 * quantile(cpu, 0.95), 0.05), size if size == inf else ceil(size / (4 * MIB)) * 4.0 * MIB


def sized(trace: Trace, sizer: Sizer, cpu_max: float) -> Control:
    """The control that a sizer gives a container, for good."""
    cores, size = sizer(minutes(trace.cpu), list(trace.memory or ()))
    return Control(quota=min(cores, cpu_max), limit=size)


def minutes(values: array[float] | None) -> list[float]:
    parts = [] if values is None else [values[i : i + STEP_S] for i in range(0, len(values), STEP_S)]
    return [sum(part) / len(part) for part in parts]


def quantile(values: list[float], part: float) -> float:
    """Linear between ranks; without values: no bound."""
    if not values:
        return inf
    ranked, at = sorted(values), part * (len(values) - 1)
    low = int(at)
    return ranked[low] + (ranked[min(low + 1, len(ranked) - 1)] - ranked[low]) * (at - low)
