"""A Prometheus Alertmanager: its own API takes our alerts, and it groups, silences and routes them.

API: api/v2/openapi.yaml, ``postAlerts``. Alertmanager takes an alert for over when its ``endsAt`` has passed, so that
what fires is told again every minute with an end some minutes ahead, as Prometheus does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from alerts.messages import annotations_of, dashboard_url, labels_of
from alerts.notify.notifier import Bundle, Message, Notifier
from model.alert import Alert, Receiver
from model.outside import rfc3339

LASTS_MS = 5 * 60_000
"""How long it takes an alert for firing without being told again."""


def write(receiver: Receiver, bundle: Bundle, public_url: str, now_ms: int) -> Message:
    """Each alert by itself: Alertmanager groups as its own configuration says."""
    entries = [entry(n.alert, n.status == "resolved", public_url, now_ms) for n in bundle.notifications]
    return message(receiver, entries)


def repeat(receiver: Receiver, alerts: Sequence[Alert], public_url: str, now_ms: int) -> Message:
    """Everything that fires."""
    return message(receiver, [entry(alert, False, public_url, now_ms) for alert in alerts])


def message(receiver: Receiver, entries: Sequence[dict[str, object]]) -> Message:
    """``url`` may be Alertmanager's root or the whole path."""
    url = receiver.url.rstrip("/")
    if not url.endswith("/api/v2/alerts"):
        url += "/api/v2/alerts"
    headers = {"Content-Type": "application/json"}
    if receiver.secret:
        headers["Authorization"] = f"Bearer {receiver.secret}"
    return Message(url, json.dumps(entries, ensure_ascii=False, allow_nan=False).encode(), headers)


def entry(alert: Alert, over: bool, public_url: str, now_ms: int) -> dict[str, object]:
    """One alert in Alertmanager's form: it knows no empty label."""
    started = alert.started_at_ms if alert.started_at_ms is not None else alert.since_ms
    ended = alert.ended_at_ms if over and alert.ended_at_ms is not None else now_ms + LASTS_MS
    found: dict[str, object] = {
        "labels": {key: value for key, value in labels_of(alert).items() if value},
        "annotations": annotations_of(alert, public_url),
        "startsAt": rfc3339(started),
        "endsAt": rfc3339(max(ended, started)),
    }
    if url := dashboard_url(alert, public_url):
        found["generatorURL"] = url
    return found


ALERTMANAGER = Notifier(write, repeat=repeat)
