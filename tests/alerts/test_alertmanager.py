"""A real Alertmanager takes our alerts, shows them, and takes them for over when we say so."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.outbox import Dispatcher
from alerts.telling import notification
from model.alert import Alert, AlertState, Transition
from storage.memory import MemoryState
from tests.alerts.story import a_receiver, an_alert
from tests.support.wait import wait_until

pytestmark = pytest.mark.alertmanager


def active(url: str) -> dict[str, Any]:
    """What Alertmanager shows as active, by container."""
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=5) as answer:
        return {alert["labels"]["container"]: alert for alert in json.load(answer)}


def test_firing_and_resolved(alertmanager: Any) -> None:
    url = alertmanager.url
    state = MemoryState()
    receiver = a_receiver(kind="alertmanager", url=url)
    dispatcher = Dispatcher(state, lambda: (receiver,), "harbour", "https://w.example")
    now_ms = int(datetime.now(UTC).timestamp() * 1000)

    def tell(alert: Alert, status: str, at_ms: int) -> None:
        state.commit(
            (Transition(at_ms, AlertState.INACTIVE, alert, notify=True),),
            (alert,),
            (notification(alert, "ops", status, at_ms),),
        )
        while dispatcher.deliver("ops", at_ms) == 0:
            pass

    firing = an_alert(name="am-web", image='ng"inx:1\n', started_at_ms=now_ms - 1000, told=("ops",), group="")
    tell(firing, "firing", now_ms)
    assert [d.state.value for d in state.deliveries()] == ["accepted"]
    shown = wait_until(lambda: active(url).get("am-web"), 10, "Alertmanager to show the alert")
    assert shown["labels"]["alertname"] == "CpuThrottled"
    assert shown["annotations"]["advice"] == "Raise it."
    assert shown["generatorURL"].startswith("https://w.example/containers/")

    tell(replace(firing, state=AlertState.RESOLVED, ended_at_ms=now_ms), "resolved", now_ms + 1000)
    assert [d.state.value for d in state.deliveries()] == ["accepted", "accepted"]
    wait_until(lambda: "am-web" not in active(url), 10, "Alertmanager to see it as over")
