"""What a new resolve does to firings that still wait. Pure; shared by every state store.

Contract: :meth:`storage.api.StateStore.commit`. What is over is no longer sent as firing. A firing that was never
attempted and the resolve that ends it cancel each other out; but a resolve is always sent for what was sent firing,
also where no answer came, since it may have arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from model.alert import LIMIT_CHANGED, DeliveryState, Notification

WAITING = (DeliveryState.QUEUED, DeliveryState.RETRY)
ATTEMPTED = (DeliveryState.ACCEPTED, DeliveryState.RETRY, DeliveryState.REJECTED)


def waits(notification: Notification) -> bool:
    """Whether it still has to be delivered."""
    return notification.state in WAITING


def superseded(earlier: Sequence[Notification]) -> tuple[tuple[Notification, ...], bool]:
    """Which of ``earlier`` a new resolve supersedes, and whether the resolve goes with them.

    ``earlier``: all notifications of that alert to that receiver, oldest first, dropped ones included. What tells of an
    event is never superseded: a limit was changed, however soon the alert about it is over.
    """
    dropped = tuple(n for n in earlier if n.status == "firing" and waits(n) and n.alert.rule != LIMIT_CHANGED)
    if not dropped:
        return (), False
    gone = {n.id for n in dropped}
    left = [n for n in earlier if n.id not in gone and n.state is not DeliveryState.DROPPED]
    told = bool(left) and left[-1].status == "firing"
    return dropped, not told and not any(n.attempts for n in dropped)


def is_queued_already(new: Notification, earlier: Sequence[Notification]) -> bool:
    """Whether a reminder of a firing is needless: what it reminds of was not delivered yet. ``earlier``: as above."""
    waiting = [n for n in earlier if waits(n)]
    return new.status == "firing" and bool(waiting) and waiting[-1].status == "firing"


def bundled(head: Notification, waiting: Iterable[Notification], limit: int) -> tuple[Notification, ...]:
    """``head`` and what goes out with it, each with the id of the message. ``waiting``: of its group and receiver, in
    order, the oldest undelivered of each alert."""
    rows = tuple(waiting)
    current = next((n for n in rows if n.id == head.id), None)
    if current is None:
        return ()
    if current.message_id:
        return tuple(n for n in rows if n.message_id == current.message_id)
    fresh = [n for n in rows if n.id != current.id and not n.message_id and n.attempts == 0]
    chosen = sorted((current, *fresh[: limit - 1]), key=lambda n: n.sequence)
    return tuple(replace(n, message_id=current.id) for n in chosen)
