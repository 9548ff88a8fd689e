"""Contract of StateStore: alerts and the outbox, over every implementation."""

from __future__ import annotations

import pytest

from model.alert import LIMIT_CHANGED, AlertState, DeliveryState, Notification, Receiver, Selector, Silence
from storage.api import StateStore
from tests.storage.things import alert, attempt, notification, transition


def waiting(state: StateStore, receiver: str = "ops") -> list[str]:
    return [n.id for n in state.due(receiver, 10**15)]


def send(state: StateStore, number: str, outcome: DeliveryState = DeliveryState.ACCEPTED) -> None:
    found = next(n for n in state.due("ops", 10**15) if n.id == number)
    state.delivered(*attempt(found, outcome))


def test_an_alert_is_there_while_it_is_pending_or_firing(state: StateStore) -> None:
    state.commit([], [alert("a", AlertState.PENDING), alert("b")], [])
    assert {a.id: a.state for a in state.alerts()} == {"a": AlertState.PENDING, "b": AlertState.FIRING}
    state.commit([], [alert("a"), alert("b", AlertState.RESOLVED)], [])
    assert [a.id for a in state.alerts()] == ["a"]
    assert state.alerts()[0] == alert("a")
    state.commit([], [alert("a", AlertState.INACTIVE)], [])
    assert state.alerts() == ()


def test_history_is_newest_first_since_a_time(state: StateStore) -> None:
    state.commit([transition(1000), transition(2000)], [], [])
    state.commit([transition(3000, "b", AlertState.RESOLVED)], [], [])
    assert [t.at_ms for t in state.alert_history(since_ms=2000)] == [3000, 2000]
    assert [t.at_ms for t in state.alert_history(since_ms=0, limit=1)] == [3000]
    assert state.alert_history(since_ms=3000)[0] == transition(3000, "b", AlertState.RESOLVED)


def test_due_is_in_order_and_one_an_alert(state: StateStore) -> None:
    state.commit([], [], [notification("n1"), notification("n2", alert_id="a2"), notification("n3", "resolved")])
    state.commit([], [], [notification("n4", receiver="night")])
    assert waiting(state) == ["n2"], "n1 and n3 cancelled each other out"
    assert waiting(state, "night") == ["n4"]
    assert state.undelivered() == {"ops": 1, "night": 1}


def test_a_later_message_of_an_alert_waits_for_the_earlier(state: StateStore) -> None:
    state.commit([], [], [notification("n1")])
    found = state.due("ops", 0)[0]
    after, log = attempt(found, DeliveryState.RETRY, 503)
    state.delivered(Notification(**{**{f: getattr(after, f) for f in after.__slots__}, "next_try_at_ms": 9000}), log)
    state.commit([], [], [notification("n2", alert_id="a2"), notification("n3")])
    assert [n.id for n in state.due("ops", 5000)] == ["n2"]
    assert [n.id for n in state.due("ops", 9000)] == ["n1", "n2"]


def test_a_firing_without_an_answer_is_not_sent_again_once_it_is_over(state: StateStore) -> None:
    state.commit([], [], [notification("n1")])
    state.delivered(*attempt(state.due("ops", 0)[0], DeliveryState.RETRY, 503))
    under_way = state.due("ops", 10**15)[0]
    state.commit([], [], [notification("n2", "resolved")])
    assert waiting(state) == ["n2"], "it may have arrived, so that its resolve is sent"
    state.delivered(*attempt(under_way, DeliveryState.ACCEPTED))
    assert waiting(state) == ["n2"]
    send(state, "n2")
    state.commit([], [], [notification("n3"), notification("n4", "resolved")])
    assert waiting(state) == []


def test_what_tells_of_an_event_is_sent_however_soon_it_is_over(state: StateStore) -> None:
    event = alert(rule=LIMIT_CHANGED)
    state.commit([], [], [notification("n1", alert=event), notification("n2", "resolved", alert=event)])
    assert waiting(state) == ["n1"]
    send(state, "n1")
    assert waiting(state) == ["n2"]


def test_sequences_grow_in_order_of_arrival(state: StateStore) -> None:
    state.commit([], [], [notification(f"n{i}", alert_id=f"a{i}") for i in range(5)])
    found = state.due("ops", 10**15)
    assert [n.id for n in found] == [f"n{i}" for i in range(5)]
    assert [n.sequence for n in found] == sorted({n.sequence for n in found})
    assert len(state.due("ops", 10**15, limit=2)) == 2


def test_the_same_notification_twice_is_one(state: StateStore) -> None:
    state.commit([], [], [notification("n1")])
    send(state, "n1")
    state.commit([], [], [notification("n1")])
    assert waiting(state) == []


def test_a_repeated_firing_that_is_superseded_leaves_the_resolve(state: StateStore) -> None:
    state.commit([], [], [notification("n1")])
    send(state, "n1")
    state.commit([], [], [notification("again")])
    state.commit([], [], [notification("n2", "resolved")])
    assert waiting(state) == ["n2"]


def test_firing_again_after_a_queued_resolve_cancels_only_the_second_pair(state: StateStore) -> None:
    state.commit([], [], [notification("f1")])
    send(state, "f1")
    state.commit([], [], [notification("r1", "resolved")])
    state.commit([], [], [notification("f2")])
    state.commit([], [], [notification("r2", "resolved")])
    assert waiting(state) == ["r1"]
    send(state, "r1")
    assert waiting(state) == []


@pytest.mark.parametrize("outcome", [DeliveryState.ACCEPTED, DeliveryState.RETRY])
def test_a_firing_superseded_while_under_way_is_resolved_after_all(state: StateStore, outcome: DeliveryState) -> None:
    state.commit([], [], [notification("n1")])
    under_way = state.due("ops", 0)[0]
    state.commit([], [], [notification("n2", "resolved")])
    assert waiting(state) == []
    state.delivered(*attempt(under_way, outcome))
    assert waiting(state) == ["n2"]


def test_other_receivers_and_alerts_are_not_touched_by_a_resolve(state: StateStore) -> None:
    state.commit([], [], [notification("n1"), notification("n2", receiver="night"), notification("n3", alert_id="a2")])
    state.commit([], [], [notification("n4", "resolved")])
    assert (waiting(state), waiting(state, "night")) == (["n3"], ["n2"])


def test_a_resolve_without_a_known_firing_is_sent(state: StateStore) -> None:
    state.commit([], [], [notification("n1", "resolved")])
    assert waiting(state) == ["n1"]


def test_the_delivery_log_is_newest_first(state: StateStore) -> None:
    state.commit([], [], [notification("n1"), notification("n2", alert_id="a2", receiver="night")])
    send(state, "n1", DeliveryState.REJECTED)
    state.delivered(*attempt(notification("test", receiver="night"), DeliveryState.ACCEPTED))
    assert [(d.receiver, d.state.value) for d in state.deliveries()] == [("night", "accepted"), ("ops", "rejected")]
    assert [d.notification_id for d in state.deliveries(receiver="ops")] == ["n1"]
    ids = [d.id for d in state.deliveries()]
    assert ids == sorted(ids, reverse=True)
    assert len(state.deliveries(limit=1)) == 1
    assert waiting(state) == []


def test_silences_end(state: StateStore) -> None:
    quiet = Silence("s1", Selector(name=("shop*",), labels={"a": "b"}), ("cpu",), 1000, 5000, "ann", "deploy")
    state.put_silence(quiet)
    state.put_silence(Silence("s2", Selector(), (), 9000, 9900, "ann", "later"))
    assert state.silences(4999) == (quiet, Silence("s2", Selector(), (), 9000, 9900, "ann", "later"))
    assert [s.id for s in state.silences(5000)] == ["s2"]
    assert state.delete_silence("s2") is True
    assert state.delete_silence("s2") is False
    assert state.silences(5000) == ()


def test_receivers_are_replaced_by_name(state: StateStore) -> None:
    state.put_receiver(Receiver("ops", "webhook", "https://a", "s", {"severity": ("critical",)}, source="api"))
    state.put_receiver(Receiver("night", "ntfy", "https://b", source="api"))
    state.put_receiver(Receiver("ops", "webhook", "https://c", enabled=False, source="api"))
    assert [(r.name, r.url, r.enabled) for r in state.receivers()] == [
        ("ops", "https://c", False),
        ("night", "https://b", True),
    ]
    assert state.delete_receiver("ops") is True
    assert state.delete_receiver("ops") is False


def grouped(number: str, alert_id: str, **more: object) -> Notification:
    return notification(number, alert_id=alert_id, group="g1", **more)


def test_a_bundle_is_fixed_once_and_survives_what_joins_later(state: StateStore) -> None:
    state.commit(
        [], [], [grouped("n1", "a1"), grouped("n2", "a2", next_try_at_ms=9000), notification("n3", alert_id="a3")]
    )
    head = state.due("ops", 5000)[0]
    together = state.bundle(head)
    assert [(n.id, n.message_id) for n in together] == [("n1", "n1"), ("n2", "n1")]
    state.commit([], [], [grouped("n4", "a4")])
    assert state.bundle(together[0]) == together
    state.delivered(*attempt(together[0], DeliveryState.ACCEPTED))
    assert state.bundle(together[0]) == (), "it waits no more"
    assert [n.id for n in state.bundle(together[1])] == ["n2"]
    (later,) = [n for n in state.due("ops", 5000) if n.id == "n4"]
    assert [(n.id, n.message_id) for n in state.bundle(later)] == [("n4", "n4")]


def test_a_bundle_is_bounded_and_of_one_receiver(state: StateStore) -> None:
    state.commit([], [], [grouped(f"n{i}", f"a{i}") for i in range(5)] + [grouped("m1", "a1", receiver="night")])
    head = state.due("ops", 5000)[2]
    assert [n.id for n in state.bundle(head, limit=3)] == ["n0", "n1", "n2"]


def test_without_a_group_a_message_is_alone(state: StateStore) -> None:
    state.commit([], [], [notification("n1"), notification("n2", alert_id="a2")])
    head = state.due("ops", 5000)[0]
    assert state.bundle(head) == (head,)


def test_a_reminder_is_not_queued_while_the_firing_waits(state: StateStore) -> None:
    state.commit([], [], [notification("n1")])
    state.commit([], [], [notification("n2")])
    assert state.undelivered() == {"ops": 1}
    send(state, "n1")
    state.commit([], [], [notification("n3")])
    assert waiting(state) == ["n3"]
