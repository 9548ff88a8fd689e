"""Held back by its CPU quota: the scheduler stops it before its period is over.

Kernel: Documentation/scheduler/sched-bwc.rst (nr_periods, nr_throttled). A period counts only while the group runs,
so a nearly idle container may show a high share; therefore a share alone makes no finding at once: it must also use
half of its quota, or go on for half a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from alerts.detectors.suspects import Suspects, above
from alerts.windows import Points, after, mean, onset_ms
from alerts.words import say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.limits import bounded
from model.sample import Snapshot
from model.target import Target
from storage.api import Recent

SHARE = "cpu_throttled_periods_ratio"
USAGE = "cpu_usage_cores"


@dataclass(frozen=True, slots=True)
class CpuThrottled:
    """A finding while the quota holds the container back.

    At once: at least ``sudden_ratio`` of the periods of the last ``sudden_s`` throttled, and half of the quota used.
    Else: at least ``steady_ratio`` over ``steady_s``; above the 10 % that the densest limit policy aims at.
    Critical: ``critical_ratio`` of the periods over ``critical_s``.
    """

    name: str = "cpu_throttled"
    sudden_s: float = 2.0
    sudden_ratio: float = 0.25
    steady_s: float = 30.0
    steady_ratio: float = 0.15
    critical_s: float = 300.0
    critical_ratio: float = 0.9
    look_back_s: float = 600.0
    patience_s: float = 10.0
    suspects: Suspects = field(default_factory=lambda: Suspects(above(SHARE, 0.15, 30.0), above(SHARE, 0.25, 2.0)))
    """At least what :attr:`steady_ratio` and :attr:`sudden_ratio` ask for."""

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        found = []
        for key, target in self.suspects.of(snapshot, recent):
            sample, limits = snapshot.samples.get(key), snapshot.limits.get(key)
            limit = bounded(limits.cpu_cores) if limits else None
            if sample is None or limit is None or SHARE not in sample.values:
                continue
            steady = recent.window(key, SHARE, self.steady_s)
            if steady and self._holds(snapshot, recent, key, steady, limit):
                found.append(self._finding(snapshot, recent, target, limit))
        return found

    def _holds(self, snapshot: Snapshot, recent: Recent, key: str, steady: Points, limit: float) -> bool:
        if not any(share > 0 for _, share in steady):
            return False
        # Seconds without a period have no share: they count as not throttled.
        expected = max(len(steady), round((snapshot.at_ms - steady[0][0]) / 1000 / snapshot.interval_s) + 1)
        if expected * snapshot.interval_s >= self.steady_s / 2:
            share = sum(value for _, value in steady) / expected
            if share >= self.steady_ratio:
                return True
        sudden = after(steady, snapshot.at_ms - round(max(self.sudden_s, snapshot.interval_s) * 1000))
        usage = recent.window(key, USAGE, max(self.sudden_s, snapshot.interval_s))
        busy = max((value for _, value in usage), default=0.0) >= 0.5 * limit
        return busy and mean(sudden) >= self.sudden_ratio

    def _finding(self, snapshot: Snapshot, recent: Recent, target: Target, limit: float) -> Finding:
        shares = recent.window(target.key, SHARE, self.look_back_s)
        interval_ms = round(snapshot.interval_s * 1000)
        since_ms = onset_ms(shares, round(self.patience_s * 1000) + interval_ms) - interval_ms
        shares = after(shares, since_ms)
        window_s = (snapshot.at_ms - since_ms) / 1000
        share = mean(shares)
        usage = mean(recent.window(target.key, USAGE, window_s))
        latest = mean(after(shares, snapshot.at_ms - 10_000))
        proposed = self._proposed(snapshot, limit, latest)
        return Finding(
            id="",
            at_ms=snapshot.at_ms,
            since_ms=since_ms,
            host=snapshot.host,
            container_id=target.key,
            name=target.name,
            detector=self.name,
            severity=self._severity(shares, snapshot.at_ms),
            summary=(
                f"Held back by its CPU limit. Throttled in {say_ratio(share)} of periods for {say_duration(window_s)}; "
                f"uses {usage:.2f} of {limit:.2f} cores."
            ),
            evidence=self._evidence(recent, target.key, share, usage, limit, window_s),
            advice=advice(limit, usage, proposed),
            knob="cpu",
            proposed=proposed,
        )

    def _severity(self, shares: Points, at_ms: int) -> Severity:
        held = after(shares, at_ms - round(self.critical_s * 1000))
        long_enough = bool(held) and at_ms - held[0][0] >= 0.9 * self.critical_s * 1000
        return Severity.CRITICAL if long_enough and mean(held) >= self.critical_ratio else Severity.WARNING

    def _evidence(
        self, recent: Recent, key: str, share: float, usage: float, limit: float, window_s: float
    ) -> tuple[Evidence, ...]:
        threshold = self.sudden_ratio if window_s < self.steady_s / 2 else self.steady_ratio
        facts = [
            Evidence(SHARE, share, threshold, window_s, "ratio"),
            Evidence(USAGE, usage, limit, window_s, "cores"),
        ]
        if pressure := recent.window(key, "cpu_pressure_some_ratio", window_s):
            facts.append(Evidence("cpu_pressure_some_ratio", mean(pressure), None, window_s, "ratio"))
        return tuple(facts)

    def _proposed(self, snapshot: Snapshot, limit: float, share: float) -> float | None:
        """Double where it is pinned (its demand is not visible beyond the quota), else a raise by the share.

        Never beyond the processors of the host; None where the limit is there already.
        """
        wanted = 2 * limit + 0.1 if share >= 0.9 else limit * (1 + max(0.25, share))
        cpus = snapshot.host_sample.values.get("host_cpu_count")
        proposed = ceil(round(wanted * 20, 6)) / 20
        if cpus is not None:
            proposed = min(proposed, cpus)
        return proposed if proposed > limit else None


def advice(limit: float, usage: float, proposed: float | None) -> str:
    """What to do, in plain words. Pure."""
    if proposed is None:
        return (
            "Its limit is all that the host has: give it less to do, spread it over more hosts, or move its neighbours."
        )
    if usage < 0.5 * limit:
        return (
            "It uses little on average, but its threads run in bursts that use up a period at once: raise its CPU "
            "limit, or let it run fewer threads."
        )
    return "Raise its CPU limit, or give it less to do."
