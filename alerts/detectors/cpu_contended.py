"""Waits for CPU although no quota holds it: the host, or its share of it, is what is short.

Kernel: Documentation/accounting/psi.rst. Pressure without throttling means that a higher quota would change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import Suspects, above
from alerts.windows import mean
from alerts.words import say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.sample import HOST_KEY, Snapshot
from model.target import Target
from storage.api import Recent

PRESSURE = "cpu_pressure_some_ratio"
SHARE = "cpu_throttled_periods_ratio"
USAGE = "cpu_usage_cores"


@dataclass(frozen=True, slots=True)
class CpuContended:
    """A finding while tasks waited for CPU in ``waits_ratio`` of ``window_s``, fewer than ``throttled_ratio`` of the
    periods were throttled, and the host's processors were ``host_ratio`` busy. Half of the window must be there.
    """

    name: str = "cpu_contended"
    window_s: float = 30.0
    waits_ratio: float = 0.4
    throttled_ratio: float = 0.01
    host_ratio: float = 0.85
    suspects: Suspects = field(default_factory=lambda: Suspects(above(PRESSURE, 0.4, 30.0)))

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        suspects = self.suspects.of(snapshot, recent)
        cpus = snapshot.host_sample.values.get("host_cpu_count")
        host = recent.window(HOST_KEY, USAGE, self.window_s)
        if not suspects or not cpus or not host or mean(host) < self.host_ratio * cpus:
            return []
        busy = mean(host) / cpus
        found = []
        for key, target in suspects:
            waits = recent.window(key, PRESSURE, self.window_s)
            if len(waits) * snapshot.interval_s < self.window_s / 2 or mean(waits) < self.waits_ratio:
                continue
            if mean(recent.window(key, SHARE, self.window_s)) < self.throttled_ratio:
                found.append(self._finding(snapshot, target, mean(waits), busy, waits[0][0]))
        return found

    def _finding(self, snapshot: Snapshot, target: Target, waits: float, busy: float, since_ms: int) -> Finding:
        return Finding(
            id="",
            at_ms=snapshot.at_ms,
            since_ms=since_ms,
            host=snapshot.host,
            container_id=target.key,
            name=target.name,
            detector=self.name,
            severity=Severity.WARNING,
            summary=(
                f"Waits for CPU that others use. Some of its tasks waited in {say_ratio(waits)} of the last "
                f"{say_duration(self.window_s)}, no quota held it back; the host's CPUs are {say_ratio(busy)} busy."
            ),
            evidence=(
                Evidence(PRESSURE, waits, self.waits_ratio, self.window_s, "ratio"),
                Evidence("host_cpu_busy_ratio", busy, self.host_ratio, self.window_s, "ratio"),
            ),
            advice="A higher CPU limit changes nothing here: give it a larger CPU weight, or move work off this host.",
        )
