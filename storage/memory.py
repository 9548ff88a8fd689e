"""State and series in memory, with the contracts of the stores on disk: for tests of other rooms and for demos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import RLock

from model.alert import Alert, AlertState, Delivery, DeliveryState, Notification, Receiver, Silence, Transition
from model.change import AuditEntry, Change, Original
from storage.memory_series import MemorySeries
from storage.outbox_rules import bundled, is_queued_already, superseded, waits

__all__ = ["MemorySeries", "MemoryState"]

OPEN = (AlertState.PENDING, AlertState.FIRING)


class MemoryState:
    """:class:`storage.api.StateStore` that forgets at exit. Thread-safe."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._alerts: dict[str, Alert] = {}
        self._transitions: list[Transition] = []
        self._notifications: dict[str, Notification] = {}
        self._partners: dict[str, str] = {}
        self._deliveries: list[Delivery] = []
        self._silences: dict[str, Silence] = {}
        self._receivers: dict[str, Receiver] = {}
        self._changes: dict[str, Change] = {}
        self._originals: dict[str, Original] = {}
        self._policies: dict[str, dict[str, object]] = {}
        self._audit: list[AuditEntry] = []
        self._values: dict[str, object] = {}

    # alerting

    def alerts(self) -> tuple[Alert, ...]:
        with self._lock:
            return tuple(self._alerts.values())

    def commit(
        self,
        transitions: Sequence[Transition],
        alerts: Sequence[Alert],
        notifications: Sequence[Notification],
    ) -> None:
        with self._lock:
            self._transitions.extend(transitions)
            for alert in alerts:
                self._alerts.pop(alert.id, None)
                if alert.state in OPEN:
                    self._alerts[alert.id] = alert
            for notification in notifications:
                self._enqueue(notification)

    def _enqueue(self, new: Notification) -> None:
        if new.id in self._notifications:
            return
        if not new.sequence:
            new = replace(new, sequence=len(self._notifications) + 1)
        earlier = [n for n in self._notifications.values() if (n.alert_id, n.receiver) == (new.alert_id, new.receiver)]
        if is_queued_already(new, earlier):
            return
        if new.status == "resolved":
            dropped, with_resolve = superseded(earlier)
            for old in dropped:
                self._notifications[old.id] = replace(old, state=DeliveryState.DROPPED)
                if with_resolve:
                    self._partners[old.id] = new.id
            if with_resolve:
                new = replace(new, state=DeliveryState.DROPPED)
        self._notifications[new.id] = new

    def alert_history(self, *, since_ms: int, limit: int = 1000) -> tuple[Transition, ...]:
        with self._lock:
            found = [t for t in reversed(self._transitions) if t.at_ms >= since_ms]
        return tuple(found[:limit])

    def due(self, receiver: str, now_ms: int, limit: int = 100) -> tuple[Notification, ...]:
        return tuple(n for n in self._oldest(receiver) if n.next_try_at_ms <= now_ms)[:limit]

    def bundle(self, head: Notification, limit: int = 100) -> tuple[Notification, ...]:
        if not head.group:
            return (head,)
        with self._lock:
            chosen = bundled(head, [n for n in self._oldest(head.receiver) if n.group == head.group], limit)
            self._notifications.update({n.id: n for n in chosen})
        return chosen

    def _oldest(self, receiver: str) -> tuple[Notification, ...]:
        """The oldest undelivered of each alert, in order."""
        oldest: dict[str, Notification] = {}
        with self._lock:
            for n in self._notifications.values():
                if n.receiver == receiver and waits(n):
                    oldest.setdefault(n.alert_id, n)
        return tuple(oldest.values())

    def undelivered(self) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        with self._lock:
            for n in self._notifications.values():
                if waits(n):
                    counts[n.receiver] = counts.get(n.receiver, 0) + 1
        return counts

    def delivered(self, notification: Notification, delivery: Delivery) -> None:
        with self._lock:
            kept = self._notifications.get(notification.id)
            if kept is not None and kept.state is DeliveryState.DROPPED:
                self._revive(kept, notification)
            elif kept is not None:
                self._notifications[kept.id] = notification
            self._deliveries.append(replace(delivery, id=len(self._deliveries) + 1))

    def _revive(self, kept: Notification, notification: Notification) -> None:
        """It was on its way while it was superseded: what may have arrived firing must be resolved."""
        state = DeliveryState.DROPPED if waits(notification) else notification.state
        self._notifications[kept.id] = replace(notification, state=state)
        partner = self._notifications.get(self._partners.pop(kept.id, ""))
        if partner is not None:
            self._notifications[partner.id] = replace(partner, state=DeliveryState.QUEUED)

    def deliveries(self, *, receiver: str | None = None, limit: int = 200) -> tuple[Delivery, ...]:
        with self._lock:
            found = [d for d in reversed(self._deliveries) if receiver in (None, d.receiver)]
        return tuple(found[:limit])

    def silences(self, now_ms: int) -> tuple[Silence, ...]:
        with self._lock:
            return tuple(s for s in self._silences.values() if s.ends_at_ms > now_ms)

    def put_silence(self, silence: Silence) -> None:
        with self._lock:
            self._silences[silence.id] = silence

    def delete_silence(self, silence_id: str) -> bool:
        with self._lock:
            return self._silences.pop(silence_id, None) is not None

    def receivers(self) -> tuple[Receiver, ...]:
        with self._lock:
            return tuple(self._receivers.values())

    def put_receiver(self, receiver: Receiver) -> None:
        with self._lock:
            self._receivers[receiver.name] = receiver

    def delete_receiver(self, name: str) -> bool:
        with self._lock:
            return self._receivers.pop(name, None) is not None

    # limits

    def put_change(self, change: Change) -> None:
        with self._lock:
            self._changes[change.id] = change

    def change(self, change_id: str) -> Change | None:
        with self._lock:
            return self._changes.get(change_id)

    def changes(
        self,
        *,
        container_id: str | None = None,
        since_ms: int | None = None,
        statuses: tuple[str, ...] = (),
        limit: int = 200,
        before_id: str | None = None,
    ) -> tuple[Change, ...]:
        with self._lock:
            ordered = sorted(enumerate(self._changes.values()), key=lambda c: (c[1].at_ms, c[0]), reverse=True)
        newest_first = [change for _, change in ordered]
        if before_id is not None:
            ids = [c.id for c in newest_first]
            newest_first = newest_first[ids.index(before_id) + 1 :] if before_id in ids else []
        found = [
            c
            for c in newest_first
            if container_id in (None, c.container_id)
            and (since_ms is None or c.at_ms >= since_ms)
            and (not statuses or c.status.value in statuses)
        ]
        return tuple(found[:limit])

    def originals(self) -> Mapping[str, Original]:
        with self._lock:
            return dict(self._originals)

    def put_original(self, original: Original) -> None:
        with self._lock:
            self._originals.setdefault(original.container_id, original)

    def replace_original(self, original: Original) -> None:
        with self._lock:
            self._originals[original.container_id] = original

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        with self._lock:
            return {service: dict(fields) for service, fields in self._policies.items()}

    def put_policy(self, service: str, fields: Mapping[str, object]) -> None:
        with self._lock:
            self._policies[service] = dict(fields)

    def delete_policy(self, service: str) -> bool:
        with self._lock:
            return self._policies.pop(service, None) is not None

    # all

    def audit(self, at_ms: int, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
        with self._lock:
            self._audit.append(AuditEntry(len(self._audit) + 1, at_ms, actor, action, subject, dict(detail)))

    def audit_entries(self, *, since_ms: int | None = None, limit: int = 200) -> tuple[AuditEntry, ...]:
        with self._lock:
            found = [e for e in reversed(self._audit) if since_ms is None or e.at_ms >= since_ms]
        return tuple(found[:limit])

    def value(self, key: str) -> object:
        with self._lock:
            return self._values.get(key)

    def put_value(self, key: str, value: object) -> None:
        with self._lock:
            self._values[key] = value

    def close(self) -> None:
        """Nothing to give back."""
