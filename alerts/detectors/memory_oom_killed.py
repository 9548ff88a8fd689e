"""The kernel killed a process of the container for lack of memory.

Kernel: memory.events ``oom_kill`` (cgroup v2), memory.oom_control ``oom_kill`` (v1). A container that died of it is
known from its last event alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import Suspects, above
from alerts.words import handy_bytes, say_bytes, say_duration
from model.alert import Severity
from model.finding import Evidence, Finding
from model.limits import bounded
from model.sample import HOST_KEY, Snapshot
from storage.api import Recent

KILLS = "memory_oom_kills"


@dataclass(frozen=True, slots=True)
class MemoryOomKilled:
    """A finding for ``window_s`` after a kill. Critical, since work was lost."""

    name: str = "memory_oom_killed"
    window_s: float = 60.0
    suspects: Suspects = field(default_factory=lambda: Suspects(above(KILLS, 1.0, 60.0, function="max"), coverage=0.0))

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        kills: dict[str, tuple[str, float, int]] = {}
        for key, target in self.suspects.of(snapshot, recent):
            points = [p for p in recent.window(key, KILLS, self.window_s) if p[1] > 0]
            if points:
                kills[key] = (target.name, sum(value for _, value in points), points[0][0])
        for event in snapshot.events:
            died = event.kind == "stop" and event.detail.get("oom_killed") is True
            # a kill that one of several containers had, and nobody knows which, is no finding about each of them
            told = event.kind == "oom" and event.detail.get("among") in (None, 1)
            if (died or told) and event.container_id not in (HOST_KEY, *kills):
                kills[event.container_id] = (event.name, 1.0, event.at_ms)
        return [self._finding(snapshot, key, *kill) for key, kill in kills.items()]

    def _finding(self, snapshot: Snapshot, key: str, name: str, count: float, since_ms: int) -> Finding:
        limits = snapshot.limits.get(key)
        limit = bounded(limits.memory_bytes) if limits else None
        proposed = handy_bytes(1.5 * limit) if limit else None
        times = "a process" if count == 1 else f"{count:.0f} processes"
        if proposed and limit:
            at = f" at its limit of {say_bytes(limit)}"
            advice = "Raise its memory limit, or find what it keeps: work was lost."
        else:
            at = ""
            advice = "Work was lost. If it had no limit of its own, the host ran out of memory: see who uses most."
        return Finding(
            id="",
            at_ms=snapshot.at_ms,
            since_ms=since_ms,
            host=snapshot.host,
            container_id=key,
            name=name,
            detector=self.name,
            severity=Severity.CRITICAL,
            summary=f"Out of memory. The kernel killed {times} of it{at} within {say_duration(self.window_s)}.",
            evidence=(Evidence(KILLS, count, 0.0, self.window_s, "1"),),
            advice=advice,
            knob="memory" if proposed else None,
            proposed=proposed,
        )
