"""Slack and Discord: incoming webhooks that show one short message. Pure."""

from __future__ import annotations

import json
import re

from alerts.messages import annotations_of, dashboard_url, title
from alerts.notify.notifier import Bundle, Message, Notifier
from alerts.words import plain
from model.alert import Notification, Receiver, Severity

JSON = {"Content-Type": "application/json"}
COLOURS = {Severity.INFO: 0x3A5F8A, Severity.WARNING: 0x875800, Severity.CRITICAL: 0xBF2A23}
GOOD = 0x1D7148
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#@])")
MOST_TITLES = 10
"""So many containers of a group are told of each in a line; the rest is counted."""


def headline(bundle: Bundle) -> str:
    """``[FIRING · warning] CpuThrottled``; of a group with its service and how many of its containers."""
    word = "FIRING" if bundle.firing else "RESOLVED"
    alert, count = bundle.first, len(bundle.notifications)
    whom = f" · {plain(alert.service, 100)} ({count} containers)" if count > 1 else ""
    return f"[{word} · {alert.severity.value}] {plain(alert.rule, 100)}{whom}"


def sentence(bundle: Bundle) -> str:
    """Who and what, in one line."""
    told = plain(title(bundle.first), 600)
    more = len(bundle.notifications) - 1
    return f"{told} And {more} more." if more else told


def lines(bundle: Bundle) -> list[str]:
    """What is said under the headline: a sentence for each container, what was done or is to be done, and where."""
    alert = bundle.first
    said = annotations_of(alert, "")
    where = ", ".join(f"{word} {value}" for word, value in (("host", alert.host), ("group", alert.group)) if value)
    told = [about(n, bundle) for n in bundle.notifications[:MOST_TITLES]]
    if (more := len(bundle.notifications) - MOST_TITLES) > 0:
        told.append(f"And {more} more.")
    return [
        line
        for line in (*told, said.get("flapping", ""), said.get("action", ""), said.get("advice", ""), where)
        if line
    ]


def about(notification: Notification, bundle: Bundle) -> str:
    """The sentence of one alert; one that is over in a message about others that fire says so."""
    over = notification.status == "resolved" and bundle.firing
    return f"{'Resolved: ' if over else ''}{plain(title(notification.alert), 600)}"


def link(bundle: Bundle, public_url: str) -> str:
    """The page about the first."""
    return dashboard_url(bundle.first, public_url)


def colour(bundle: Bundle) -> int:
    """By severity; green when it is over."""
    return COLOURS[bundle.first.severity] if bundle.firing else GOOD


def slack(receiver: Receiver, bundle: Bundle, public_url: str, _now_ms: int) -> Message:
    """Slack's incoming webhook. ``& < >`` are escaped, so that nobody is mentioned by a container's name."""
    url = link(bundle, public_url)
    head = slack_text(headline(bundle))
    body = {
        "text": f"{head} {slack_text(sentence(bundle))}",
        "attachments": [
            {
                "color": f"#{colour(bundle):06x}",
                "title": head,
                "text": "\n".join(slack_text(line) for line in lines(bundle)),
                "ts": bundle.notifications[0].created_at_ms // 1000,
                "mrkdwn_in": [],
                **({"title_link": url} if url else {}),
            }
        ],
    }
    return Message(receiver.url, json.dumps(body, ensure_ascii=False).encode(), JSON)


def slack_text(text: str) -> str:
    """Slack's three escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def discord(receiver: Receiver, bundle: Bundle, public_url: str, _now_ms: int) -> Message:
    """Discord's webhook: one embed; mentions are off and Markdown is escaped."""
    embed: dict[str, object] = {
        "title": discord_text(headline(bundle), 250),
        "description": "\n".join(discord_text(line, 900) for line in lines(bundle))[:4000],
        "color": colour(bundle),
    }
    if url := link(bundle, public_url):
        embed["url"] = url
    body = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return Message(receiver.url, json.dumps(body, ensure_ascii=False).encode(), JSON)


def discord_text(text: str, length: int) -> str:
    """Discord's Markdown taken as it stands."""
    return MARKDOWN.sub(r"\\\1", text)[:length]


SLACK = Notifier(slack)
DISCORD = Notifier(discord)
