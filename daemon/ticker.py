"""The clock of the agent: ticks on whole multiples of the interval; a late one is skipped, never made up for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

LONGEST_WAIT_MS = 10_000
"""The loop turns at least so often, however long the interval is."""


@dataclass(slots=True)
class TickRecord:
    """What is known of the ticks since the start."""

    ticks: int = 0
    late: int = 0
    """Ticks that were skipped because the one before them took too long."""
    clock_steps: int = 0
    """Times that wall time jumped by more than two intervals."""
    last_at_ms: int = 0
    last_s: float = 0.0
    seconds: float = 0.0
    last_lateness_s: float = 0.0
    last_late_at_ms: int = 0


def next_tick(at_ms: int, now_ms: int, interval_ms: int) -> tuple[int, int]:
    """The tick after ``at_ms``, and how many are skipped to get there. Pure.

    A tick may start late while its own interval lasts; one whose interval has passed is skipped.
    """
    due = at_ms + interval_ms
    skipped = max(0, (now_ms - due) // interval_ms)
    return due + skipped * interval_ms, skipped


class Ticker:
    """Calls ``tick(at_ms)`` on every multiple of the interval until told to stop."""

    def __init__(self, interval_s: float, tick: Callable[[int], None], clock_ms: Callable[[], int]) -> None:
        self._interval_ms = max(1, round(interval_s * 1000))
        self._tick, self._clock_ms = tick, clock_ms
        self.record = TickRecord()

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Until ``stop`` is set. Runs in the caller's thread; ``beat`` is called at every turn of the loop."""
        interval = self._interval_ms
        at = self._aligned(self._clock_ms())
        while not stop.wait(max(0, min(at - self._clock_ms(), 2 * interval, LONGEST_WAIT_MS)) / 1000):
            beat()
            began = self._clock_ms()
            if abs(began - at) > 2 * interval:
                log.warning("wall time jumped by %.1f s; ticks go on from the new time", (began - at) / 1000)
                self.record.clock_steps += 1
                at = self._aligned(began)
                continue
            if began < at:
                continue
            self._tick(at)
            ended = self._clock_ms()
            record = self.record
            record.ticks += 1
            record.last_at_ms, record.last_lateness_s = at, (began - at) / 1000
            record.last_s = max(0, ended - began) / 1000
            record.seconds += record.last_s
            at, skipped = next_tick(at, ended, interval)
            if skipped:
                record.late += skipped
                record.last_late_at_ms = at
                log.warning("a tick took %.2f s: %d skipped", record.last_s, skipped)

    def _aligned(self, now_ms: int) -> int:
        return -(-now_ms // self._interval_ms) * self._interval_ms
