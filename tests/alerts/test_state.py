"""The state machine, told as a line of truths: one letter a second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.state import Observation, advance, end
from model.alert import Alert, AlertState, Condition, Rule, Severity, Truth
from tests.alerts.story import START_MS, an_alert

TRUTHS = {"T": Truth.TRUE, "F": Truth.FALSE, "-": Truth.NO_DATA}
LETTERS = {None: ".", AlertState.PENDING: "p", AlertState.FIRING: "F"}
BLANK = an_alert(state=AlertState.INACTIVE, started_at_ms=None)


def told(line: str, rule: Rule, *, acted_at: int = -1) -> tuple[str, list[str]]:
    """States after each second, and the transitions as ``before>after``."""
    alert: Alert | None = None
    states, transitions = "", []
    for second, letter in enumerate(line):
        blank = replace(BLANK, since_ms=START_MS + second * 1000)
        now_ms = START_MS + second * 1000
        step = advance(rule, blank, alert, Observation(TRUTHS[letter]), now_ms, acted=second == acted_at)
        alert = step.alert
        states += LETTERS[alert.state if alert else None]
        if step.transition:
            transitions.append(f"{step.transition.before.value}>{step.transition.alert.state.value}")
    return states, transitions


def rule(for_s: float, keep_s: float) -> Rule:
    return Rule("r", Severity.WARNING, Condition("m"), for_s=for_s, keep_firing_for_s=keep_s)


@pytest.mark.parametrize(
    ("for_s", "keep_s", "line", "states"),
    [
        (0, 0, "FTTF", ".FF."),
        (2, 0, "FTTTF", ".ppF."),
        (2, 0, "TTFTTT", "pp.ppF"),
        (2, 3, "TTTFFFFF", "ppFFFF.."),
        (2, 3, "TTTFFTFFFF", "ppFFFFFFF."),
        (0, 0, "T----F", "FFFFF."),
        (0, 0, "----", "...."),
        (2, 0, "T--T", "pppF"),
        (2, 0, "T--F", "ppp."),
        (0, 2, "TF---F", "FFFFF."),
    ],
)
def test_states(for_s: float, keep_s: float, line: str, states: str) -> None:
    assert told(line, rule(for_s, keep_s))[0] == states


def test_transitions_are_the_changes_of_state_and_no_more() -> None:
    assert told("FTTTTFFT", rule(2, 1))[1] == [
        "inactive>pending",
        "pending>firing",
        "firing>resolved",
        "inactive>pending",
    ]


def test_an_alert_for_which_a_limit_was_changed_is_told_at_once() -> None:
    assert told("TTTT", rule(60, 0), acted_at=2) == ("ppFF", ["inactive>pending", "pending>firing"])
    assert told("T-FF", rule(60, 0), acted_at=2)[0] == "pp.."


def test_firing_and_resolve_carry_their_times() -> None:
    first = advance(rule(0, 0), BLANK, None, Observation(Truth.TRUE, value=2.0), START_MS, acted=False)
    assert first.alert is not None
    assert (first.alert.started_at_ms, first.alert.ended_at_ms, first.alert.value) == (START_MS, None, 2.0)
    over = advance(rule(0, 0), BLANK, first.alert, Observation(Truth.FALSE), START_MS + 5000, acted=False)
    assert over.alert is None
    assert over.transition is not None
    resolved = over.transition.alert
    assert (resolved.started_at_ms, resolved.ended_at_ms, resolved.value) == (START_MS, START_MS + 5000, 2.0)
    assert over.transition.notify


def test_an_end_from_outside_says_why() -> None:
    gone = end(an_alert(), START_MS, "gone").transition
    assert gone is not None
    assert (gone.alert.state, gone.alert.reason, gone.notify) == (AlertState.RESOLVED, "gone", True)
    pending = end(an_alert(state=AlertState.PENDING), START_MS, "gone").transition
    assert pending is not None
    assert (pending.alert.state, pending.notify) == (AlertState.INACTIVE, False)
