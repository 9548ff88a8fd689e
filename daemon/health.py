"""How the daemon is: the parts of ``/readyz``, and its own numbers for ``/metrics``."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.steps import Steps
from daemon.ticker import TickRecord
from model.live import PartState

StateOf = Callable[[], tuple[str, str]]
"""Answers (state, detail); state: ok, degraded, down or off."""

RECENTLY_MS = 60_000


class Health:
    """Asks every part how it is and remembers since when. Any thread: the tick and ``status`` both ask."""

    def __init__(self, parts: Mapping[str, StateOf]) -> None:
        self._parts = dict(parts)
        self._known: dict[str, PartState] = {}
        self._turn = threading.Lock()

    def parts(self, now_ms: int) -> tuple[PartState, ...]:
        """Every part, in the order given; ``since_ms`` is when its state last changed."""
        with self._turn:
            for name, state_of in self._parts.items():
                state, detail = state_of()
                before = self._known.get(name)
                since_ms = before.since_ms if before is not None and before.state == state else now_ms
                self._known[name] = PartState(name, state, since_ms, detail)
            return tuple(self._known[name] for name in self._parts)


def step_state(steps: Steps, *names: str) -> tuple[str, str]:
    """State of a part that is made of steps: degraded while the last run of one of them failed."""
    faults = [f"{name}: {fault}" for name in names if (fault := steps.fault_of(name))]
    return ("degraded", "; ".join(faults)) if faults else ("ok", "")


def tick_state(record: TickRecord, steps: Steps) -> tuple[str, str]:
    """State of the tick: degraded when one was skipped within the last minute or collecting failed."""
    if fault := steps.fault_of("collect"):
        return "degraded", fault
    if record.last_late_at_ms and record.last_at_ms - record.last_late_at_ms < RECENTLY_MS:
        return "degraded", f"{record.late} ticks skipped since the start; the last one took {record.last_s:.2f} s"
    return "ok", ""


def process_numbers() -> dict[str, float]:
    """What this process costs: CPU seconds, resident bytes, open descriptors, threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "wharfinger_process_cpu_seconds_total": usage.ru_utime + usage.ru_stime,
        "wharfinger_process_resident_memory_bytes": float(pages * os.sysconf("SC_PAGE_SIZE")),
        "wharfinger_process_open_fds": float(open_descriptors()),
        "wharfinger_process_threads": float(sum(1 for _ in Path("/proc/self/task").iterdir())),
    }


def open_descriptors(folder: str = "/proc/self/fd") -> int:
    """How many files this process has open. From Linux 6.2 on the folder's size says it; to list it takes 15 to 50 ms
    with those of a thousand containers open, in which no tick can begin."""
    return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208 - neither takes a Path for less


def tick_numbers(record: TickRecord, steps: Steps) -> dict[str, float]:
    """The tick's and its steps' own numbers, by Prometheus name with labels."""
    numbers = {
        "wharfinger_ticks_total": float(record.ticks),
        "wharfinger_late_ticks_total": float(record.late),
        "wharfinger_clock_steps_total": float(record.clock_steps),
        "wharfinger_tick_seconds_total": record.seconds,
        "wharfinger_tick_last_seconds": record.last_s,
        "wharfinger_tick_lateness_seconds": record.last_lateness_s,
    }
    for name, step in steps.records().items():
        numbers[f'wharfinger_step_seconds_total{{step="{name}"}}'] = step.seconds
        numbers[f'wharfinger_step_failures_total{{step="{name}"}}'] = float(step.failures)
    return numbers


def push_numbers(counters: Mapping[str, int]) -> dict[str, float]:
    """What waits for InfluxDB, and what became of the rest, by Prometheus name. ``counters``: the sender's. Pure."""
    numbers = {
        "wharfinger_spool_bytes": float(counters["spool_bytes"]),
        "wharfinger_spool_dropped_lines_total": float(counters["lines_dropped"]),
    }
    for name in ("lines_accepted", "lines_rejected", "requests", "requests_failed"):
        numbers[f"wharfinger_influxdb_{name}_total"] = float(counters[name])
    return numbers
