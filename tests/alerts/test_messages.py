"""The outside of an alert: labels, annotations, and Alertmanager's webhook body."""

from __future__ import annotations

import json

from alerts.messages import ZERO_TIME, annotations_of, labels_of, webhook_body
from alerts.telling import notification
from model.alert import AlertState
from tests.alerts.story import START_MS, WEB, an_alert


def test_the_whole_body() -> None:
    alert = an_alert(action="Changed: CPU limit 0.20 → 0.50 cores.", change_id="c1", labels={"team": "shop"})
    body = webhook_body([notification(alert, "ops", "firing", START_MS)], "https://w.example/sub/")
    page = f"https://w.example/sub/containers/{WEB}"
    labels = {
        "team": "shop",
        "alertname": "CpuThrottled",
        "severity": "warning",
        "host": "harbour",
        "container": "web",
        "container_id": WEB,
        "image": "nginx:1",
        "group": "shop",
    }
    annotations = {
        "summary": "web: Held back by its CPU limit.",
        "description": "cpu_throttled_periods_ratio 90 %",
        "advice": "Raise it.",
        "value": "0.9",
        "action": "Changed: CPU limit 0.20 → 0.50 cores.",
        "dashboard_url": page,
        "change_id": "c1",
    }
    grouped = {"alertname": "CpuThrottled", "host": "harbour", "container_id": WEB}
    assert body == {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="CpuThrottled", container_id="{WEB}", host="harbour"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": grouped,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "https://w.example/sub",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": "2027-01-15T08:00:00.000Z",
                "endsAt": ZERO_TIME,
                "generatorURL": page,
                "fingerprint": "0123456789abcdef",
            }
        ],
    }


def test_a_resolve_says_when_and_why() -> None:
    alert = an_alert(state=AlertState.RESOLVED, ended_at_ms=START_MS + 61_000, reason="gone")
    body = webhook_body([notification(alert, "ops", "resolved", START_MS)], "")
    (one,) = body["alerts"]  # type: ignore[misc]
    assert (body["status"], one["status"]) == ("resolved", "resolved")
    assert one["endsAt"] == "2027-01-15T08:01:01.000Z"
    assert one["annotations"]["reason"] == "gone"
    assert "dashboard_url" not in one["annotations"]


def test_an_alert_of_the_host_has_the_same_labels_empty() -> None:
    alert = an_alert(container_id="", name="harbour", image="", group="")
    assert set(labels_of(alert)) == set(labels_of(an_alert()))
    assert labels_of(alert)["container"] == ""
    assert annotations_of(alert, "https://w.example")["dashboard_url"] == "https://w.example/hosts/harbour"


def test_hostile_text_stays_text_and_short() -> None:
    nasty = 'x"}\x00\x1b[31m\n<script>' + "y" * 5000
    alert = an_alert(name=nasty, image=nasty, group=nasty, summary=nasty, description=nasty, advice=nasty)
    text = json.dumps(webhook_body([notification(alert, "ops", "firing", START_MS)], "https://w.example"))
    assert len(text) < 20_000
    assert "\\u0000" not in text
    assert "\\u001b" not in text
    assert json.loads(text)["commonLabels"]["container"].startswith('x"} [31m <script>')


def test_the_same_message_has_the_same_id_and_another_one_has_not() -> None:
    ids = {
        notification(an_alert(**more), receiver, status, START_MS).id  # type: ignore[arg-type]
        for more in ({}, {"started_at_ms": START_MS + 1}, {"id": "f" * 16})
        for receiver in ("a", "b")
        for status in ("firing", "resolved")
    }
    assert len(ids) == 12
    assert notification(an_alert(), "a", "firing", 1).id == notification(an_alert(), "a", "firing", 2).id
