"""One look at one rule and one target: is it true, and in which words. Pure but for reading ``recent``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from alerts.condition import ABSENT, LEAST_COVERAGE, judge
from alerts.state import Observation
from alerts.words import plain, say, say_duration, unit_of
from model.alert import Alert, Condition, Rule, Severity, Truth
from model.finding import Finding
from model.sample import HOST_KEY, Snapshot
from storage.api import Recent

PLACEHOLDERS = ("name", "container", "container_id", "host", "group", "image", "value", "threshold", "metric", "rule")
"""What annotations of a rule may name in braces."""
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
TEXT_LENGTH = 1000
VERBS: Mapping[str, str] = {"avg": "average of", "max": "maximum of", "min": "minimum of", "p95": "95th percentile of"}
SIDES: Mapping[str, str] = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to"}


def observe(rule: Rule, key: str, finding: Finding | None, snapshot: Snapshot, recent: Recent) -> Observation:
    """What the rule sees of the container ``key`` in this tick. ``finding``: the worst of the rule's detector there."""
    if rule.condition.detector is not None:
        return of_detector(rule, finding, known=is_known(snapshot, key))
    return of_metric(rule, key, snapshot, recent)


def is_known(snapshot: Snapshot, key: str) -> bool:
    """Whether this tick has any figures of the target: without them "no finding" means nothing."""
    return key == HOST_KEY or bool(key in snapshot.samples and snapshot.samples[key].values)


def of_detector(rule: Rule, finding: Finding | None, *, known: bool) -> Observation:
    """TRUE while the detector has a finding; one that is only for information counts for ``info`` rules alone."""
    if finding is None:
        return Observation(Truth.FALSE if known else Truth.NO_DATA)
    if finding.severity is Severity.INFO and rule.severity is not Severity.INFO:
        return Observation(Truth.FALSE)
    first = finding.evidence[0] if finding.evidence else None
    return Observation(
        Truth.TRUE,
        value=first.value if first else None,
        threshold=first.threshold if first else None,
        summary=finding.summary,
        description="; ".join(
            f"{e.metric} {say(e.value, e.unit)}"
            + (f" (threshold {say(e.threshold, e.unit)})" if e.threshold is not None else "")
            + f" over {say_duration(e.window_s)}"
            for e in finding.evidence
        ),
        advice=f"{finding.advice} {finding.deed or ''}".strip(),
        finding_id=finding.id,
    )


def of_metric(rule: Rule, key: str, snapshot: Snapshot, recent: Recent) -> Observation:
    """The answer of the window, and a sentence that says it."""
    condition = rule.condition
    window_s = max(condition.window_s, snapshot.interval_s)
    if condition.function == ABSENT:
        return of_absence(rule, key, snapshot, recent)
    points = recent.window(key, condition.metric or "", window_s)
    divisors = recent.window(key, condition.divisor, window_s) if condition.divisor else None
    answer = judge(condition, points, divisors, now_ms=snapshot.at_ms, interval_s=snapshot.interval_s)
    if answer.truth is not Truth.TRUE or answer.value is None:
        return Observation(answer.truth, value=answer.value, threshold=condition.threshold)
    return Observation(
        Truth.TRUE,
        value=answer.value,
        threshold=condition.threshold,
        summary=sentence(condition, answer.value),
        description=f"Rule {rule.name}: {expression(condition)}.",
        advice="",
    )


def of_absence(rule: Rule, key: str, snapshot: Snapshot, recent: Recent) -> Observation:
    """TRUE where the metric has no value over the window, though other figures were there for at least half of it."""
    metric, window_s = rule.condition.metric or "", max(rule.condition.window_s, snapshot.interval_s)
    sample = snapshot.host_sample if key == HOST_KEY else snapshot.samples.get(key)
    witness = next((name for name in sample.values if name != metric), None) if sample else None
    if witness is None:
        return Observation(Truth.NO_DATA)
    if recent.window(key, metric, window_s):
        return Observation(Truth.FALSE)
    if len(recent.window(key, witness, window_s)) * snapshot.interval_s < LEAST_COVERAGE * window_s:
        return Observation(Truth.NO_DATA)
    return Observation(
        Truth.TRUE,
        summary=f"There was no {metric} for {say_duration(window_s)}, while other figures were there.",
        description=f"Rule {rule.name}: {expression(rule.condition)}.",
    )


def unit_of_condition(condition: Condition) -> str:
    """Unit of the value that is compared: a quotient of equal units is a ratio, of others a plain number."""
    unit = unit_of(condition.metric)
    if condition.divisor is not None:
        return "ratio" if unit_of(condition.divisor) == unit else "1"
    if condition.function == "changed":
        return "1"
    if condition.function == "rate":
        return {"bytes": "bytes/s", "1": "1/s"}.get(unit, "1")
    return unit


def expression(condition: Condition) -> str:
    """``avg(cpu_usage_cores / cpu_limit_cores, 1 min) > 90 %``: the condition as one line."""
    what = condition.metric or ""
    if condition.divisor:
        what += f" / {condition.divisor}"
    if condition.function == ABSENT:
        return f"absent({what}, {say_duration(condition.window_s)})"
    bound = say(condition.threshold, unit_of_condition(condition))
    return f"{condition.function}({what}, {say_duration(condition.window_s)}) {condition.comparison} {bound}"


def sentence(condition: Condition, value: float) -> str:
    """The default summary of a metric rule."""
    unit = unit_of_condition(condition)
    what = f"{condition.metric} of {condition.divisor}" if condition.divisor else condition.metric
    if condition.function == "last":
        subject = f"{what} is"
    elif condition.function == "changed":
        return f"{what} changed {value:.0f} times in {say_duration(condition.window_s)}."
    elif condition.function == "rate":
        subject = f"{what} changed over {say_duration(condition.window_s)} by"
    else:
        subject = f"The {VERBS[condition.function]} {what} over {say_duration(condition.window_s)} is"
    side = SIDES.get(condition.comparison, "other than")
    return f"{subject} {say(value, unit)}, {side} {say(condition.threshold, unit)}."


def annotated(rule: Rule, blank: Alert, seen: Observation) -> Observation:
    """The rule's own texts in place of the default ones, with what they name in braces filled in."""
    if not rule.annotations:
        return seen
    unit = unit_of_condition(rule.condition) if rule.condition.metric else "1"
    words = {
        "name": blank.name,
        "container": blank.name,
        "container_id": blank.container_id,
        "host": blank.host,
        "group": blank.group,
        "image": blank.image,
        "value": "unknown" if seen.value is None else say(seen.value, unit),
        "threshold": "unknown" if seen.threshold is None else say(seen.threshold, unit),
        "metric": rule.condition.metric or rule.condition.detector or "",
        "rule": rule.name,
    }
    texts = {
        key: plain(PLACEHOLDER.sub(lambda m: words.get(m[1], m[0]), text), TEXT_LENGTH)
        for key, text in rule.annotations.items()
    }
    return Observation(
        seen.truth,
        seen.value,
        seen.threshold,
        summary=texts.pop("summary", seen.summary),
        description=texts.pop("description", seen.description),
        advice=texts.pop("advice", seen.advice),
        finding_id=seen.finding_id,
        annotations=texts,
    )
