"""Who is told what: notifications from alerts and receivers. Pure.

A firing alert is told once to each receiver that wants it, or again after a time where the receiver asks for that; its
resolve goes to exactly those that were told of it firing. A receiver of an escalation hears of what nobody
acknowledged. While an alert is silenced or acknowledged nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from alerts.grouping import Grouping
from alerts.messages import labels_of
from alerts.selection import wants
from model.alert import Alert, AlertState, Notification, Receiver
from model.identity import fingerprint


def notification(
    alert: Alert, receiver: str, status: str, now_ms: int, *, group: str = "", at_ms: int | None = None, again: str = ""
) -> Notification:
    """One message. Its id is made of what it says, so that the same one is never queued twice. ``again``: what tells a
    reminder from the message before."""
    said = (receiver, alert.id, status, str(alert.started_at_ms))
    return Notification(
        id=f"msg_{fingerprint((*said, again) if again else said)}",
        sequence=0,
        receiver=receiver,
        alert_id=alert.id,
        status=status,
        created_at_ms=now_ms,
        alert=alert,
        next_try_at_ms=now_ms if at_ms is None else at_ms,
        group=group,
    )


def tell_firing(
    alert: Alert, receivers: Sequence[Receiver], now_ms: int, groups: Grouping
) -> tuple[Alert, tuple[Notification, ...]]:
    """Messages to those who are to be told now, and the alert that remembers them."""
    if alert.state is not AlertState.FIRING or alert.silenced_until_ms is not None or alert.acknowledged_by is not None:
        return alert, ()
    due = [r for r in receivers if r.enabled and is_due(alert, r, now_ms)]
    if not due:
        return alert, ()
    labels = labels_of(alert)
    names = [r.name for r in due if wants(r, labels)]
    if not names:
        return alert, ()
    when = {name: groups.firing(alert, name, now_ms) for name in names}
    again = {name: str(alert.told_at_ms.get(name, "again")) if name in alert.told else "" for name in names}
    alert = replace(
        alert,
        told=(*alert.told, *(name for name in names if name not in alert.told)),
        told_at_ms={**alert.told_at_ms, **{name: at_ms for name, (_, at_ms) in when.items()}},
    )
    groups.note(alert)
    return alert, tuple(
        notification(alert, name, "firing", now_ms, group=group, at_ms=at_ms, again=again[name])
        for name, (group, at_ms) in when.items()
    )


def is_due(alert: Alert, receiver: Receiver, now_ms: int) -> bool:
    """Whether it is this receiver's turn: the first time, after the time that it leaves to others; then as often as
    it asks to be reminded."""
    started_ms = alert.started_at_ms if alert.started_at_ms is not None else alert.since_ms
    if receiver.name in alert.told:
        last_ms = alert.told_at_ms.get(receiver.name, started_ms)
        return receiver.repeat_s > 0 and now_ms - last_ms >= receiver.repeat_s * 1000
    return now_ms - started_ms >= receiver.escalate_after_s * 1000


def tell_resolved(alert: Alert, known: Iterable[str], now_ms: int, groups: Grouping) -> tuple[Notification, ...]:
    """Messages to those that were told of it firing and still exist."""
    known = set(known)
    when = {name: groups.resolved(alert, name, now_ms) for name in alert.told if name in known}
    return tuple(
        notification(alert, name, "resolved", now_ms, group=group, at_ms=at_ms) for name, (group, at_ms) in when.items()
    )
