"""Runs policies over traces, each with several seeds, spread over processes; the answer is the contract's JSON form."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from backtest import policies
from backtest.noise import with_bursts
from backtest.report import Row, of_run, over_seeds
from backtest.simulator import Options, simulate
from backtest.trace import Trace

Job = tuple[str, tuple[Trace, ...], Options, int]


def judge(
    traces: Sequence[Trace],
    names: Sequence[str],
    *,
    seeds: int = 1,
    options: Options | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """``{"traces", "seeds", "policies": {name: {metric: {mean, min, max}}}}``. Raises UsageError before it starts.

    ``workers``: processes; 1: in this one. Traces of unlike length are run apart, each to its own end.
    """
    chosen = options or Options()
    for name in names:
        policies.check(name)
    jobs: list[Job] = [(name, tuple(traces), chosen, seed) for name in names for seed in range(1, seeds + 1)]
    rows = each(run_job, jobs, workers)
    return {
        "traces": [trace.name for trace in traces],
        "seeds": seeds,
        "policies": {
            name: over_seeds([row for job, row in zip(jobs, rows, strict=True) if job[0] == name]) for name in names
        },
    }


def run_job(job: Job) -> Row:
    """One policy, one seed."""
    name, traces, options, seed = job
    totals = []
    for seconds in sorted({len(trace) for trace in traces}):
        alike = [trace for trace in traces if len(trace) == seconds]
        totals += simulate(alike, policies.fleet_of(name, alike, options), options, seed)
    return of_run(totals)


def each(work: Callable[[Job], Row], jobs: Sequence[Job], workers: int | None = None) -> list[Row]:
    """``work`` on every job, in their order."""
    count = min(len(jobs), workers or os.cpu_count() or 1)
    if count <= 1:
        return [work(job) for job in jobs]
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(work, jobs))


def bursty(traces: Sequence[Trace], kind: str, seed: int) -> tuple[Trace, ...]:
    """The traces with bursts of seconds over them (:data:`backtest.noise.BURSTS`)."""
    return tuple(
        replace(trace, cpu=None if trace.cpu is None else with_bursts(trace.cpu, kind, seed * 100 + number))
        for number, trace in enumerate(traces)
    )
