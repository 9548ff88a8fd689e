"""How an alert is said to each kind of receiver."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerts.notify.kinds import NOTIFIERS
from alerts.notify.notifier import Message
from alerts.telling import notification
from model.alert import AlertState, Severity
from tests.alerts.story import START_MS, WEB, a_receiver, an_alert, bundle_of

PAGE = f"https://w.example/containers/{WEB}"


def message(kind: str, status: str = "firing", url: str = "https://x.example/hook", **more: object) -> Message:
    over = status == "resolved"
    alert = an_alert(
        state=AlertState.RESOLVED if over else AlertState.FIRING,
        ended_at_ms=START_MS + 60_000 if over else None,
        **more,
    )
    receiver = a_receiver(kind=kind, url=url, secret="s3cret")
    return NOTIFIERS[kind].write(
        receiver, bundle_of(notification(alert, "ops", status, START_MS)), "https://w.example", START_MS
    )


def body(kind: str, status: str = "firing", **more: object) -> Any:
    return json.loads(message(kind, status, **more).body)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", sorted(NOTIFIERS))
@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_every_kind_says_who_what_and_whether_it_is_over(kind: str, status: str) -> None:
    text = message(kind, status).body.decode()
    if kind == "pagerduty" and status == "resolved":
        assert json.loads(text)["dedup_key"] == json.loads(message(kind, "firing").body)["dedup_key"]
        return
    assert "web" in text
    assert "CpuThrottled" in text
    if kind != "alertmanager":
        assert ("resolve" in text.lower()) is (status == "resolved")


def test_alertmanager() -> None:
    (firing,), sent = body("alertmanager"), message("alertmanager", url="http://am:9093/")
    assert sent.url == "http://am:9093/api/v2/alerts"
    assert message("alertmanager", url="http://am:9093/p/api/v2/alerts").url == "http://am:9093/p/api/v2/alerts"
    assert sent.headers["Authorization"] == "Bearer s3cret"
    assert firing["labels"]["alertname"] == "CpuThrottled"
    assert (firing["startsAt"], firing["endsAt"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:05:00.000Z")
    (over,) = body("alertmanager", "resolved")
    assert over["endsAt"] == "2027-01-15T08:01:00.000Z"
    (bare,) = body("alertmanager", group="", image="")
    assert not {"group", "image"} & set(bare["labels"])


def test_slack_escapes_what_could_mention_somebody() -> None:
    sent = body("slack", name="<!channel>&", action="Changed: CPU limit.")
    assert sent["text"].startswith("[FIRING · warning] CpuThrottled &lt;!channel&gt;&amp;: Held back")
    (attachment,) = sent["attachments"]
    assert attachment["title_link"] == PAGE
    assert "Changed: CPU limit." in attachment["text"]
    assert attachment["color"] == "#875800"
    assert body("slack", "resolved")["attachments"][0]["color"] == "#1d7148"


def test_discord_mentions_nobody() -> None:
    sent = body("discord", name="@everyone **x**")
    assert sent["allowed_mentions"] == {"parse": []}
    (embed,) = sent["embeds"]
    assert embed["url"] == PAGE
    assert "\\@everyone \\*\\*x\\*\\*" in embed["description"]
    assert len(body("discord", name="n" * 9000, summary="s" * 9000)["embeds"][0]["description"]) <= 4000


def test_ntfy_posts_to_the_root_with_the_topic() -> None:
    sent = message("ntfy", url="https://ntfy.example/base/harbour%20alerts")
    assert sent.url == "https://ntfy.example/base/"
    content = json.loads(sent.body)
    assert (content["topic"], content["priority"], content["click"]) == ("harbour alerts", 4, PAGE)
    assert sent.headers["Authorization"] == "Bearer s3cret"
    assert body("ntfy", severity=Severity.CRITICAL)["priority"] == 5
    assert body("ntfy", "resolved")["tags"] == ["white_check_mark"]


def test_pagerduty_opens_and_closes_the_same_incident() -> None:
    opened, closed = body("pagerduty"), body("pagerduty", "resolved")
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"]
    assert opened["routing_key"] == "s3cret"
    assert (opened["payload"]["severity"], opened["payload"]["source"]) == ("warning", "harbour")
    assert opened["client_url"] == PAGE


def test_apprise_gets_title_text_and_type() -> None:
    assert body("apprise")["notify_type"] == "warning"
    assert body("apprise", "resolved")["notify_type"] == "success"
    assert body("apprise")["body"].endswith(PAGE)
