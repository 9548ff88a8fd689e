"""Before memory is taken back on cgroup v2: ``memory.high`` goes first, for a minute. Pure.

``memory.max`` below what is in use kills at once there, and nothing says beforehand whether the cache that it would
cost is missed. ``memory.high`` at the same place only reclaims: what hurts shows, and is undone without harm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from limits.rollback import harm

HOLD_MS: Final = 60_000
FULL_MOST: Final = 0.001
"""Share of the minute in which nothing of the container may have run for lack of memory."""
USED_MOST: Final = 0.95


@dataclass(slots=True)
class Probe:
    """One trial: where ``memory.high`` stands, since when, and what was usual before."""

    target: float
    since_ms: int
    usual: Mapping[str, float]
    stalls: deque[float] = field(default_factory=lambda: deque(maxlen=10))
    full: float = 0.0
    """Seconds of PSI ``full`` in all."""

    def hurts(self, values: Mapping[str, float], used: float, elapsed_s: float) -> str | None:
        """Why it ends without a lowering; None: it goes on."""
        if used > USED_MOST * self.target:
            return "it grew"
        self.full += elapsed_s * values.get("memory_pressure_full_ratio", 0.0)
        if self.full > FULL_MOST * HOLD_MS / 1000:
            return "it was stalled"
        killed = values.get("memory_oom_kills", 0.0) > 0
        return harm(values, self.usual, self.stalls, killed=killed)

    def passed(self, now_ms: int) -> bool:
        return now_ms - self.since_ms >= HOLD_MS
