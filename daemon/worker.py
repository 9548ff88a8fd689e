"""A thread that does one job again and again, away from the clock of the tick."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from daemon.clock import now_ms

log = logging.getLogger(__name__)

Job = Callable[[int], float]
"""Takes ``now_ms``, returns the seconds until it wants to be called again (0: at once)."""

BACKOFF_MAX_S = 30.0


class Worker:
    """Runs ``job`` in a thread of its own. A job that raises is logged once a fault, counted, and tried again later."""

    def __init__(self, name: str, job: Job) -> None:
        self.name = name
        self.failures = 0
        self.fault = ""
        self._job = job
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Run the job now rather than later. Any thread."""
        self._wake.set()

    def ask_to_stop(self) -> None:
        """The job that runs now is the last."""
        self._stopping.set()
        self._wake.set()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ask the thread to end and wait; False when it still runs after the time-out."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        in_a_row = 0
        while not self._stopping.is_set():
            try:
                wait_s = self._job(now_ms())
                in_a_row, self.fault = 0, ""
            except Exception as error:
                if self._stopping.is_set():
                    return
                fault = f"{type(error).__name__}: {error}"
                self.failures += 1
                in_a_row += 1
                if fault != self.fault:
                    log.exception("worker %s failed; it tries again", self.name)
                self.fault = fault
                wait_s = min(BACKOFF_MAX_S, 2.0 ** min(in_a_row, 5))
            self._wake.wait(max(0.0, wait_s))
            self._wake.clear()
