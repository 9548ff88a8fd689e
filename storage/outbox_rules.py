"""What a new resolve does to firings that still wait. Pure; shared by every state store.

Contract: :meth:`storage.api.StateStore.commit`. A firing that was never attempted and the resolve that
ends it cancel each other out; but a resolve is always sent for what was sent firing.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.alert import DeliveryState, Notification

WAITING = (DeliveryState.QUEUED, DeliveryState.RETRY)
ATTEMPTED = (DeliveryState.ACCEPTED, DeliveryState.RETRY, DeliveryState.REJECTED)


def waits(notification: Notification) -> bool:
    """Whether it still has to be delivered."""
    return notification.state in WAITING


def superseded(earlier: Sequence[Notification]) -> tuple[tuple[Notification, ...], bool]:
    """Which of ``earlier`` a new resolve supersedes, and whether the resolve goes with them.

    ``earlier``: all notifications of that alert to that receiver, oldest first, dropped ones included.
    """
    dropped = tuple(n for n in earlier if n.status == "firing" and n.state is DeliveryState.QUEUED and n.attempts == 0)
    if not dropped:
        return (), False
    gone = {n.id for n in dropped}
    left = [n for n in earlier if n.id not in gone and n.state is not DeliveryState.DROPPED]
    told = bool(left) and left[-1].status == "firing"
    return dropped, not told
