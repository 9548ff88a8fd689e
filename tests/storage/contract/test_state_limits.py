"""Contract of StateStore: the journal, policies, audit and small values, over every implementation."""

from __future__ import annotations

from threading import Thread

from model.change import ChangeStatus, Knobs, Original
from storage.api import StateStore
from tests.storage.things import change


def test_a_change_is_replaced_by_its_id(state: StateStore) -> None:
    state.put_change(change("c1", status=ChangeStatus.PENDING))
    state.put_change(change("c2", 2000))
    applied = change("c1", effect={"throttled_periods_ratio_after": 0.0}, read_back=Knobs(unlimited=("memory_bytes",)))
    state.put_change(applied)
    assert state.change("c1") == applied
    assert state.change("nobody") is None
    assert [c.id for c in state.changes()] == ["c2", "c1"]


def test_changes_are_filtered_and_paged_newest_first(state: StateStore) -> None:
    for i in range(6):
        state.put_change(change(f"c{i}", 1000 * i, container_id="x" if i % 2 else "y"))
    state.put_change(change("c6", 5000, ChangeStatus.REFUSED, container_id="x"))
    assert [c.id for c in state.changes(container_id="x")] == ["c6", "c5", "c3", "c1"]
    assert [c.id for c in state.changes(since_ms=4000)] == ["c6", "c5", "c4"]
    assert [c.id for c in state.changes(statuses=("refused",))] == ["c6"]
    assert [c.id for c in state.changes(limit=2)] == ["c6", "c5"]
    assert [c.id for c in state.changes(limit=2, before_id="c5")] == ["c4", "c3"]
    assert state.changes(before_id="c0") == ()
    assert state.changes(before_id="unknown") == ()


def test_the_first_original_stays(state: StateStore) -> None:
    first = Original("x", "shop", 1, Knobs(cpu_cores=1.0), {"NanoCpus": 10**9, "Memory": 0})
    state.put_original(first)
    state.put_original(Original("x", "shop", 2, Knobs(cpu_cores=2.0), {}))
    assert state.originals() == {"x": first}
    by_hand = Original("x", "shop", 3, Knobs(cpu_cores=3.0), {"NanoCpus": 3 * 10**9})
    state.replace_original(by_hand)
    assert state.originals() == {"x": by_hand}


def test_policies(state: StateStore) -> None:
    state.put_policy("shop/web", {"mode": "auto", "cpu_max": 2.0, "memory_max": 1 << 31})
    state.put_policy("shop/web", {"mode": "observe", "cpu_max": None})
    assert state.policies() == {"shop/web": {"mode": "observe", "cpu_max": None}}
    assert state.delete_policy("shop/web") is True
    assert state.delete_policy("shop/web") is False
    assert state.policies() == {}


def test_the_audit_is_newest_first(state: StateStore) -> None:
    state.audit(1000, "ann", "limits.set", "shop", {"cpu_cores": 1.5})
    state.audit(2000, "bob", "silences.create", "s1", {})
    entries = state.audit_entries()
    assert [(e.actor, e.action, e.subject) for e in entries] == [
        ("bob", "silences.create", "s1"),
        ("ann", "limits.set", "shop"),
    ]
    assert entries[1].detail == {"cpu_cores": 1.5}
    assert [e.at_ms for e in state.audit_entries(since_ms=2000)] == [2000]
    assert [e.at_ms for e in state.audit_entries(limit=1)] == [2000]


def test_small_values(state: StateStore) -> None:
    assert state.value("limits.pause") is None
    state.put_value("limits.pause", {"paused": True, "until": None, "parts": [1, 2.5, "x"]})
    assert state.value("limits.pause") == {"paused": True, "until": None, "parts": [1, 2.5, "x"]}
    state.put_value("limits.pause", None)
    assert state.value("limits.pause") is None


def test_hostile_text_is_kept(state: StateStore) -> None:
    text = "'; DROP TABLE audit; -- \x00 \N{RIGHT-TO-LEFT OVERRIDE} \N{PILE OF POO}" + "x" * 10_000
    state.audit(1, text, "limits.set", text, {text: text})
    assert state.audit_entries()[0].detail == {text: text}
    state.put_change(change("c1", name=text))
    found = state.change("c1")
    assert found is not None
    assert found.name == text


def test_many_threads_lose_nothing(state: StateStore) -> None:
    def work(number: int) -> None:
        for i in range(20):
            state.put_change(change(f"{number}-{i}"))
            state.audit(i, "ann", "x", str(number), {})

    threads = [Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(state.changes(limit=1000)) == 80
    assert len(state.audit_entries(limit=1000)) == 80
