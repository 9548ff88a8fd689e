"""Slack and Discord: incoming webhooks that show one short message. Pure."""

from __future__ import annotations

import json
import re

from alerts.messages import annotations_of, dashboard_url, title
from alerts.notify.notifier import Message, Notifier
from alerts.words import plain
from model.alert import Alert, Notification, Receiver, Severity

JSON = {"Content-Type": "application/json"}
COLOURS = {Severity.INFO: 0x3A5F8A, Severity.WARNING: 0x875800, Severity.CRITICAL: 0xBF2A23}
GOOD = 0x1D7148
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#@])")


def headline(notification: Notification) -> str:
    """``[FIRING · warning] CpuThrottled``."""
    alert = notification.alert
    word = "RESOLVED" if notification.status == "resolved" else "FIRING"
    return f"[{word} · {alert.severity.value}] {plain(alert.rule, 100)}"


def lines(alert: Alert) -> list[str]:
    """What is said under the headline: the sentence, what was done or is to be done, and where."""
    said = annotations_of(alert, "")
    where = ", ".join(f"{word} {value}" for word, value in (("host", alert.host), ("group", alert.group)) if value)
    return [line for line in (plain(title(alert), 600), said.get("action", ""), said.get("advice", ""), where) if line]


def colour(notification: Notification) -> int:
    """By severity; green when it is over."""
    return GOOD if notification.status == "resolved" else COLOURS[notification.alert.severity]


def slack(receiver: Receiver, notification: Notification, public_url: str, _now_ms: int) -> Message:
    """Slack's incoming webhook. ``& < >`` are escaped, so that nobody is mentioned by a container's name."""
    alert = notification.alert
    url = dashboard_url(alert, public_url)
    head = slack_text(headline(notification))
    text = "\n".join(slack_text(line) for line in lines(alert))
    body = {
        "text": f"{head} {slack_text(plain(title(alert), 600))}",
        "attachments": [
            {
                "color": f"#{colour(notification):06x}",
                "title": head,
                "text": text,
                "ts": notification.created_at_ms // 1000,
                "mrkdwn_in": [],
                **({"title_link": url} if url else {}),
            }
        ],
    }
    return Message(receiver.url, json.dumps(body, ensure_ascii=False).encode(), JSON)


def slack_text(text: str) -> str:
    """Slack's three escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def discord(receiver: Receiver, notification: Notification, public_url: str, _now_ms: int) -> Message:
    """Discord's webhook: one embed; mentions are off and Markdown is escaped."""
    alert = notification.alert
    embed: dict[str, object] = {
        "title": discord_text(headline(notification), 250),
        "description": "\n".join(discord_text(line, 900) for line in lines(alert))[:4000],
        "color": colour(notification),
    }
    if url := dashboard_url(alert, public_url):
        embed["url"] = url
    body = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return Message(receiver.url, json.dumps(body, ensure_ascii=False).encode(), JSON)


def discord_text(text: str, length: int) -> str:
    """Discord's Markdown taken as it stands."""
    return MARKDOWN.sub(r"\\\1", text)[:length]


SLACK = Notifier(slack)
DISCORD = Notifier(discord)
