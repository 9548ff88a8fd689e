"""What is run: sets of traces, noise, bursts, policies, seeds; and the running of it, spread over processes."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from backtest.noise import synthetic_memory
from backtest.report import Row
from backtest.run import bursty, run_job
from backtest.simulator import Options
from backtest.trace import Trace, public

HOUR = 3600
CVS = (0.3, 0.6, 1.0)
BURSTS = ("ar10", "on5/45", "on30/120", "cron")
TARGETS = (".0003", ".001", ".003", ".01", ".03", ".1", ".3", ".8")
CAPTAIN = ("captain-.02", "captain-.05", "captain-.1", "captain-.3")
VPA = ("vpa-live-1.5", "vpa-live-2", "vpa-live-3")
OURS = ("latency", "balanced", "dense")
CPU_POLICIES = (*OURS, *(f"law-{target}" for target in TARGETS), *CAPTAIN, *VPA)
MEMORY_POLICIES = ("balanced", "vpa-live-1", "krr", "kubecost", "dockpulse", "static")


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: everything that names it."""

    group: str
    bursts: str
    cv: float
    policy: str
    seed: int
    cgroup: str = "v1"


def cells(seeds: int) -> list[Cell]:
    """All of ``make evaluation``; the longest first, so that no process is left with one at the end."""
    all_seeds = range(1, seeds + 1)
    out = [
        Cell(group, "none", cv, policy, seed)
        for group in ("nab", "vasim", "rps")
        for cv in CVS
        for policy in CPU_POLICIES
        for seed in all_seeds
    ]
    out += [
        Cell("rps", bursts, 0.6, policy, seed) for bursts in BURSTS for policy in CPU_POLICIES for seed in all_seeds
    ]
    out += [
        Cell("memory", "none", 0.6, policy, seed, cgroup)
        for policy in MEMORY_POLICIES
        for cgroup in (("v1", "v2") if policy == "balanced" else ("v1",))
        for seed in all_seeds
    ]
    return sorted(out, key=weight, reverse=True)


def weight(cell: Cell) -> float:
    """About how long it takes."""
    size = {"nab": 40, "vasim": 8, "rps": 4, "memory": 360}[cell.group]
    return size * (3 if cell.policy in OURS or cell.policy.startswith("captain") else 1)


def traces_of(cell: Cell) -> tuple[Trace, ...]:
    """``nab``: the first four hours of each of the ten; ``vasim``: four windows of an hour of each of the two."""
    if cell.group == "memory":
        memory = synthetic_memory(cell.seed + 2, 40, 3 * HOUR)
        return tuple(Trace(f"synthetic/{n}", None, values) for n, values in enumerate(memory))
    traces = public(cell.group)
    if cell.group == "nab":
        traces = tuple(trace.window(0, 4 * HOUR) for trace in traces)
    elif cell.group == "vasim":
        traces = tuple(trace.window(day * 24 * HOUR, 2 * HOUR) for trace in traces for day in (0, 2, 4, 6))
    return bursty(traces, cell.bursts, cell.seed)


def run_cell(cell: Cell) -> Row:
    options = replace(Options(), cv=cell.cv, cgroup=cell.cgroup)
    return run_job((cell.policy, traces_of(cell), options, cell.seed))


def run_all(todo: list[Cell]) -> dict[Cell, Row]:
    """Every cell on all cores."""
    with ProcessPoolExecutor(os.cpu_count() or 1, multiprocessing.get_context("spawn")) as pool:
        return dict(zip(todo, pool.map(run_cell, todo), strict=True))
