"""Its memory is too small for what it works on: pages are thrown out and read again, and all of its tasks wait.

Kernel: Documentation/accounting/psi.rst (memory full), Documentation/admin-guide/cgroup-v2.rst (workingset_refault_*).
Where refaults are not counted (cgroup v1), major faults stand for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import Suspects, above, average, fact, told
from alerts.words import handy_bytes, say_duration, say_ratio
from model.alert import Severity
from model.finding import Finding
from model.limits import bounded
from model.sample import Snapshot
from storage.api import Recent

FULL = "memory_pressure_full_ratio"
REFAULTS = "memory_refaults_per_second"
MAJOR = "memory_major_faults_per_second"


@dataclass(frozen=True, slots=True)
class MemoryThrash:
    """A finding while all tasks waited for memory in ``full_ratio`` of ``window_s`` and pages came back at ``refaults``
    a second (or ``major_faults`` where refaults are unknown). Critical from ``critical_ratio``."""

    name: str = "memory_thrash"
    window_s: float = 30.0
    full_ratio: float = 0.1
    critical_ratio: float = 0.5
    refaults: float = 100.0
    major_faults: float = 50.0
    suspects: Suspects = field(default_factory=lambda: Suspects(above(FULL, 0.1, 30.0)))

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        found = []
        for key, target in self.suspects.of(snapshot, recent):
            full = average(recent, key, FULL, self.window_s, snapshot.interval_s)
            metric, least = REFAULTS, self.refaults
            rate = average(recent, key, REFAULTS, self.window_s, snapshot.interval_s)
            if rate is None:
                metric, least = MAJOR, self.major_faults
                rate = average(recent, key, MAJOR, self.window_s, snapshot.interval_s)
            if full is None or full < self.full_ratio or rate is None or rate < least:
                continue
            limits = snapshot.limits.get(key)
            limit = bounded(limits.memory_bytes) if limits else None
            found.append(
                told(
                    snapshot,
                    target,
                    self.name,
                    Severity.CRITICAL if full >= self.critical_ratio else Severity.WARNING,
                    summary=(
                        f"Thrashes. All of its tasks waited for memory in {say_ratio(full)} of the last "
                        f"{say_duration(self.window_s)}, while {rate:.0f} pages a second came back just after they "
                        "were thrown out."
                    ),
                    evidence=(
                        fact(FULL, full, self.full_ratio, self.window_s),
                        fact(metric, rate, least, self.window_s),
                    ),
                    advice=(
                        "Raise its memory limit: what it works on does not fit."
                        if limit
                        else "Nothing limits it: the host is short of memory. See who uses most of it."
                    ),
                    knob="memory" if limit else None,
                    proposed=handy_bytes(1.25 * limit) if limit else None,
                )
            )
        return found
