"""ntfy: a push message on phones. API: docs.ntfy.sh/publish, "Publish as JSON". Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit, urlunsplit

from alerts.messages import dashboard_url
from alerts.notify.chat import headline, lines
from alerts.notify.notifier import Bundle, Message, Notifier
from model.alert import Receiver, Severity
from model.errors import Fault

PRIORITY = {Severity.INFO: 2, Severity.WARNING: 4, Severity.CRITICAL: 5}
TAGS = {Severity.INFO: "information_source", Severity.WARNING: "warning", Severity.CRITICAL: "rotating_light"}


def split_topic(url: str) -> tuple[str, str]:
    """``https://ntfy.sh/topic`` → its root and the topic."""
    parts = urlsplit(url)
    path, _, topic = parts.path.rstrip("/").rpartition("/")
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/", parts.query, "")), unquote(topic)


def write(receiver: Receiver, bundle: Bundle, public_url: str, _now_ms: int) -> Message:
    """One message to the topic; ``secret`` is an access token."""
    root, topic = split_topic(receiver.url)
    alert, over = bundle.first, not bundle.firing
    body: dict[str, object] = {
        "topic": topic,
        "title": headline(bundle),
        "message": "\n".join(lines(bundle)),
        "priority": 3 if over else PRIORITY[alert.severity],
        "tags": ["white_check_mark" if over else TAGS[alert.severity]],
    }
    if url := dashboard_url(alert, public_url):
        body["click"] = url
    headers = {"Content-Type": "application/json"}
    if receiver.secret:
        headers["Authorization"] = f"Bearer {receiver.secret}"
    return Message(root, json.dumps(body, ensure_ascii=False).encode(), headers)


def faults_of(receiver: Receiver) -> Sequence[Fault]:
    """The URL names the topic."""
    if not split_topic(receiver.url)[1]:
        return (Fault("url", "names no topic: write https://ntfy.sh/your-topic"),)
    return ()


NTFY = Notifier(write, faults_of)
