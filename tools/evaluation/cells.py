"""What is run: sets of traces, noise, bursts, policies, seeds; and the running of it, spread over processes.

Finished runs are kept in ``build/evaluation.jsonl``, so that an evaluation that was cut off goes on where it was; they
count only for the laws, the simulator and the baselines that they were made with.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from backtest.noise import synthetic_memory
from backtest.report import Row
from backtest.run import bursty, run_job
from backtest.simulator import Options
from backtest.trace import Trace, public

ROOT = Path(__file__).resolve().parent.parent.parent
HOUR = 3600
CVS = (0.3, 0.6, 1.0)
BURSTS = ("ar10", "on5/45", "on30/120", "cron")
TARGETS = (".0003", ".001", ".003", ".01", ".03", ".1", ".3", ".8")
CAPTAIN = ("captain-.02", "captain-.05", "captain-.1", "captain-.3")
VPA = ("vpa-live-1.5", "vpa-live-2", "vpa-live-3")
OURS = ("latency", "balanced", "dense")
CPU_POLICIES = (*OURS, *(f"law-{target}" for target in TARGETS), *CAPTAIN, *VPA, "unlimited")
"""``unlimited`` says what is lost to ``--cpu-max`` whatever the policy does."""
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
    """All of ``make evaluation``: seed by seed, so that a cut-off one has whole seeds; of each the longest first."""
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
    return sorted(out, key=lambda cell: (cell.seed, -weight(cell)))


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


def run_all(todo: list[Cell], kept: Path, minutes: float, workers: int) -> dict[Cell, Row]:
    """The cells that are kept or could be run in time, on so many cores; each is kept when it is done."""
    rows, stamp, ends = {cell: row for cell, row in read_kept(kept) if cell in set(todo)}, version(), 60 * minutes
    ends += time.monotonic()
    waiting = iter([cell for cell in todo if cell not in rows])
    kept.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool, kept.open("a") as file:
        running: dict[Future[Row], Cell] = {}
        while True:
            while len(running) < workers and time.monotonic() < ends and (cell := next(waiting, None)) is not None:
                running[pool.submit(run_cell, cell)] = cell
            if not running:
                return rows
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                cell = running.pop(done)
                rows[cell] = done.result()
                file.write(json.dumps({"version": stamp, "cell": asdict(cell), "row": rows[cell]}) + "\n")
                file.flush()


def read_kept(kept: Path) -> Iterator[tuple[Cell, Row]]:
    """Runs of an evaluation that was cut off, of the present version; a line cut short is left out."""
    for line in kept.read_text().splitlines() if kept.exists() else ():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if found["version"] == version():
            yield Cell(**found["cell"]), found["row"]


def version() -> str:
    """Of what the numbers come from: the laws, the simulator, the baselines, and these cells."""
    paths = [ROOT / "limits/cpu_law.py", ROOT / "limits/memory_law.py", Path(__file__)]
    paths += sorted((ROOT / "backtest").rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]
