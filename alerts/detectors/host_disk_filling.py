"""A file system of the host is full, or will be soon."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import fact, told
from alerts.windows import growth_of
from alerts.words import plain, say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.metrics import base_name
from model.sample import Snapshot
from storage.api import Recent

KINDS: Mapping[str, str] = {"host_disk_used_ratio": "", "host_disk_inodes_used_ratio": " of its inodes"}
MOST_SERIES = 500


@dataclass(frozen=True, slots=True)
class HostDiskFilling:
    """One finding that names every file system of which ``near_ratio`` is used, or which grows steadily and is full
    within ``horizon_s``. Growth is looked for over up to six hours, in steps of ``step_s``, from one hour on.
    Critical from ``full_ratio``, or within ``critical_s``."""

    name: str = "host_disk_filling"
    near_ratio: float = 0.9
    full_ratio: float = 0.97
    least_ratio: float = 0.5
    horizon_s: float = 86_400.0
    critical_s: float = 7200.0
    step_s: float = 300.0
    steps: int = 72
    least_steps: int = 12
    known: dict[str, deque[tuple[int, float]]] = field(default_factory=dict)

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        del recent
        said, facts, severity = [], [], Severity.WARNING
        for metric, used in snapshot.host_sample.values.items():
            if base_name(metric) not in KINDS:
                continue
            left_s = self._left_s(metric, used, snapshot.at_ms)
            if used < self.near_ratio and left_s is None:
                continue
            mount = plain(metric.partition("{")[2].rstrip("}"), 200)
            text = f"{mount} has {say_ratio(used)}{KINDS[base_name(metric)]} in use"
            said.append(text + (f" and is full in about {say_duration(left_s)}" if left_s is not None else ""))
            facts.append(Evidence(metric, used, self.near_ratio, 0.0, "ratio"))
            if left_s is not None:
                facts.append(fact("host_disk_time_to_full_s", left_s, self.horizon_s, self.step_s * self.steps))
            if used >= self.full_ratio or (left_s is not None and left_s < self.critical_s):
                severity = Severity.CRITICAL
        if not said:
            return []
        of_inodes = any(base_name(e.metric) == "host_disk_inodes_used_ratio" for e in facts)
        return [
            told(
                snapshot,
                None,
                self.name,
                severity,
                summary=f"Disk fills up: {'; '.join(said)}.",
                evidence=facts,
                advice=(
                    "Find what grows ('docker system df', logs, /var/lib/docker), and remove it or give it room."
                    + (
                        " Inodes go with many small files: 'du --inodes -x /' shows where they lie."
                        if of_inodes
                        else ""
                    )
                ),
            )
        ]

    def _left_s(self, metric: str, used: float, at_ms: int) -> float | None:
        """Seconds until it is full at its steady growth; None where it does not grow, or not for long enough."""
        points = self.known.setdefault(metric, deque(maxlen=self.steps))
        if points and at_ms < points[-1][0]:
            points.clear()
        if not points or at_ms - points[-1][0] >= self.step_s * 1000:
            points.append((at_ms, used))
        while len(self.known) > MOST_SERIES:
            del self.known[next(iter(self.known))]
        if used < self.least_ratio or len(points) < self.least_steps:
            return None
        growth = growth_of(tuple(points))
        if growth is None or growth.low <= 0 or growth.recent < 0.5 * growth.middle:
            return None
        left_s = max(0.0, 1 - used) / growth.middle
        return left_s if left_s <= min(self.horizon_s, 5 * growth.span_s) else None
