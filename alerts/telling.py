"""Who is told what: notifications from alerts and receivers. Pure.

A firing alert is told once to each receiver that wants it; its resolve goes to exactly those that were told of it
firing. While it is silenced or acknowledged nobody new is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from alerts.messages import labels_of
from alerts.selection import wants
from model.alert import Alert, AlertState, Notification, Receiver
from model.identity import fingerprint


def notification(alert: Alert, receiver: str, status: str, now_ms: int) -> Notification:
    """One message. Its id is made of what it says, so that the same one is never queued twice."""
    begin = str(alert.started_at_ms)
    return Notification(
        id=f"msg_{fingerprint((receiver, alert.id, status, begin))}",
        sequence=0,
        receiver=receiver,
        alert_id=alert.id,
        status=status,
        created_at_ms=now_ms,
        alert=alert,
        next_try_at_ms=now_ms,
    )


def tell_firing(alert: Alert, receivers: Sequence[Receiver], now_ms: int) -> tuple[Alert, tuple[Notification, ...]]:
    """Messages to those who want it and were not told yet, and the alert that remembers them."""
    if alert.state is not AlertState.FIRING or alert.silenced_until_ms is not None or alert.acknowledged_by is not None:
        return alert, ()
    fresh = [r for r in receivers if r.enabled and r.name not in alert.told]
    if not fresh:
        return alert, ()
    labels = labels_of(alert)
    names = [r.name for r in fresh if wants(r, labels)]
    if not names:
        return alert, ()
    alert = replace(alert, told=(*alert.told, *names))
    return alert, tuple(notification(alert, name, "firing", now_ms) for name in names)


def tell_resolved(alert: Alert, known: Iterable[str], now_ms: int) -> tuple[Notification, ...]:
    """Messages to those that were told of it firing and still exist."""
    known = set(known)
    return tuple(notification(alert, name, "resolved", now_ms) for name in alert.told if name in known)
