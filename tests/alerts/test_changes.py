"""Limit changes in alerts, and rules that ask for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.asking import target_of
from alerts.changes import sentence
from model.alert import AlertState, Condition, Rule, RuleAction, Selector, Severity
from model.change import ChangeStatus, Knobs, LimitRequest
from model.limits import UNLIMITED, Limits
from tests.alerts.story import MIB, START_MS, WEB, a_change, a_finding, a_receiver
from tests.alerts.test_engine import BUSY, THROTTLED, Harbour, open_alert

ALL = {"severity": ("info", "warning", "critical")}
MORE_CPU = RuleAction("cpu", 0.25, relative=True, max=0.3, revert=True)


def test_a_change_is_an_alert_for_information() -> None:
    harbour = Harbour(receivers=[a_receiver("ops"), a_receiver("all", match=ALL)])
    harbour.engine.record_change(a_change())
    assert harbour.second(0.1) == ["LimitChanged inactive>firing"]
    alert = open_alert(harbour)
    assert alert.severity is Severity.INFO
    assert alert.summary == "Changed: CPU limit 0.20 → 0.50 cores. pinned at its quota"
    assert (alert.value, alert.change_id, alert.action) == (0.5, "c1", alert.summary)
    assert harbour.deliver("ops") == []
    assert harbour.deliver("all") == ["LimitChanged firing"]
    assert [harbour.second(0.1) for _ in range(10)][-1] == ["LimitChanged firing>resolved"]
    assert harbour.deliver("all") == ["LimitChanged resolved"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (a_change(ChangeStatus.REFUSED, reason="the host has no room"), True),
        (a_change(ChangeStatus.REVERTED), True),
        (a_change(ChangeStatus.FAILED), True),
        (a_change(ChangeStatus.DRY_RUN), False),
        (a_change(ChangeStatus.PENDING), False),
        (a_change(rule="manual", actor="ann"), False),
        (a_change(rule="undo", actor="ann"), False),
    ],
)
def test_which_changes_are_told(change: object, expected: bool) -> None:
    harbour = Harbour()
    harbour.engine.record_change(change)  # type: ignore[arg-type]
    assert bool(harbour.second(0.1)) is expected


def test_a_change_that_is_recorded_again_with_its_effect_is_told_once() -> None:
    harbour = Harbour()
    harbour.engine.record_change(a_change())
    harbour.second(0.1)
    harbour.engine.record_change(a_change(effect={"throttled_periods_ratio_after": 0.0}))
    assert harbour.second(0.1) == []


def test_a_pending_alert_that_was_acted_for_fires_at_once_with_its_change() -> None:
    harbour = Harbour([replace(THROTTLED, for_s=10.0)])
    assert harbour.second(0.2, [a_finding()]) == ["CpuThrottled inactive>pending"]
    harbour.engine.record_change(a_change(finding_id="f1"))
    assert sorted(harbour.second(0.2, [a_finding()])) == [
        "CpuThrottled pending>firing",
        "LimitChanged inactive>firing",
    ]
    (notification,) = harbour.queue()
    assert notification.alert.change_id == "c1"
    assert notification.alert.action == "Changed: CPU limit 0.20 → 0.50 cores. pinned at its quota"


def test_a_firing_alert_learns_of_a_refusal_and_keeps_it_over_a_restart() -> None:
    harbour = Harbour([THROTTLED])
    harbour.second(0.2, [a_finding()])
    harbour.engine.record_change(a_change(ChangeStatus.REFUSED, finding_id="f1", reason="the host has no room"))
    harbour.second(0.2, [a_finding()])
    harbour.restart()
    alert = next(a for a in harbour.engine.alerts() if a.rule == "CpuThrottled")
    assert alert.action == "Not changed (CPU limit 0.20 → 0.50 cores): the host has no room"
    assert alert.change_id == "c1"


def test_a_change_of_another_container_or_finding_is_not_mixed_up() -> None:
    harbour = Harbour([THROTTLED])
    harbour.second(0.2, [a_finding()])
    harbour.engine.record_change(a_change(finding_id="other"))
    harbour.engine.record_change(a_change(id="c2", container_id="b" * 64, finding_id="f1"))
    harbour.second(0.2, [a_finding()])
    assert next(a for a in harbour.engine.alerts() if a.rule == "CpuThrottled").change_id is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (a_change(after=Knobs(memory_bytes=512 * MIB), before=Knobs(memory_bytes=256 * MIB)), "256 MiB → 512 MiB"),
        (a_change(after=Knobs(cpu_weight=200), before=Knobs()), "CPU weight unknown → 200"),
        (a_change(after=Knobs(unlimited=("cpu_cores",))), "CPU limit lifted"),
        (a_change(after=Knobs(memory_high_bytes=100 * MIB)), "memory.high → 100 MiB"),
        (a_change(ChangeStatus.REVERTED, before=Knobs()), "Put back: CPU limit none → 0.50 cores"),
        (a_change(rule="revert"), "Put back: CPU limit 0.20 → 0.50 cores"),
        (a_change(ChangeStatus.DRY_RUN), "Would change"),
        (a_change(ChangeStatus.FAILED), "Failed to change"),
        (a_change(ChangeStatus.PENDING), "Being changed"),
    ],
)
def test_sentences(change: object, expected: str) -> None:
    assert expected in sentence(change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "limit", "expected"),
    [
        (MORE_CPU, 0.2, 0.25),
        (MORE_CPU, 0.25, 0.3),
        (MORE_CPU, 0.3, None),
        (MORE_CPU, 2.0, None),
        (RuleAction("cpu", 0.5, relative=False, max=2.0), 0.2, 0.7),
        (RuleAction("memory", 0.25, relative=True, max=100.0 * MIB), 64 * MIB, 80 * MIB),
        (RuleAction("memory", 1000.0, relative=False, max=100.0 * MIB), 64 * MIB, 64 * MIB + 4096),
        (RuleAction("memory", 64.0 * MIB, relative=False, max=100.0 * MIB), 64 * MIB, 100 * MIB),
    ],
)
def test_one_step(action: RuleAction, limit: float, expected: float | None) -> None:
    assert target_of(action, limit) == expected


def acting(action: RuleAction = MORE_CPU, for_s: float = 0.0) -> Harbour:
    harbour = Harbour([replace(BUSY, action=action, for_s=for_s)])
    harbour.story.limits = {WEB: Limits(cpu_cores=0.2, memory_bytes=64 * MIB)}
    return harbour


def asked(harbour: Harbour) -> list[tuple[float | None, int | None, bool]]:
    return [(w.cpu_cores, w.memory_bytes, w.revert) for w in harbour.engine.wishes()]


def test_a_rule_with_an_action_has_its_knob_to_itself() -> None:
    harbour = acting()
    harbour.second(0.0)
    assert harbour.engine.hands() == {(WEB, "cpu"): "Busy"}
    harbour.engine.reload([replace(BUSY, action=MORE_CPU, selector=Selector(name=("db*",)))], [])
    harbour.second(0.0)
    assert harbour.engine.hands() == {}


def test_a_firing_rule_asks_for_one_step_and_again_after_it_settled() -> None:
    harbour = acting()
    harbour.second(1.5)
    (request,) = harbour.engine.wishes()
    alert = open_alert(harbour)
    assert request == LimitRequest(
        container_id=WEB,
        rule="rule:Busy",
        reason=request.reason,
        actor="wharfinger",
        cpu_cores=0.25,
        alert_id=alert.id,
    )
    assert "rule Busy asks for it" in request.reason
    assert alert.advice == (
        "This rule asks to raise its CPU limit from 0.20 to 0.25 cores; "
        "it is done where the container's policy is auto."
    )
    harbour.story.limits = {WEB: Limits(cpu_cores=0.25)}
    for _ in range(9):
        harbour.second(1.5)
        assert asked(harbour) == []
    harbour.second(1.5)
    assert asked(harbour) == [(0.3, None, False)]
    harbour.story.limits = {WEB: Limits(cpu_cores=0.3)}
    for _ in range(30):
        harbour.second(1.5)
        assert asked(harbour) == []


def test_it_asks_only_while_it_fires_and_the_condition_holds() -> None:
    harbour = acting(for_s=2.0)
    harbour.second(1.5)
    harbour.second(1.5)
    assert asked(harbour) == []
    harbour.second(1.5)
    assert asked(harbour) == [(0.25, None, False)]
    kept = acting()
    kept.rules = (replace(kept.rules[0], keep_firing_for_s=60.0),)
    kept.restart()
    kept.second(1.5)
    for _ in range(20):
        kept.second(0.5)
        assert asked(kept) == []


@pytest.mark.parametrize("limits", [Limits(), Limits(cpu_cores=UNLIMITED), None])
def test_nothing_is_asked_where_nothing_bounds(limits: Limits | None) -> None:
    harbour = acting()
    harbour.story.limits = {WEB: limits} if limits else {}
    harbour.second(1.5)
    assert asked(harbour) == []


def test_a_memory_step() -> None:
    harbour = acting(RuleAction("memory", 64.0 * MIB, relative=False, max=1024.0 * MIB, hold_s=3600.0))
    harbour.second(1.5)
    (request,) = harbour.engine.wishes()
    assert (request.memory_bytes, request.hold_s) == (128 * MIB, 3600.0)


def given(harbour: Harbour) -> None:
    """The controller did what was asked."""
    change = a_change(id="r1", at_ms=harbour.story.now_ms, rule="rule:Busy", after=Knobs(cpu_cores=0.25))
    harbour.state.put_change(change)
    harbour.engine.record_change(change)
    harbour.story.limits = {WEB: Limits(cpu_cores=0.25)}


def test_what_a_rule_got_is_asked_back_when_its_alert_is_over() -> None:
    harbour = acting()
    harbour.second(1.5)
    given(harbour)
    harbour.second(1.5)
    alert = next(a for a in harbour.engine.alerts() if a.rule == "Busy")
    assert (alert.change_id, alert.action) == ("r1", "Changed: CPU limit 0.20 → 0.25 cores. pinned at its quota")
    harbour.second(0.5)
    (back,) = harbour.engine.wishes()
    assert (back.revert, back.rule, back.container_id, back.cpu_cores) == (True, "rule:Busy", WEB, None)
    harbour.second(0.5)
    assert asked(harbour) == []
    harbour.engine.record_change(a_change(id="r2", rule="revert"))
    for _ in range(15):
        harbour.second(0.5)
        assert asked(harbour) == []


def test_it_is_asked_back_again_when_nothing_came_of_it_but_not_for_ever() -> None:
    harbour = acting()
    harbour.second(1.5)
    given(harbour)
    harbour.second(1.5)
    times = 0
    for _ in range(200):
        harbour.second(0.5)
        times += len(asked(harbour))
    assert times == 6


def test_hold_keeps_it_and_a_new_firing_forgets_the_way_back() -> None:
    harbour = acting(replace(MORE_CPU, hold_s=30.0, max=0.25))
    harbour.second(1.5)
    given(harbour)
    harbour.second(1.5)
    for _ in range(15):
        harbour.second(0.5)
        assert asked(harbour) == []
    for _ in range(20):
        harbour.second(1.5)
        assert asked(harbour) == []
    harbour.second(0.5)
    assert asked(harbour) == [(None, None, True)]


def test_the_way_back_survives_a_restart() -> None:
    harbour = acting()
    harbour.second(1.5)
    given(harbour)
    harbour.second(1.5)
    harbour.restart()
    harbour.second(0.5)
    assert asked(harbour) == [(None, None, True)]


def test_a_gone_container_is_not_asked_back() -> None:
    harbour = acting()
    harbour.second(1.5)
    given(harbour)
    harbour.second(1.5)
    harbour.story.targets = {}
    for _ in range(15):
        harbour.second(None)
        assert asked(harbour) == []


def test_a_rule_with_a_detector_may_act() -> None:
    rule = Rule("More", Severity.WARNING, Condition(detector="cpu_throttled"), action=MORE_CPU)
    harbour = Harbour([rule])
    harbour.story.limits = {WEB: Limits(cpu_cores=0.2)}
    harbour.second(0.2, [a_finding()])
    (request,) = harbour.engine.wishes()
    assert (request.finding_id, request.cpu_cores) == ("f1", 0.25)
    assert open_alert(harbour).state is AlertState.FIRING
    assert harbour.story.now_ms > START_MS
