"""What rules with an action ask of the limit controller. Pure.

A rule asks once a settle time while its condition is TRUE, each time for one step more than the limit that is in force
then; the controller decides. What a rule got is asked back when its alert is over, if the rule says so, but not before
its hold has passed.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from alerts.words import say_bytes
from model.alert import Alert, Rule, RuleAction
from model.change import Change, LimitRequest
from model.limits import Limits, bounded

SETTLE_MS = 10_000
PAGE = 4096


def rule_of_change(rule_name: str) -> str:
    """What :attr:`Change.rule` says of a change that this rule asked for."""
    return f"rule:{rule_name}"


def present(action: RuleAction, limits: Limits | None) -> float | None:
    """The limit in force of the action's knob; None where there is none, or none is known."""
    if limits is None:
        return None
    return bounded(limits.cpu_cores if action.knob == "cpu" else limits.memory_bytes)


def target_of(action: RuleAction, limit: float) -> float | None:
    """One step from ``limit``, at most ``max``; None where it is there already."""
    wanted = limit * (1 + action.by) if action.relative else limit + action.by
    wanted = ceil(round(wanted * 100, 6)) / 100 if action.knob == "cpu" else ceil(wanted / PAGE) * PAGE
    wanted = min(wanted, action.max)
    return wanted if wanted > limit else None


def wish(rule: Rule, alert: Alert, limits: Limits | None) -> LimitRequest | None:
    """What the rule asks for now; None where nothing bounds the container, or ``max`` is reached."""
    action = rule.action
    limit = present(action, limits) if action else None
    if action is None or limit is None:
        return None
    target = target_of(action, limit)
    if target is None:
        return None
    request = LimitRequest(
        container_id=alert.container_id,
        rule=rule_of_change(rule.name),
        reason=f"rule {rule.name} asks for it while its alert fires: {alert.summary}",
        actor="wharfinger",
        hold_s=action.hold_s or None,
        finding_id=alert.finding_id,
        alert_id=alert.id,
    )
    if action.knob == "cpu":
        return replace(request, cpu_cores=target)
    return replace(request, memory_bytes=round(target))


def give_back(rule: Rule, change: Change) -> LimitRequest:
    """Put back what this rule got on this container."""
    return LimitRequest(
        container_id=change.container_id,
        rule=rule_of_change(rule.name),
        reason=f"the alert {rule.name} is over",
        actor="wharfinger",
        revert=True,
        finding_id=change.finding_id,
    )


def say_wish(request: LimitRequest, limit: float) -> str:
    """``raise its CPU limit from 0.20 to 0.25 cores``."""
    if request.cpu_cores is not None:
        return f"raise its CPU limit from {limit:.2f} to {request.cpu_cores:.2f} cores"
    return f"raise its memory limit from {say_bytes(limit)} to {say_bytes(request.memory_bytes or 0)}"
