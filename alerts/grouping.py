"""Who shares a message: alerts of one rule over the containers of one scaled service. Pure.

A container that stands alone has nobody to wait for: its alert is sent at once. The first alert of a service with
several containers waits a moment for those of the others; what joins later goes out together, some minutes apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from config.schema import AlertSettings
from model.alert import Alert
from model.identity import fingerprint
from model.sample import Snapshot


def is_alone(alert: Alert) -> bool:
    """Whether no other container can be of its service: it is about the host, or its service is its own name."""
    return alert.service in ("", alert.name)


def group_of(alert: Alert) -> str:
    """What an alert is grouped under: its rule and service on this host."""
    who = alert.container_id if is_alone(alert) else alert.service
    return fingerprint((alert.rule, alert.host, who))


@dataclass(slots=True)
class Grouping:
    """One tick's view: how many containers each service has, and when each group's receivers were told last."""

    wait_ms: int
    interval_ms: int
    replicas: Counter[str] = field(default_factory=Counter)
    told: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, alert: Alert) -> None:
        """A receiver was, or will be, told of this firing."""
        if alert.told_at_ms and not is_alone(alert):
            group = group_of(alert)
            for receiver, at_ms in alert.told_at_ms.items():
                self.told[group, receiver] = max(at_ms, self.told.get((group, receiver), 0))

    def firing(self, alert: Alert, receiver: str, now_ms: int) -> tuple[str, int]:
        """(group, when to send) of a firing; no group where nobody could join it."""
        if is_alone(alert) or self.replicas[alert.service] < 2:
            return "", now_ms
        group = group_of(alert)
        last_ms = self.told.get((group, receiver))
        if last_ms is None:
            return group, now_ms + self.wait_ms
        return group, last_ms if last_ms > now_ms else max(now_ms, last_ms + self.interval_ms)

    def resolved(self, alert: Alert, receiver: str, now_ms: int) -> tuple[str, int]:
        """(group, when to send) of a resolve: with the last of its group, or with what is sent before."""
        if is_alone(alert):
            return "", now_ms
        group = group_of(alert)
        last_ms = self.told.get((group, receiver))
        if last_ms is None:
            return group, now_ms
        return group, last_ms if last_ms > now_ms else now_ms + self.interval_ms


def grouping(settings: AlertSettings, snapshot: Snapshot, firing: Iterable[Alert]) -> Grouping:
    """The view of this tick. ``firing``: the alerts that fire after it."""
    replicas = Counter(t.service for t in snapshot.targets.values() if t.service)
    made = Grouping(round(settings.group_wait_s * 1000), round(settings.group_interval_s * 1000), replicas)
    for alert in firing:
        made.note(alert)
    return made
