"""When a message is tried again. Pure."""

from __future__ import annotations

from hashlib import blake2b

from model.alert import Notification

DELAYS_S = (5.0, 30.0, 120.0, 600.0, 1800.0)
"""After the first attempt, the second, …; then hourly."""
HOURLY_S = 3600.0
GIVE_UP_MS = 24 * 3600 * 1000
JITTER = 0.2


def jitter(notification_id: str, attempts: int) -> float:
    """A factor between 1 and 1.2, always the same for the same attempt, so that a crowd does not come at once."""
    digest = blake2b(f"{notification_id}#{attempts}".encode(), digest_size=4).digest()
    return 1 + JITTER * int.from_bytes(digest) / 2**32


def next_try_ms(notification: Notification, attempts: int, now_ms: int, retry_after_s: float | None) -> int | None:
    """When to try after ``attempts`` failed ones; None: a day has passed, give up.

    ``retry_after_s``: the receiver's own wish; it is followed where it is later than ours.
    """
    delay_s = DELAYS_S[attempts - 1] if attempts <= len(DELAYS_S) else HOURLY_S
    delay_s *= jitter(notification.id, attempts)
    at_ms = now_ms + round(max(delay_s, retry_after_s or 0.0) * 1000)
    last_ms = notification.created_at_ms + GIVE_UP_MS
    if now_ms >= last_ms:
        return None
    return min(at_ms, last_ms)
