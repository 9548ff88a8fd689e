"""INACTIVE → PENDING → FIRING → RESOLVED, for one rule on one target. Pure.

TRUE for ``for_s`` fires; FALSE for ``keep_firing_for_s`` (of one that flaps, at least for its hold) resolves; NO_DATA
starts nothing and ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from model.alert import Alert, AlertState, Rule, Transition, Truth

OPEN = (AlertState.PENDING, AlertState.FIRING)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look at one rule and one target said, and the words for it."""

    truth: Truth
    value: float | None = None
    threshold: float | None = None
    summary: str = ""
    description: str = ""
    advice: str = ""
    finding_id: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """The alert after the look (None: there is none), and the change of state, if there was one."""

    alert: Alert | None
    transition: Transition | None = None


def advance(rule: Rule, blank: Alert, alert: Alert | None, seen: Observation, now_ms: int, *, acted: bool) -> Step:
    """One look at ``now_ms``.

    ``blank``: the alert as it would be if it were new, INACTIVE. ``acted``: a limit was changed for it: then it is told
    without waiting for ``for_s``, since something was done.
    """
    if seen.truth is Truth.NO_DATA:
        return Step(alert)
    if seen.truth is Truth.FALSE:
        return Step(None) if alert is None else fall(rule, alert, now_ms)
    current = reworded(alert or blank, seen)
    if alert is not None and alert.state is AlertState.FIRING:
        doubted = current.pending_false_since_ms is not None
        return Step(replace(current, pending_false_since_ms=None) if doubted else current)
    waited_ms = 0 if alert is None else now_ms - alert.since_ms
    if acted or waited_ms >= rule.for_s * 1000:
        before = AlertState.INACTIVE if alert is None else alert.state
        firing = replace(current, state=AlertState.FIRING, since_ms=now_ms, started_at_ms=now_ms, reason="")
        return Step(firing, Transition(now_ms, before, firing, notify=True))
    if alert is None:
        pending = replace(current, state=AlertState.PENDING, since_ms=now_ms)
        return Step(pending, Transition(now_ms, AlertState.INACTIVE, pending, notify=False))
    return Step(current)


def fall(rule: Rule, alert: Alert, now_ms: int) -> Step:
    """The condition is FALSE."""
    if alert.state is AlertState.PENDING:
        return end(alert, now_ms, "over before it fired")
    since_ms = alert.pending_false_since_ms if alert.pending_false_since_ms is not None else now_ms
    if now_ms - since_ms >= max(rule.keep_firing_for_s, alert.flapping_hold_s) * 1000:
        return end(alert, now_ms, "")
    if alert.pending_false_since_ms == since_ms:
        return Step(alert)
    return Step(replace(alert, pending_false_since_ms=since_ms))


def end(alert: Alert, now_ms: int, reason: str) -> Step:
    """Resolve what fires; forget what was only pending. ``reason``: ``gone``, ``rule removed``, ``muted``, or none."""
    before = alert.state
    if before is AlertState.FIRING:
        over = replace(
            alert,
            state=AlertState.RESOLVED,
            since_ms=now_ms,
            ended_at_ms=now_ms,
            reason=reason,
            pending_false_since_ms=None,
        )
        return Step(None, Transition(now_ms, before, over, notify=True))
    over = replace(alert, state=AlertState.INACTIVE, since_ms=now_ms, reason=reason)
    return Step(None, Transition(now_ms, before, over, notify=False))


def reworded(alert: Alert, seen: Observation) -> Alert:
    """The alert with what was seen just now."""
    return replace(
        alert,
        value=seen.value,
        threshold=seen.threshold,
        summary=seen.summary,
        description=seen.description,
        advice=seen.advice,
        finding_id=seen.finding_id,
        annotations=seen.annotations,
    )
