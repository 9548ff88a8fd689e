"""How an alert looks from outside: labels, annotations, and the body that Alertmanager's webhook has. Pure.

Shape: Alertmanager's webhook version "4" (docs/configuration.md, webhook_config).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from alerts.words import plain, say_duration
from model.alert import Alert, Notification
from model.outside import rfc3339

ZERO_TIME = "0001-01-01T00:00:00Z"
"""What Alertmanager writes as the end of an alert that still fires."""
RESERVED_LABELS = ("alertname", "severity", "host", "container", "container_id", "image", "group")
TEXT_LENGTH = 2000


def labels_of(alert: Alert) -> dict[str, str]:
    """Labels that name the alert: always the same set, empty where a container has none."""
    return {
        **{str(key): plain(str(value), 200) for key, value in alert.labels.items() if key not in RESERVED_LABELS},
        "alertname": alert.rule,
        "severity": alert.severity.value,
        "host": alert.host,
        "container": plain(alert.name, 300) if alert.container_id else "",
        "container_id": alert.container_id,
        "image": plain(alert.image, 300),
        "group": plain(alert.group, 300),
    }


def dashboard_url(alert: Alert, public_url: str) -> str:
    """The page about the container, or about the host; empty where the public URL is not known."""
    base = public_url.rstrip("/")
    if not base:
        return ""
    if alert.container_id:
        return f"{base}/containers/{quote(alert.container_id, safe='')}"
    return f"{base}/hosts/{quote(alert.host, safe='')}"


def annotations_of(alert: Alert, public_url: str) -> dict[str, str]:
    """What explains the alert; a text that there is none of is left out."""
    texts = {
        **{str(key): str(value) for key, value in alert.annotations.items()},
        "summary": title(alert),
        "description": alert.description,
        "advice": alert.advice,
        "value": "" if alert.value is None else f"{alert.value:.10g}",
        "action": alert.action or "",
        "reason": alert.reason,
        "flapping": flapping(alert),
    }
    said = {key: plain(text, TEXT_LENGTH) for key, text in texts.items() if text}
    links = {"dashboard_url": dashboard_url(alert, public_url), "change_id": alert.change_id or ""}
    return said | {key: text for key, text in links.items() if text}


def flapping(alert: Alert) -> str:
    """Why it counts as firing though it comes and goes; empty where it does not."""
    if not alert.flapping_hold_s:
        return ""
    return f"It comes and goes, and counts as firing until it was quiet for {say_duration(alert.flapping_hold_s)}."


def title(alert: Alert) -> str:
    """Who and what, in one sentence: ``web-1: Held back by its CPU limit. …``."""
    who = plain(alert.name or alert.host, 120)
    return f"{who}: {alert.summary or alert.rule}"


def item(notification: Notification, public_url: str) -> dict[str, object]:
    """One element of ``alerts``."""
    alert = notification.alert
    over = notification.status == "resolved"
    return {
        "status": notification.status,
        "labels": labels_of(alert),
        "annotations": annotations_of(alert, public_url),
        "startsAt": rfc3339(alert.started_at_ms if alert.started_at_ms is not None else alert.since_ms),
        "endsAt": rfc3339(alert.ended_at_ms) if over and alert.ended_at_ms is not None else ZERO_TIME,
        "generatorURL": dashboard_url(alert, public_url),
        "fingerprint": alert.id,
    }


def group_key(labels: Mapping[str, str]) -> str:
    """Alertmanager's form of a group's name."""
    return "{}:{" + ", ".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items())) + "}"


def webhook_body(
    notifications: Sequence[Notification], public_url: str, *, others_fire: bool = False
) -> dict[str, object]:
    """The whole body of a webhook: one alert, grouped by rule and container, or those of a service, grouped by it.

    ``others_fire``: what the message does not tell of still fires in the group, which is over only when nothing does.
    """
    items = [item(notification, public_url) for notification in notifications]
    first = notifications[0].alert
    named = {"alertname": first.rule, "host": first.host}
    grouped = {**named, **({"container_id": first.container_id} if len(items) == 1 else {"service": first.service})}
    firing = others_fire or any(n.status == "firing" for n in notifications)
    return {
        "version": "4",
        "groupKey": group_key(grouped),
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": notifications[0].receiver,
        "groupLabels": grouped,
        "commonLabels": common([labels_of(n.alert) for n in notifications]),
        "commonAnnotations": common([annotations_of(n.alert, public_url) for n in notifications]),
        "externalURL": public_url.rstrip("/"),
        "alerts": items,
    }


def common(texts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What is equal in all of them."""
    return {key: value for key, value in texts[0].items() if all(some.get(key) == value for some in texts[1:])}
