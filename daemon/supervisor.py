"""``wharfinger run``: agent and web side by side; a child that dies is started again, one Ctrl-C ends both."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from daemon import log as logs

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
WELL_AFTER_S = 60.0
"""A child that lived this long was well: its next backoff is the first again."""
PATIENCE_S = 10.0
USAGE = 2

Target = Callable[[], int]


@dataclass(slots=True)
class Child:
    """One process that is kept alive."""

    name: str
    target: Target
    process: BaseProcess | None = None
    started_at: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S
    due_at: float = 0.0
    restarts: int = field(default=0)


def next_backoff(lived_s: float, backoff_s: float) -> float:
    """Seconds to wait before the start after this one. Pure."""
    return FIRST_BACKOFF_S if lived_s >= WELL_AFTER_S else min(LONGEST_BACKOFF_S, backoff_s * 2)


def enter(target: Target) -> None:
    """First thing that runs in a child: its exit code is the process's."""
    raise SystemExit(target())


class Supervisor:
    """Starts the children, restarts them with backoff, stops them together."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children
        self._stopping = False
        self._read_end, self._write_end = os.pipe()
        self._context = multiprocessing.get_context("spawn")

    def run(self, log_level: str) -> int:
        """Until SIGTERM or SIGINT, or until a child refuses its settings. Exit code as in the contract."""
        logs.set_up(log_level, "wharfinger")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._told_to_stop())
        signal.signal(signal.SIGHUP, lambda *_: self._send(signal.SIGHUP))
        code = 0
        while not self._stopping:
            now = time.monotonic()
            for child in self._children:
                if child.process is None and child.due_at <= now:
                    self._start(child, now)
            code = self._wait(now)
            if code == USAGE:
                break
        self._end()
        return code

    def _told_to_stop(self) -> None:
        self._stopping = True
        os.write(self._write_end, b"x")

    def _start(self, child: Child, now: float) -> None:
        child.process = self._context.Process(target=enter, args=(child.target,), name=child.name)
        child.process.start()
        child.started_at = now

    def _wait(self, now: float) -> int:
        """Until a child ends, one is due, or we are told to stop. The exit code of a child that refused to start."""
        alive = [c for c in self._children if c.process is not None]
        due = [c.due_at - now for c in self._children if c.process is None]
        sentinels = [c.process.sentinel for c in alive if c.process is not None]
        wait([*sentinels, self._read_end], max(0.0, min(due)) if due else None)
        for child in alive:
            process = child.process
            if process is None or process.is_alive() or self._stopping:
                continue
            process.join()
            code, lived_s = process.exitcode or 0, time.monotonic() - child.started_at
            child.process = None
            if code == USAGE:
                return USAGE
            child.restarts += 1
            child.due_at = time.monotonic() + child.backoff_s
            log.error(
                "%s ended with %s after %.0f s; starting it again in %.1f s", child.name, code, lived_s, child.backoff_s
            )
            child.backoff_s = next_backoff(lived_s, child.backoff_s)
        return 0

    def _send(self, number: int) -> None:
        for child in self._children:
            if child.process is not None and child.process.pid is not None and child.process.is_alive():
                os.kill(child.process.pid, number)

    def _end(self) -> None:
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_S
        for child in self._children:
            if child.process is None:
                continue
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                log.error("%s did not end in %.0f s; killing it", child.name, PATIENCE_S)
                child.process.kill()
                child.process.join(1.0)
