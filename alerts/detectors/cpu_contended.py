"""Waits for CPU although no quota holds it: the host, or the part of it that it may run on, is what is short.

Kernel: Documentation/accounting/psi.rst. Pressure without throttling means that a higher quota would change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.detectors.processors import Crowd, Processors
from alerts.detectors.suspects import Suspects, above, fact, told
from alerts.windows import mean
from alerts.words import say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.sample import Snapshot
from model.target import Target
from storage.api import Recent

PRESSURE = "cpu_pressure_some_ratio"
SHARE = "cpu_throttled_periods_ratio"


@dataclass(frozen=True, slots=True)
class CpuContended:
    """A finding while tasks waited for CPU in ``waits_ratio`` of ``window_s``, fewer than ``throttled_ratio`` of the
    periods were throttled, and the host's processors, or those that it is pinned to, were ``busy_ratio`` busy. Half of
    the window must be there.
    """

    name: str = "cpu_contended"
    window_s: float = 30.0
    waits_ratio: float = 0.4
    throttled_ratio: float = 0.01
    busy_ratio: float = 0.85
    suspects: Suspects = field(default_factory=lambda: Suspects(above(PRESSURE, 0.4, 30.0)))

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        suspects = self.suspects.of(snapshot, recent)
        processors = Processors(snapshot, recent, self.window_s)
        found = []
        for key, target in suspects:
            crowd = processors.around(key)
            if crowd is None or crowd.busy < self.busy_ratio:
                continue
            waits = recent.window(key, PRESSURE, self.window_s)
            if len(waits) * snapshot.interval_s < self.window_s / 2 or mean(waits) < self.waits_ratio:
                continue
            if mean(recent.window(key, SHARE, self.window_s)) < self.throttled_ratio:
                found.append(self._finding(snapshot, target, mean(waits), crowd, waits[0][0]))
        return found

    def _finding(self, snapshot: Snapshot, target: Target, waits: float, crowd: Crowd, since_ms: int) -> Finding:
        if crowd.cpus is None:
            what, metric = "Waits for CPU that others use", "host_cpu_busy_ratio"
            advice = "A higher CPU limit changes nothing here: give it a larger CPU weight, or move work off this host."
        else:
            what, metric = "Waits for CPU", "pinned_cpu_busy_ratio"
            advice = (
                "A higher CPU limit changes nothing here: let it run on more CPUs (its cpuset), or move what"
                " else runs on these."
            )
        return told(
            snapshot,
            target,
            self.name,
            Severity.WARNING,
            since_ms=since_ms,
            summary=(
                f"{what}. Some of its tasks waited in {say_ratio(waits)} of the last {say_duration(self.window_s)}, no "
                f"quota held it back; {crowd.named()} are {say_ratio(crowd.busy)} busy."
            ),
            evidence=(
                fact(PRESSURE, waits, self.waits_ratio, self.window_s),
                Evidence(metric, crowd.busy, self.busy_ratio, self.window_s, "ratio"),
            ),
            advice=advice,
        )
