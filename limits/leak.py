"""Is it a leak? Memory whose low points only rise is given double at most within a day, and told. Pure.

What a container frees again and again is work; what its quietest moment of an hour still holds, and more of in
each third of the hour, is not. Feeding a leak only moves its end, and takes from the others.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Final

from limits.sizes import MIB, say_bytes, say_clock

WINDOW_S: Final = 1200.0
WINDOWS: Final = 3
RISE_LEAST: Final = 4 * MIB
"""A low point less than this above the one before has not risen."""
MOST: Final = 2.0
DAY_MS: Final = 86_400_000


class LeakWatch:
    """Minima of the working set by windows of twenty minutes. :meth:`see` is called at every tick."""

    def __init__(self) -> None:
        self._minima: deque[float] = deque(maxlen=WINDOWS + 1)
        self._least, self._age = float("inf"), 0.0
        self.baseline: float | None = None
        """Limit when the leak was recognised."""
        self._until_ms = 0

    @property
    def rate(self) -> float:
        """Growth of the low points in bytes a second; 0 before there are enough."""
        if len(self._minima) < 2:
            return 0.0
        return max(0.0, (self._minima[-1] - self._minima[0]) / ((len(self._minima) - 1) * WINDOW_S))

    def see(self, used: float, limit: float, elapsed_s: float, now_ms: int) -> None:
        self._least = min(self._least, used)
        self._age += elapsed_s
        if self._age >= WINDOW_S:
            self._minima.append(self._least)
            self._least, self._age = float("inf"), 0.0
            if self.leaks() and (self.baseline is None or now_ms >= self._until_ms):
                self.baseline, self._until_ms = limit, now_ms + DAY_MS
            elif not self.leaks():
                self.baseline = None

    def leaks(self) -> bool:
        """Did the low point rise in three windows running?"""
        lows = list(self._minima)
        return len(lows) > WINDOWS and all(later - earlier >= RISE_LEAST for earlier, later in pairwise(lows))

    def most(self) -> float:
        """The limit beyond which it is not fed."""
        return float("inf") if self.baseline is None else MOST * self.baseline

    def words(self, used: float, limit: float, now_ms: int) -> str:
        """Why it is not fed further, and when it will end."""
        end = ""
        if self.rate > 0:
            end = f"; at this rate it is full at {say_clock(now_ms + round(1000 * (limit - used) / self.rate))}"
        grown = f"its low point has risen for an hour by {say_bytes(3600 * self.rate)}/h"
        return f"{grown}, as a leak does: it was given double already, and is not fed further{end}"
