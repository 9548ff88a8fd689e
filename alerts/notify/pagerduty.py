"""PagerDuty Events API v2: an incident opens when the alert fires and closes when it resolves. Pure.

API: developer.pagerduty.com, "Send an Alert Event"; ``dedup_key`` names the rule and the
service, so that a scaled service is one incident, which closes when nothing of it fires any more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from alerts.grouping import group_of
from alerts.messages import annotations_of, dashboard_url, labels_of
from alerts.notify.chat import sentence
from alerts.notify.notifier import Bundle, Message, Notifier
from alerts.words import plain
from model.alert import Receiver
from model.errors import Fault
from model.outside import rfc3339


def write(receiver: Receiver, bundle: Bundle, public_url: str, _now_ms: int) -> Message:
    """``secret`` is the integration's routing key; ``url`` is https://events.pagerduty.com/v2/enqueue."""
    alert, over = bundle.first, not bundle.firing
    body: dict[str, object] = {
        "routing_key": receiver.secret,
        "event_action": "resolve" if over else "trigger",
        "dedup_key": group_of(alert),
        "client": "wharfinger",
    }
    if not over:
        body["payload"] = {
            "summary": sentence(bundle),
            "source": alert.host,
            "severity": alert.severity.value,
            "timestamp": rfc3339(alert.started_at_ms),
            "component": plain(alert.name, 200),
            "group": plain(alert.group, 200),
            "class": plain(alert.rule, 100),
            "custom_details": labels_of(alert) | annotations_of(alert, public_url),
        }
        if url := dashboard_url(alert, public_url):
            body["client_url"] = url
    return Message(receiver.url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def faults_of(receiver: Receiver) -> Sequence[Fault]:
    """Without a routing key nobody is paged."""
    if not receiver.secret:
        return (Fault("secret", "is missing: it is the routing key of the PagerDuty integration"),)
    return ()


PAGERDUTY = Notifier(write, faults_of, keeps_open=True)
