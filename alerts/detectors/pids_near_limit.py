"""Near its limit of processes and threads: the next fork fails, often with a strange message.

Kernel: Documentation/admin-guide/cgroup-v2.rst (pids.max).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import Suspects, above, fact, told
from alerts.words import say_ratio
from model.alert import Severity
from model.finding import Finding
from model.sample import Snapshot
from storage.api import Recent

PIDS, LIMIT = "pids", "pids_limit"


@dataclass(frozen=True, slots=True)
class PidsNearLimit:
    """A finding while at least ``near_ratio`` of the limit is in use in each second of ``window_s``; critical from
    ``full_ratio``."""

    name: str = "pids_near_limit"
    window_s: float = 5.0
    near_ratio: float = 0.9
    full_ratio: float = 0.98
    suspects: Suspects = field(default_factory=lambda: Suspects(above(PIDS, 0.9, 5.0, function="min", divisor=LIMIT)))

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        found = []
        for key, target in self.suspects.of(snapshot, recent):
            values = snapshot.samples[key].values
            pids, limit = values.get(PIDS), values.get(LIMIT)
            points = recent.window(key, PIDS, self.window_s)
            if pids is None or not limit or len(points) * snapshot.interval_s < self.window_s:
                continue
            if min(value for _, value in points) < self.near_ratio * limit:
                continue
            found.append(
                told(
                    snapshot,
                    target,
                    self.name,
                    Severity.CRITICAL if pids >= self.full_ratio * limit else Severity.WARNING,
                    summary=(
                        f"Close to its limit of processes and threads. Has {pids:.0f} of {limit:.0f} "
                        f"({say_ratio(pids / limit)}); beyond it no process or thread can be started."
                    ),
                    evidence=(fact(PIDS, pids, self.near_ratio * limit, self.window_s), fact(LIMIT, limit, None, 0.0)),
                    advice="Look for threads or child processes that never end; raise --pids-limit if it needs them.",
                )
            )
        return found
