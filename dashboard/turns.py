"""Who may make an answer now: a few at once, the others wait; so that many who ask cannot fill the memory.

The interpreter runs one thread at a time, so that twenty answers made together are not ready sooner than twenty made
one after the other; they only take twenty times the memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dashboard.errors import Problem

SMALL_AT_ONCE: Final = 1
WITH_REMOTE: Final = 3
"""Where another machine's store is asked, most of the time is spent waiting for it."""
SMALL_WAITING: Final = 64
LARGE_AT_ONCE: Final = 1
LARGE_WAITING: Final = 4
"""Each who waits holds a thread; the others have to be left for the rest of the page."""


class Turns:
    """Thread-safe."""

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self._places = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._most_waiting = most_waiting
        self._waiting = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """As soon as it is our turn. Raises Problem 503 where too many wait already."""
        if not self._places.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._places.release()

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._most_waiting:
                raise Problem(503, "others wait for answers of this size already; ask again, or for fewer values")
            self._waiting += 1
        self._places.acquire()
        with self._lock:
            self._waiting -= 1


class Desk:
    """The turns of questions about history by the size of their answers."""

    def __init__(self, *, remote: bool) -> None:
        self.small: Final = Turns(WITH_REMOTE if remote else SMALL_AT_ONCE, SMALL_WAITING)
        self.large: Final = Turns(LARGE_AT_ONCE, LARGE_WAITING)
