"""Apprise in its child process, against a real receiver."""

from __future__ import annotations

import threading

from alerts.notify import apprise
from alerts.telling import notification
from model.alert import DeliveryState
from tests.alerts.story import START_MS, a_receiver, an_alert, bundle_of
from tests.support.webhook import Scripted, receiving


def test_it_sends_and_says_when_it_could_not() -> None:
    with receiving(Scripted(200), Scripted(500)) as server:
        receiver = a_receiver(kind="apprise", url=server.url.replace("http:", "json:"))
        message = apprise.write(receiver, bundle_of(notification(an_alert(), "ops", "firing", START_MS)), "", START_MS)
        assert apprise.send(message, 60).state is DeliveryState.ACCEPTED
        assert apprise.send(message, 60).state is DeliveryState.RETRY
        sent = server.requests[0].json()
    assert sent["title"] == "[FIRING · warning] CpuThrottled"
    assert "web: Held back by its CPU limit." in sent["message"]
    assert sent["type"] == "warning"


def test_a_service_that_hangs_is_ended_with_its_process() -> None:
    hang = threading.Event()
    with receiving(*[Scripted(hang=hang)] * 9) as server:
        receiver = a_receiver(kind="apprise", url=server.url.replace("http:", "json:"))
        message = apprise.write(receiver, bundle_of(notification(an_alert(), "ops", "firing", START_MS)), "", START_MS)
        answer = apprise.send(message, 2)
        hang.set()
    assert answer.state is DeliveryState.RETRY
    assert answer.detail == "Apprise did not end within 2 s"
