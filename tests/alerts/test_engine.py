"""Rules over ticks, against a store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from alerts.defaults import DEFAULT_RULES
from alerts.engine import Engine
from model.alert import (
    Alert,
    AlertState,
    Condition,
    Notification,
    Receiver,
    Rule,
    Selector,
    Severity,
    Silence,
    Transition,
)
from model.errors import NotThere, StoreError
from model.event import Event
from model.finding import Finding
from model.sample import Gap, Snapshot
from storage.memory import MemoryState
from tests.alerts.story import DB, START_MS, WEB, Story, a_finding, a_receiver, target

BUSY = Rule("Busy", Severity.WARNING, Condition("cpu_usage_cores", function="last", threshold=1.0))
THROTTLED = Rule("CpuThrottled", Severity.WARNING, Condition(detector="cpu_throttled"))


class Harbour:
    """An engine, its store and its story."""

    def __init__(self, rules: Sequence[Rule] = (BUSY,), receivers: Sequence[Receiver] = (a_receiver(),)) -> None:
        self.story, self.state = Story(), MemoryState()
        self.rules, self.receivers = tuple(rules), tuple(receivers)
        self.engine = self.begin()

    def begin(self) -> Engine:
        return Engine(self.rules, self.receivers, self.state, self.story.recent, "harbour", "https://w.example")

    def restart(self) -> None:
        self.engine = self.begin()

    def second(self, cores: float | None = None, findings: Sequence[Finding] = (), **more: object) -> list[str]:
        """One tick in which ``web`` uses so many cores (None: no sample); the transitions in words."""
        values = {} if cores is None else {WEB: {"cpu_usage_cores": cores}}
        return self.evaluate(self.story.tick(values, **more), findings)  # type: ignore[arg-type]

    def evaluate(self, snapshot: Snapshot, findings: Sequence[Finding] = ()) -> list[str]:
        return said(self.engine.evaluate(snapshot, findings, snapshot.at_ms))

    def queue(self, receiver: str = "ops") -> list[Notification]:
        """What waits for a receiver, oldest of each alert."""
        return list(self.state.due(receiver, self.story.now_ms + 1_000_000))

    def deliver(self, receiver: str = "ops") -> list[str]:
        """Take everything that waits as delivered; what it said, in order."""
        heard = []
        while due := self.state.due(receiver, self.story.now_ms):
            for notification in due:
                heard.append(f"{notification.alert.rule} {notification.status}")
                self.state.delivered(accepted(notification), delivery(notification))
        return heard


def accepted(notification: Notification) -> Notification:
    from model.alert import DeliveryState

    return replace(notification, state=DeliveryState.ACCEPTED, attempts=1)


def delivery(notification: Notification) -> object:
    from model.alert import Delivery, DeliveryState

    return Delivery(
        0,
        notification.id,
        START_MS,
        notification.receiver,
        notification.alert_id,
        notification.status,
        DeliveryState.ACCEPTED,
        200,
        0.0,
        "",
    )


def said(transitions: Sequence[Transition]) -> list[str]:
    return [f"{t.alert.rule} {t.before.value}>{t.alert.state.value}" for t in transitions]


def open_alert(harbour: Harbour) -> Alert:
    (alert,) = harbour.engine.alerts()
    return alert


def test_a_metric_rule_fires_and_resolves_and_is_told_once_each() -> None:
    harbour = Harbour()
    assert harbour.second(0.5) == []
    assert harbour.second(1.5) == ["Busy inactive>firing"]
    assert harbour.second(1.6) == []
    alert = open_alert(harbour)
    assert (alert.container_id, alert.name, alert.image, alert.group) == (WEB, "web", "nginx:1", "shop")
    assert alert.summary == "cpu_usage_cores is 1.60 cores, above 1.00 cores."
    assert (alert.value, alert.threshold, alert.told) == (1.6, 1.0, ("ops",))
    assert harbour.deliver() == ["Busy firing"]
    assert harbour.second(0.1) == ["Busy firing>resolved"]
    assert harbour.engine.alerts() == ()
    assert harbour.deliver() == ["Busy resolved"]
    assert [t.notify for t in harbour.state.alert_history(since_ms=0)] == [True, True]


def test_a_detector_rule_takes_its_words_from_the_finding() -> None:
    harbour = Harbour([THROTTLED])
    assert harbour.second(0.2, [a_finding()]) == ["CpuThrottled inactive>firing"]
    alert = open_alert(harbour)
    assert (alert.finding_id, alert.advice, alert.value) == ("f1", "Raise it.", 0.9)
    assert "cpu_throttled_periods_ratio 90 % (threshold 25 %) over 2 s" in alert.description
    assert harbour.second(0.2) == ["CpuThrottled firing>resolved"]


def test_a_finding_for_information_moves_only_rules_for_information() -> None:
    quiet = [a_finding(severity=Severity.INFO)]
    assert Harbour([THROTTLED]).second(0.2, quiet) == []
    info = Harbour([replace(THROTTLED, severity=Severity.INFO)])
    assert info.second(0.2, quiet) == ["CpuThrottled inactive>firing"]
    assert info.queue() == []


def test_missing_data_resolves_nothing() -> None:
    harbour = Harbour([BUSY, THROTTLED])
    harbour.second(1.5, [a_finding()])
    for _ in range(10):
        assert harbour.second(None, gaps=[Gap(WEB, "cpu", "no such file")]) == []
    assert len(harbour.engine.alerts()) == 2
    assert harbour.second(0.5) == ["Busy firing>resolved", "CpuThrottled firing>resolved"]


def test_a_host_that_cannot_be_read_loses_no_container() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    harbour.story.targets = {}
    for _ in range(10):
        assert harbour.second(None, gaps=[Gap("", "cgroup", "permission denied")]) == []
    for _ in range(3):
        transitions = harbour.second(None, gaps=[Gap("", "cpu_pressure", "not offered")])
    assert transitions == ["Busy firing>resolved"]


def test_a_stopped_container_resolves_its_alerts() -> None:
    harbour = Harbour([BUSY, replace(BUSY, name="Slow", for_s=60.0)])
    harbour.second(1.5)
    harbour.story.targets = {}
    stop = Event(START_MS, "stop", "harbour", WEB, "web")
    assert sorted(harbour.second(None, events=[stop])) == ["Busy firing>resolved", "Slow pending>inactive"]
    (resolved,) = [t for t in harbour.state.alert_history(since_ms=0) if t.alert.state is AlertState.RESOLVED]
    assert resolved.alert.reason == "gone"


@pytest.mark.parametrize("state", ["exited", "removed"])
def test_a_container_that_is_known_to_have_ended_is_gone(state: str) -> None:
    harbour = Harbour()
    harbour.second(1.5)
    harbour.story.targets = {WEB: target(state=state)}
    assert harbour.second(None) == ["Busy firing>resolved"]


def test_a_container_that_vanishes_without_a_word_is_gone_after_three_seconds() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    harbour.second(1.5)
    harbour.story.targets = {}
    assert [harbour.second(None) for _ in range(3)] == [[], [], ["Busy firing>resolved"]]


def test_an_oom_kill_outlives_its_container() -> None:
    rule = next(r for r in DEFAULT_RULES if r.name == "MemoryOomKilled")
    harbour = Harbour([rule])
    harbour.story.targets = {}
    oom = a_finding("memory_oom_killed", severity=Severity.CRITICAL, summary="Out of memory.")
    stop = Event(START_MS, "stop", "harbour", WEB, "web", detail={"oom_killed": True})
    assert harbour.second(None, [oom], events=[stop]) == ["MemoryOomKilled inactive>firing"]
    assert harbour.deliver() == ["MemoryOomKilled firing"]
    quiet = [harbour.second(None) for _ in range(241)]
    assert [words for words in quiet if words] == [["MemoryOomKilled firing>resolved"]]


def test_a_restart_tells_nobody_again() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    assert harbour.deliver() == ["Busy firing"]
    harbour.restart()
    assert open_alert(harbour).told == ("ops",)
    assert harbour.second(1.5) == []
    assert harbour.queue() == []
    assert harbour.second(0.5) == ["Busy firing>resolved"]
    assert harbour.deliver() == ["Busy resolved"]


def test_what_was_queued_before_a_crash_is_still_queued() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    before = [n.id for n in harbour.queue()]
    harbour.restart()
    harbour.second(1.5)
    assert [n.id for n in harbour.queue()] == before


def test_a_pending_alert_keeps_its_patience_over_a_restart() -> None:
    harbour = Harbour([replace(BUSY, for_s=3.0)])
    harbour.second(1.5)
    harbour.second(1.5)
    harbour.restart()
    assert harbour.second(1.5) == []
    assert harbour.second(1.5) == ["Busy pending>firing"]


def test_a_store_that_fails_delays_and_loses_nothing() -> None:
    harbour = Harbour()
    keep, failing = harbour.state.commit, [True]

    def commit(*args: object) -> None:
        if failing[0]:
            raise StoreError("disk full")
        keep(*args)  # type: ignore[arg-type]

    harbour.state.commit = commit  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        harbour.second(1.5)
    assert harbour.engine.alerts() == ()
    failing[0] = False
    assert harbour.second(1.5) == ["Busy inactive>firing"]
    assert harbour.deliver() == ["Busy firing"]


def test_the_mute_label_counts_only_as_the_containers_own() -> None:
    off = {"wharfinger.alerts": "off"}
    harbour = Harbour()
    harbour.story.targets = {WEB: target(labels=off)}
    assert harbour.second(1.5) == []
    harbour.story.targets = {WEB: target(labels=off, image_labels=off)}
    assert harbour.second(1.5) == ["Busy inactive>firing"]
    harbour.story.targets = {WEB: target(labels=off)}
    assert harbour.second(1.5) == ["Busy firing>resolved"]


def test_selectors_choose_containers() -> None:
    rule = replace(BUSY, selector=Selector(name=("we*",), group=("shop",), labels={"tier": "front*"}))
    harbour = Harbour([rule])
    harbour.story.targets = {
        WEB: target(labels={"tier": "frontend"}),
        DB: target(DB, "web-2", labels={"tier": "back"}),
    }
    harbour.evaluate(harbour.story.tick({WEB: {"cpu_usage_cores": 2.0}, DB: {"cpu_usage_cores": 2.0}}))
    assert [alert.container_id for alert in harbour.engine.alerts()] == [WEB]


def test_a_rule_about_the_host() -> None:
    rule = Rule(
        "HostBusy", Severity.WARNING, Condition("cpu_usage_cores", function="last", threshold=7.0, of_host=True)
    )
    harbour = Harbour([rule])
    harbour.story.host_values["cpu_usage_cores"] = 7.9
    assert harbour.second(0.1) == ["HostBusy inactive>firing"]
    assert (open_alert(harbour).container_id, open_alert(harbour).name) == ("", "harbour")


def test_receivers_get_what_they_ask_for() -> None:
    receivers = [
        a_receiver("ops"),
        a_receiver("all", match={"severity": ("info", "warning", "critical")}),
        a_receiver("shop", match={"group": ("shop", "other")}),
        a_receiver("db", match={"container": ("db-*",)}),
        a_receiver("off", enabled=False),
    ]
    harbour = Harbour([BUSY, replace(BUSY, name="Note", severity=Severity.INFO)], receivers)
    harbour.second(1.5)
    heard = {r.name: sorted(harbour.deliver(r.name)) for r in receivers}
    assert heard == {
        "ops": ["Busy firing"],
        "all": ["Busy firing", "Note firing"],
        "shop": ["Busy firing"],
        "db": [],
        "off": [],
    }


def test_a_receiver_that_is_added_later_hears_of_what_still_fires() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    harbour.engine.reload(harbour.rules, (*harbour.receivers, a_receiver("new")))
    harbour.second(1.5)
    assert harbour.deliver("new") == ["Busy firing"]
    assert harbour.deliver("ops") == ["Busy firing"]


def test_a_silence_holds_messages_back_and_its_end_sends_them() -> None:
    harbour = Harbour()
    silence = Silence("s1", Selector(name=("web",)), ("Bu*",), START_MS, START_MS + 5000, "ann", "upgrade")
    harbour.engine.add_silence(silence)
    harbour.second(1.5)
    assert open_alert(harbour).silenced_until_ms == START_MS + 5000
    assert harbour.queue() == []
    for _ in range(4):
        harbour.second(1.5)
    assert open_alert(harbour).silenced_until_ms is None
    assert harbour.deliver() == ["Busy firing"]


def test_what_was_told_is_told_to_be_over_even_under_a_silence() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    harbour.deliver()
    harbour.engine.add_silence(Silence("s1", Selector(), (), START_MS, START_MS + 9_000_000, "ann", ""))
    harbour.second(0.5)
    assert harbour.deliver() == ["Busy resolved"]
    harbour.second(1.5)
    harbour.second(0.5)
    assert harbour.deliver() == []
    harbour.engine.remove_silence("s1")
    with pytest.raises(NotThere):
        harbour.engine.remove_silence("s1")


def test_an_acknowledgement_is_kept_and_nobody_new_is_told() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    known = harbour.engine.acknowledge(open_alert(harbour).id, "ann", harbour.story.now_ms)
    assert known.acknowledged_by == "ann"
    harbour.restart()
    harbour.engine.reload(harbour.rules, (*harbour.receivers, a_receiver("new")))
    harbour.second(1.5)
    assert open_alert(harbour).acknowledged_by == "ann"
    assert harbour.queue("new") == []
    with pytest.raises(NotThere, match="no open alert nope"):
        harbour.engine.acknowledge("nope", "ann", 0)


def test_a_rule_that_is_no_more_resolves_what_it_fired() -> None:
    harbour = Harbour()
    harbour.second(1.5)
    harbour.engine.reload((replace(BUSY, enabled=False),), harbour.receivers)
    assert harbour.second(1.5) == ["Busy firing>resolved"]
    assert harbour.state.alert_history(since_ms=0)[0].alert.reason == "rule removed"


def test_annotations_are_filled_in_and_hostile_names_stay_text() -> None:
    rule = replace(BUSY, annotations={"summary": "{name} at {value} of {threshold}", "runbook_url": "https://r/{rule}"})
    harbour = Harbour([rule])
    harbour.story.targets = {WEB: target(name="we{value}b\n\x1b[31m")}
    harbour.second(1.5)
    alert = open_alert(harbour)
    assert alert.summary == "we{value}b [31m at 1.50 cores of 1.00 cores"
    assert alert.annotations == {"runbook_url": "https://r/Busy"}


def test_the_daemon_is_woken_when_something_is_queued() -> None:
    harbour, woken = Harbour(), []
    harbour.engine.wake = lambda: woken.append(True)
    harbour.second(0.5)
    assert woken == []
    harbour.second(1.5)
    assert woken == [True]
