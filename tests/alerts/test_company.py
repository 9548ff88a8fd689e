"""Who is told together, again, later, or not now: grouping, reminders, escalation, flapping, maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from alerts.engine import Engine
from alerts.maintenance import windows
from alerts.outbox import Dispatcher
from config.schema import AlertSettings, MaintenanceSettings
from model.alert import AlertState, Hours, Receiver, Rule, Selector, Severity, Silence
from model.errors import InvalidInput
from tests.alerts.story import START_MS, WEB, a_change, a_receiver, target
from tests.alerts.test_engine import BUSY, Harbour
from tests.support.webhook import receiving

KEYS = tuple(letter * 64 for letter in "abc")
MINUTE = 60


class Service(Harbour):
    """Three containers of one compose service; :meth:`busy` names those whose rule is true."""

    def __init__(self, *receivers: Receiver, rules: Sequence[Rule] = (BUSY,), **settings: object) -> None:
        self.settings = AlertSettings(**settings)  # type: ignore[arg-type]
        super().__init__(rules, receivers or (a_receiver(),))
        self.story.targets = {
            key: target(key, f"shop-web-{i}", service="shop/web") for i, key in enumerate(KEYS, start=1)
        }

    def begin(self) -> Engine:
        return Engine(self.rules, self.receivers, self.state, self.story.recent, "harbour", settings=self.settings)

    def busy(self, *which: int, seconds: int = 1) -> list[str]:
        """So many seconds in which these replicas are busy; the transitions."""
        told: list[str] = []
        for _ in range(seconds):
            values = {key: {"cpu_usage_cores": 2.0 if i in which else 0.1} for i, key in enumerate(KEYS, start=1)}
            told += self.evaluate(self.story.tick(values))
        return told

    def post(self, receiver: str = "ops") -> list[dict[str, object]]:
        """Deliver what is due over HTTP; the bodies, in order."""
        with receiving() as server:
            known = tuple(a_receiver(r.name, server.url) for r in self.receivers)
            dispatcher = Dispatcher(self.state, lambda: known, "harbour", timeout_s=5.0)
            while dispatcher.deliver(receiver, self.story.now_ms) == 0:
                pass
            dispatcher.close()
            return [request.json() for request in server.requests]


def told(bodies: Sequence[dict[str, object]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """(status, [(container, status)]) of each message."""
    return [
        (
            str(body["status"]),
            [(a["labels"]["container"], a["status"]) for a in body["alerts"]],  # type: ignore[attr-defined]
        )
        for body in bodies
    ]


def test_a_scaled_service_sends_one_message_and_one_when_it_is_over() -> None:
    shop = Service()
    shop.busy(1)
    assert shop.post() == []  # it waits for the others
    shop.busy(1, 2)
    shop.busy(1, 2, 3, seconds=9)
    firing = [(f"shop-web-{i}", "firing") for i in (1, 2, 3)]
    (body,) = shop.post()
    assert told([body]) == [("firing", firing)]
    assert body["groupLabels"] == {"alertname": "Busy", "host": "harbour", "service": "shop/web"}
    shop.busy(1, 2)
    shop.busy(1, seconds=20)
    assert shop.post() == []
    shop.busy()
    assert told(shop.post()) == [("resolved", [(f"shop-web-{i}", "resolved") for i in (3, 2, 1)])]


def test_what_joins_a_group_later_goes_out_together_minutes_later() -> None:
    shop = Service()
    shop.busy(1, seconds=11)
    assert told(shop.post()) == [("firing", [("shop-web-1", "firing")])]
    shop.busy(1, 2)
    shop.restart()
    shop.busy(1, 2, 3, seconds=200)
    assert shop.post() == []
    shop.busy(1, 2, 3, seconds=100)
    assert told(shop.post()) == [("firing", [("shop-web-2", "firing"), ("shop-web-3", "firing")])]


def test_what_joined_and_is_over_before_it_was_told_is_never_told() -> None:
    shop = Service()
    shop.busy(1, seconds=11)
    shop.post()
    shop.busy(1, 2)
    shop.busy(1, seconds=300)
    assert shop.post() == []


def test_a_container_alone_is_told_at_once() -> None:
    shop = Service()
    shop.story.targets = {WEB: target(service="shop/web"), KEYS[1]: target(KEYS[1], "db", service="db")}
    shop.busy(1)
    assert told(shop.post()) == [("firing", [("web", "firing")])]


def test_a_message_that_was_attempted_never_grows() -> None:
    shop = Service(group_wait_s=0.0, group_interval_s=0.0)
    shop.busy(1, 2)
    (first, *_) = shop.state.due("ops", shop.story.now_ms)
    fixed = shop.state.bundle(first)
    shop.busy(1, 2, 3)
    assert [n.id for n in shop.state.bundle(first)] == [n.id for n in fixed]
    assert {n.message_id for n in fixed} == {first.id}
    assert [len(body["alerts"]) for body in shop.post()] == [2, 1]  # type: ignore[arg-type]


def test_an_incident_is_closed_when_nothing_of_the_service_fires() -> None:
    shop = Service(group_wait_s=0.0, group_interval_s=0.0)
    shop.busy(1, 2)
    shop.post()
    shop.busy(1)
    assert told(shop.post()) == [("firing", [("shop-web-2", "resolved")])]
    shop.busy()
    assert told(shop.post()) == [("resolved", [("shop-web-1", "resolved")])]


def test_who_asks_is_told_again_until_somebody_acknowledges() -> None:
    shop = Service(a_receiver(repeat_s=600.0), a_receiver("once"), group_wait_s=0.0)
    shop.busy(1)
    assert (len(shop.post()), len(shop.post("once"))) == (1, 1)
    shop.busy(1, seconds=599)
    assert shop.post() == []
    shop.restart()
    shop.busy(1)
    assert told(shop.post()) == [("firing", [("shop-web-1", "firing")])]
    assert shop.post("once") == []
    shop.engine.acknowledge(shop.engine.alerts()[0].id, "ann", shop.story.now_ms)
    shop.busy(1, seconds=700)
    assert shop.post() == []


def test_reminders_do_not_heap_up_while_the_receiver_is_away() -> None:
    shop = Service(a_receiver(repeat_s=60.0), group_wait_s=0.0)
    shop.busy(1, seconds=10 * MINUTE)
    assert shop.state.undelivered() == {"ops": 1}
    assert len(shop.post()) == 1


def test_a_second_receiver_hears_of_what_nobody_acknowledged() -> None:
    boss = a_receiver("boss", escalate_after_s=900.0)
    shop = Service(a_receiver(), boss, group_wait_s=0.0)
    shop.busy(1)
    assert (len(shop.post()), shop.post("boss")) == (1, [])
    shop.busy(1, seconds=899)
    assert shop.post("boss") == []
    shop.restart()
    shop.busy(1)
    assert told(shop.post("boss")) == [("firing", [("shop-web-1", "firing")])]
    shop.busy()
    assert told(shop.post("boss")) == [("resolved", [("shop-web-1", "resolved")])]


def test_what_is_acknowledged_in_time_is_not_escalated() -> None:
    shop = Service(a_receiver(), a_receiver("boss", escalate_after_s=60.0), group_wait_s=0.0)
    shop.busy(1)
    shop.engine.acknowledge(shop.engine.alerts()[0].id, "ann", shop.story.now_ms)
    shop.busy(1, seconds=120)
    shop.busy()
    assert shop.post("boss") == []


def test_an_alert_that_comes_and_goes_is_held() -> None:
    shop = Service(flapping_firings=3, group_wait_s=0.0, group_interval_s=0.0)
    swings = [shop.busy(1) + shop.busy() for _ in range(2)]
    assert swings == [["Busy inactive>firing", "Busy firing>resolved"]] * 2
    shop.restart()
    assert shop.busy(1) == ["Busy inactive>firing"]
    assert shop.engine.alerts()[0].flapping_hold_s == 900.0
    last = shop.post()[-1]
    assert "counts as firing until it was quiet for 15 min" in last["commonAnnotations"]["flapping"]  # type: ignore[index]
    assert [shop.busy() + shop.busy(1) for _ in range(50)] == [[]] * 50
    assert shop.busy(seconds=900) == []
    assert shop.busy() == ["Busy firing>resolved"]


def test_slow_swings_are_no_flapping() -> None:
    shop = Service(flapping_firings=2, flapping_window_s=60.0)
    for _ in range(3):
        assert shop.busy(1) == ["Busy inactive>firing"]
        assert shop.busy(seconds=70) == ["Busy firing>resolved"]


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_window_that_recurs_holds_messages_back_until_it_ends() -> None:
    window = MaintenanceSettings(name=["shop-*"], start="23:00", end="01:00", days=["sat"], zone="UTC")
    shop = Service(maintenance=[window], group_wait_s=0.0)
    shop.story.now_ms = at("2026-11-22 00:59:57")  # a Sunday: it began on Saturday
    shop.busy(1)
    (alert,) = shop.engine.alerts()
    assert (alert.state, alert.silenced_until_ms) == (AlertState.FIRING, at("2026-11-22 01:00:00"))
    assert shop.post() == []
    shop.busy(1, seconds=2)
    assert len(shop.post()) == 1
    assert [(s.source, s.comment) for s in shop.engine.silences(shop.story.now_ms)] == [("config", "")]


def test_a_silence_begins_when_it_says() -> None:
    shop = Service(group_wait_s=0.0)
    soon = shop.story.now_ms + 5000
    hours = Hours(0, 1440, tuple(range(7)), "UTC")
    shop.engine.add_silence(Silence("s1", Selector(), (), soon, soon + 60_000, "ann", "", hours))
    shop.busy(1)
    shop.busy(1, 2, seconds=5)
    assert told(shop.post()) == [("firing", [("shop-web-1", "firing"), ("shop-web-2", "firing")])]
    shop.busy(1, 2, 3, seconds=10)
    assert shop.post() == []


@pytest.mark.parametrize(
    ("window", "path", "words"),
    [
        (MaintenanceSettings(), "alerts.maintenance[0]", "give it hours"),
        (MaintenanceSettings(start="2:00"), "alerts.maintenance[0].start", "write 08:30"),
        (MaintenanceSettings(days=["sunday"]), "alerts.maintenance[0].days", "is no day"),
        (MaintenanceSettings(start="02:00", end="02:00"), "alerts.maintenance[0].end", "is the same time as start"),
        (MaintenanceSettings(start="02:00", zone="Atlantis"), "alerts.maintenance[0].zone", "is no time zone"),
    ],
)
def test_a_bad_window_says_what_to_do(window: MaintenanceSettings, path: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        windows(AlertSettings(maintenance=[window]))
    assert [fault.path for fault in caught.value.faults] == [path]
    assert words in caught.value.faults[0].message


def test_info_is_not_grouped_away_from_who_asks_for_it() -> None:
    info = Rule("Busy", Severity.INFO, BUSY.condition)
    shop = Service(a_receiver(), a_receiver("log", match={"severity": ("info",)}), rules=(info,))
    shop.busy(1, 2, 3)
    shop.busy(1, 2, 3, seconds=10)
    assert (shop.post(), len(shop.post("log"))) == ([], 1)
    assert shop.story.now_ms > START_MS


def test_limits_changed_of_a_scaled_service_are_one_message() -> None:
    log = a_receiver("log", match={"severity": ("info",)})
    shop = Service(log)
    for i, key in enumerate(KEYS, start=1):
        shop.engine.record_change(a_change(id=f"c{i}", container_id=key, name=f"shop-web-{i}"))
    shop.busy(seconds=12)
    first, *rest = shop.post("log")
    assert told([first]) == [("firing", [(f"shop-web-{i}", "firing") for i in (1, 2, 3)])]
    assert [a["annotations"]["change_id"] for a in first["alerts"]] == ["c1", "c2", "c3"]  # type: ignore[attr-defined]
    shop.busy(seconds=300)
    rest += shop.post("log")
    assert told(rest) == [("resolved", [(f"shop-web-{i}", "resolved") for i in (1, 2, 3)])]
