"""What detectors share: who is worth a closer look, and how a finding is put together."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.columns.roster import Roster
from alerts.columns.watch import Watch
from alerts.condition import LEAST_COVERAGE
from alerts.windows import mean
from alerts.words import unit_of
from model.alert import Condition, Severity
from model.finding import Evidence, Finding
from model.sample import HOST_KEY, Snapshot
from model.target import Target
from storage.api import Recent


class Suspects:
    """The containers of which one of a few conditions may be true now; call :meth:`of` once a tick."""

    def __init__(self, *conditions: Condition, coverage: float = LEAST_COVERAGE) -> None:
        self.roster = Roster()
        self._watches = tuple(Watch(condition, coverage) for condition in conditions)

    def of(self, snapshot: Snapshot, recent: Recent) -> list[tuple[str, Target]]:
        """Each once, in the order of the snapshot's targets; only those that have figures in this tick."""
        self.roster.update(snapshot)
        named: set[str] = set()
        for watch in self._watches:
            named.update(watch.step(self.roster, recent, snapshot.interval_s))
        if not named:
            return []
        samples = snapshot.samples
        return [(key, target) for key, target in snapshot.targets.items() if key in named and key in samples]


def share_roster(detectors: Iterable[object]) -> None:
    """Detectors that are shown the same ticks take each metric's column out of them once."""
    roster = Roster()
    for detector in detectors:
        suspects = getattr(detector, "suspects", ())
        for one in suspects if isinstance(suspects, tuple) else (suspects,):
            one.roster = roster


def above(
    metric: str, threshold: float, window_s: float, *, function: str = "avg", divisor: str | None = None
) -> Condition:
    """``function(metric) >= threshold`` over the window."""
    return Condition(metric, divisor, function, ">=", threshold, window_s)


def average(recent: Recent, key: str, metric: str, window_s: float, interval_s: float) -> float | None:
    """The mean over a window of which half is there; None where less is known."""
    points = recent.window(key, metric, window_s)
    return mean(points) if len(points) * interval_s >= window_s / 2 else None


def fact(metric: str, value: float, threshold: float | None, window_s: float) -> Evidence:
    """Evidence in the metric's own unit."""
    return Evidence(metric, value, threshold, window_s, unit_of(metric))


def told(
    snapshot: Snapshot,
    target: Target | None,
    detector: str,
    severity: Severity,
    *,
    summary: str,
    evidence: Iterable[Evidence],
    advice: str,
    since_ms: int | None = None,
    knob: str | None = None,
    proposed: float | None = None,
) -> Finding:
    """A finding about a container, or about the host where there is no target; the tracker names it."""
    return Finding(
        id="",
        at_ms=snapshot.at_ms,
        since_ms=snapshot.at_ms if since_ms is None else since_ms,
        host=snapshot.host,
        container_id=target.key if target else HOST_KEY,
        name=target.name if target else snapshot.host,
        detector=detector,
        severity=severity,
        summary=summary,
        evidence=tuple(evidence),
        advice=advice,
        knob=knob,
        proposed=proposed,
    )
