"""Rules over seconds of long ago: when each would have fired, and for how long. Nothing is kept, nobody is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.detectors.all import build
from alerts.findings import Tracker
from alerts.look import Looker, Place
from alerts.presence import Presence
from model.alert import Alert, AlertState, Rule
from model.sample import Snapshot
from storage.api import Recent


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that an alert would have been sent. ``ended_at_ms`` None: it still fired at the end."""

    rule: str
    severity: str
    container_id: str
    name: str
    started_at_ms: int
    ended_at_ms: int | None
    value: float | None
    summary: str


def replay(
    rules: Sequence[Rule], snapshots: Iterable[Snapshot], recent: Recent, host: str, label_prefix: str = "wharfinger."
) -> tuple[Firing, ...]:
    """The firings in order of their beginning. ``recent``: an empty one; ``snapshots``: oldest first."""
    looker, presence, tracker = Looker(host, recent, f"{label_prefix}alerts"), Presence(), Tracker()
    wanted = {rule.condition.detector for rule in rules if rule.enabled}
    detectors = [detector for detector in build() if detector.name in wanted]
    open_now: dict[Place, Alert] = {}
    firing: dict[Place, Alert] = {}
    over: list[Firing] = []
    for snapshot in snapshots:
        recent.append(snapshot)
        found = [finding for detector in detectors for finding in detector.detect(snapshot, recent)]
        gone = presence.gone([key for _, key in open_now], snapshot)
        told = tracker.track(found, snapshot.at_ms)
        outcome = looker.look(rules, snapshot, told, open_now, gone, frozenset())
        open_now = outcome.open
        for transition in outcome.transitions:
            place = (transition.alert.rule, transition.alert.container_id)
            if transition.alert.state is AlertState.FIRING:
                firing[place] = transition.alert
            elif place in firing:
                over.append(firing_of(firing.pop(place), snapshot.at_ms))
    over += [firing_of(alert, None) for alert in firing.values()]
    return tuple(sorted(over, key=lambda f: (f.started_at_ms, f.rule, f.name)))


def firing_of(alert: Alert, ended_at_ms: int | None) -> Firing:
    """What is kept of an alert that fired."""
    return Firing(
        rule=alert.rule,
        severity=alert.severity.value,
        container_id=alert.container_id,
        name=alert.name,
        started_at_ms=alert.started_at_ms or alert.since_ms,
        ended_at_ms=ended_at_ms,
        value=alert.value,
        summary=alert.summary,
    )
