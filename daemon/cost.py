"""What we cost: processor time and memory of our own processes, and the time that the runtimes' daemons use.

A share is that of the last look's interval. What a runtime's daemon uses is all of its work, for whomever: the
part that we cause is the difference to a time without us (measured: ``docs/benchmarks.md``).
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 10.0
FIND_EVERY = 6
"""Looks between two searches for the runtimes' processes."""
RUNTIMES = frozenset({"dockerd", "containerd", "podman", "crio"})
DAEMONS = {"docker": "dockerd"}
"""Runtime → its daemon's name, where they differ."""
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process or several of one name, at one moment."""

    cpu_s: float
    memory_bytes: int
    """PSS of our own processes where it may be read, else the resident size."""


def usage_of(proc: str, pids: Iterable[int], *, pss: bool) -> Usage | None:
    """Sum over these processes (proc(5): stat 14, 15, 24; smaps_rollup); None when none of them is there."""
    cpu, memory, found = 0, 0, False
    for pid in pids:
        try:
            fields = Path(f"{proc}/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if len(fields) < 22:
            continue
        found = True
        cpu += int(fields[11]) + int(fields[12])
        memory += (pss_of(proc, pid) if pss else None) or int(fields[21]) * PAGE
    return Usage(cpu / TICKS, memory) if found else None


def pss_of(proc: str, pid: int) -> int | None:
    """Proportional set size in bytes; None where the kernel or the rights do not give it."""
    try:
        text = Path(f"{proc}/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), None)


def find(proc: str, names: frozenset[str]) -> dict[str, tuple[int, ...]]:
    """Name → pids of the processes that go by one of these names."""
    found: dict[str, list[int]] = {}
    try:
        pids = [int(folder.name) for folder in Path(proc).iterdir() if folder.name.isdigit()]
    except OSError:
        return {}
    for pid in pids:
        try:
            name = Path(f"{proc}/{pid}/comm").read_text(errors="replace").strip()
        except OSError:
            continue
        if name in names:
            found.setdefault(name, []).append(pid)
    return {name: tuple(pids) for name, pids in sorted(found.items())}


def supervisor_pid() -> int | None:
    """The process that started us as its child; None where we were started alone."""
    parent = multiprocessing.parent_process()
    return parent.pid if parent is not None else None


class Cost:
    """Looks every ten seconds (a job); tells the last look. ``name``: what this process is, agent or web."""

    def __init__(
        self,
        name: str,
        host_proc: str = "/proc",
        *,
        others: bool = True,
        asked: Callable[[], Mapping[str, tuple[int, float]]] = dict,
    ) -> None:
        """``others``: the supervisor and the runtimes too; one of the two processes does that. ``asked``: runtime →
        requests that we made of it, and the seconds that their answers took; from any thread."""
        self._name, self._host_proc, self._others, self._asked = name, host_proc, others, asked
        self._lock = threading.Lock()
        self._looks = 0
        self._runtimes: dict[str, tuple[int, ...]] = {}
        self._last: dict[str, tuple[int, Usage]] = {}
        self._said: dict[str, dict[str, float | None]] = {}

    def job(self, now_ms: int) -> float:
        """Read everything once."""
        found = self._read()
        with self._lock:
            said = {}
            for name, usage in found.items():
                before_ms, before = self._last.get(name, (0, None))
                share = None
                if before is not None and now_ms > before_ms and usage.cpu_s >= before.cpu_s:
                    share = (usage.cpu_s - before.cpu_s) / ((now_ms - before_ms) / 1000)
                said[name] = {"cpu_seconds": usage.cpu_s, "cpu_cores": share, "memory_bytes": usage.memory_bytes}
                self._last[name] = (now_ms, usage)
            self._said = said
        return LOOK_S

    def _read(self) -> dict[str, Usage]:
        found = {self._name: usage_of("/proc", (os.getpid(),), pss=True)}
        parent = supervisor_pid()
        if self._others and parent is not None:
            found["supervisor"] = usage_of("/proc", (parent,), pss=True)
        if self._others:
            if self._looks % FIND_EVERY == 0:
                self._runtimes = find(self._host_proc, RUNTIMES)
            self._looks += 1
            for name, pids in self._runtimes.items():
                found[name] = usage_of(self._host_proc, pids, pss=False)
        return {name: usage for name, usage in found.items() if usage is not None}

    def said(self) -> Mapping[str, Mapping[str, float | None]]:
        """Process name → ``cpu_seconds``, ``cpu_cores`` (None before the second look), ``memory_bytes``; of a runtime
        that we asked something ``requests`` and ``request_seconds`` as well. Any thread."""
        with self._lock:
            said = dict(self._said)
        return with_requests(said, self._asked())

    def numbers(self) -> dict[str, float]:
        """The same by Prometheus name. Any thread."""
        return numbers_of(self.said()) | request_numbers(self._asked())


def in_all(*parts: Callable[[], Mapping[str, tuple[int, float]]]) -> Callable[[], Mapping[str, tuple[int, float]]]:
    """What several parts of the house asked of the runtimes, put together."""

    def asked() -> dict[str, tuple[int, float]]:
        found: dict[str, tuple[int, float]] = {}
        for part in parts:
            for runtime, (requests, seconds) in part().items():
                before = found.get(runtime, (0, 0.0))
                found[runtime] = before[0] + requests, before[1] + seconds
        return found

    return asked


def with_requests(
    said: Mapping[str, Mapping[str, float | None]], asked: Mapping[str, tuple[int, float]]
) -> dict[str, dict[str, float | None]]:
    """What each process costs, and at a runtime's daemon what we asked of it, though the process be not found. Pure."""
    found = {process: dict(values) for process, values in said.items()}
    for runtime, (requests, seconds) in asked.items():
        if requests:
            unseen: dict[str, float | None] = {"cpu_seconds": None, "cpu_cores": None, "memory_bytes": None}
            values = found.setdefault(DAEMONS.get(runtime, runtime), unseen)
            values |= {"requests": float(requests), "request_seconds": round(seconds, 6)}
    return found


def numbers_of(said: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    """``wharfinger_own_*`` of our processes, ``wharfinger_runtime_*`` of the runtimes' daemons. Pure."""
    numbers: dict[str, float] = {}
    for process, values in said.items():
        kind = "runtime" if process in RUNTIMES else "own"
        for field, name in (("cpu_seconds", "cpu_seconds_total"), ("memory_bytes", "memory_bytes")):
            value = values[field]
            if value is not None:
                numbers[f'wharfinger_{kind}_{name}{{process="{process}"}}'] = float(value)
    return numbers


def request_numbers(asked: Mapping[str, tuple[int, float]]) -> dict[str, float]:
    """What we asked of the runtimes: requests, and the seconds they took to answer, by Prometheus name. Pure."""
    numbers: dict[str, float] = {}
    for runtime, (requests, seconds) in asked.items():
        numbers[f'wharfinger_runtime_requests_total{{runtime="{runtime}"}}'] = float(requests)
        numbers[f'wharfinger_runtime_request_seconds_total{{runtime="{runtime}"}}'] = seconds
    return numbers
