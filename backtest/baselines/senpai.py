"""Senpai: ``memory.high`` lowered until the container feels pressure, and raised when it does.

After the description of Meta's senpai and TMO (ASPLOS 2022): each six seconds the pressure of the interval against
10 ms. Pressure is taken from stalls: a second in which growth was stopped at ``memory.high`` is a second of it.
It bounds no kill: ``memory.max`` stays as it was.
"""

from __future__ import annotations

from backtest.simulator import Control, Seen
from limits.sizes import MIB

INTERVAL_S = 6
PRESSURE_US = 10_000
PROBE, BACKOFF = 0.01, 1.0
COEFFICIENT_PROBE, COEFFICIENT_BACKOFF = 10, 20
LEAST = 100.0 * MIB
GRACE_S = 5


class Senpai(Control):
    def __init__(self, quota: float, limit: float) -> None:
        super().__init__(quota=quota, limit=limit)
        self._integral, self._grace = 0, 0

    def second(self, seen: Seen) -> None:
        if seen.memory is None:
            return
        if self.high > self.limit:
            self.high = max(seen.memory, LEAST)
        self._integral += 1_000_000 * seen.stalled
        if self._integral > PRESSURE_US:
            more = min((self._integral / PRESSURE_US / COEFFICIENT_BACKOFF) ** 2 * BACKOFF, BACKOFF)
            self.high, self._integral, self._grace = min(self.high * (1 + more), self.limit), 0, GRACE_S
        elif self._grace:
            self._grace -= 1
        else:
            less = min((PRESSURE_US / max(self._integral, 1) / COEFFICIENT_PROBE) ** 2 * PROBE, PROBE)
            self.high = max(self.high * (1 - less), LEAST, 0.0)
            self._integral, self._grace = 0, INTERVAL_S - 1
