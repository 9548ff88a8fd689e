"""Receivers from the configuration and the API, and what may be wrong with one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.notify.kinds import NOTIFIERS
from alerts.receivers import configured, faults_of, merged
from config.schema import AlertSettings, ReceiverSettings
from model.errors import InvalidInput
from tests.alerts.story import a_receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_one_line_is_enough() -> None:
    (receiver,) = configured(AlertSettings(webhook_url="https://hooks.example/x", webhook_secret=SECRET))
    assert (receiver.name, receiver.kind, receiver.url) == ("webhook", "webhook", "https://hooks.example/x")
    assert (receiver.secret, receiver.match, receiver.enabled) == (SECRET, {}, True)
    assert configured(AlertSettings()) == ()


def test_receivers_of_the_configuration() -> None:
    settings = AlertSettings(
        webhook_url="https://hooks.example/x",
        receiver=[
            ReceiverSettings("pager", "pagerduty", "https://p.example/", "key", match={"severity": ["critical"]})
        ],
    )
    assert [(r.name, dict(r.match)) for r in configured(settings)] == [
        ("webhook", {}),
        ("pager", {"severity": ("critical",)}),
    ]


def test_all_faults_at_once_and_no_secret_in_them() -> None:
    settings = AlertSettings(
        webhook_url="hooks.example/secret",
        receiver=[
            ReceiverSettings("webhook", "webhok", "https://x.example/"),
            ReceiverSettings("a b", "slack", ""),
            ReceiverSettings("ntfy", "ntfy", "https://ntfy.sh/", match={"severity": ["fatal"], "group": []}),
            ReceiverSettings("pager", "pagerduty", "https://p.example/"),
            ReceiverSettings("signed", "webhook", "https://x.example/", "whsec_not base64"),
            ReceiverSettings("short", "webhook", "https://x.example/", "whsec_QUJD"),
        ],
    )
    with pytest.raises(InvalidInput) as caught:
        configured(settings)
    assert [str(fault) for fault in caught.value.faults] == [
        "alerts.webhook_url.url: must be a URL such as http://host:port",
        "alerts.receiver[0].kind: 'webhok' is not known (did you mean webhook?)",
        "alerts.receiver[0].name: webhook is taken: give each receiver a name of its own",
        "alerts.receiver[1].name: must be 1 to 63 letters, digits, dots, hyphens and underscores",
        "alerts.receiver[1].url: is missing: where should notifications go?",
        "alerts.receiver[2].url: names no topic: write https://ntfy.sh/your-topic",
        "alerts.receiver[2].match.severity: 'fatal' is no severity (one of info, warning, critical)",
        "alerts.receiver[2].match.group: accepts no value, so nothing would ever be sent",
        "alerts.receiver[3].secret: is missing: it is the routing key of the PagerDuty integration",
        "alerts.receiver[4].secret: begins with whsec_ but is no Base64 after it: copy it again, or leave whsec_ out",
        "alerts.receiver[5].secret: is too short: whsec_ wants at least 16 bytes in Base64",
    ]


@pytest.mark.parametrize("kind", sorted(NOTIFIERS))
def test_every_kind_accepts_a_good_receiver(kind: str) -> None:
    url = "mailto://user:pass@example.com" if kind == "apprise" else "https://x.example/topic"
    assert faults_of(a_receiver(kind=kind, url=url, secret="a-secret")) == ()


def test_stored_receivers_join_the_configured_ones() -> None:
    ops = a_receiver("ops", "https://a.example/")
    mine = a_receiver("mine", "https://b.example/", source="api")
    assert merged([ops], [mine]) == (ops, mine)
    gone = replace(ops, enabled=False)
    assert merged([ops], [gone, mine]) == (gone, mine)
    moved = a_receiver("ops", "https://new.example/")
    assert merged([moved], [gone]) == (moved,)
    assert merged([], [gone]) == ()
