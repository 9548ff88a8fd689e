"""The forms in which other programs see our things (contract: REST items, ``--json``, webhooks). Pure.

One function a thing; every number is finite or None, every time RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite

from model.alert import Alert, Delivery, Hours, Receiver, Rule, Silence
from model.change import Change, Knobs, Policy, Recommendation
from model.event import Event
from model.finding import Finding
from model.limits import Limits, Unlimited
from model.sample import Snapshot
from model.target import Target

Json = dict[str, object]


def rfc3339(at_ms: int | None) -> str | None:
    """``2026-11-24T14:02:14.000Z``; None stays None."""
    if at_ms is None:
        return None
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def finite(value: float | None) -> float | None:
    """The number, or None where it is not a number that JSON can hold."""
    return value if value is not None and isfinite(value) else None


def bound_json(value: float | Unlimited | None) -> float | str | None:
    """A limit: a number, ``"unlimited"``, or None for unknown."""
    return "unlimited" if isinstance(value, Unlimited) else finite(value)


def values_json(values: Mapping[str, float]) -> Json:
    return {name: value if isfinite(value) else None for name, value in values.items()}


def limits_json(limits: Limits | None) -> Json:
    limits = limits or Limits()
    return {
        "cpu_cores": bound_json(limits.cpu_cores),
        "memory_bytes": bound_json(limits.memory_bytes),
        "memory_high_bytes": bound_json(limits.memory_high_bytes),
        "cpu_weight": limits.cpu_weight,
        "pids": bound_json(limits.pids),
    }


def knobs_json(knobs: Knobs) -> Json:
    """Only the knobs that are touched; one that had no bound is ``"unlimited"``."""
    fields: Json = {
        name: value
        for name in ("cpu_cores", "memory_bytes", "cpu_weight", "memory_high_bytes")
        if (value := getattr(knobs, name)) is not None
    }
    return fields | dict.fromkeys(knobs.unlimited, "unlimited")


def change_json(change: Change) -> Json:
    return {
        "id": change.id,
        "at": rfc3339(change.at_ms),
        "host": change.host,
        "container_id": change.container_id,
        "name": change.name,
        "status": change.status.value,
        "rule": change.rule,
        "reason": change.reason,
        "finding_id": change.finding_id,
        "actor": change.actor,
        "before": knobs_json(change.before),
        "after": knobs_json(change.after),
        "read_back": None if change.read_back is None else knobs_json(change.read_back),
        "effect": {k: finite(v) for k, v in change.effect.items()},
        "undone_by": change.undone_by,
    }


def recommendation_json(item: Recommendation) -> Json:
    return {
        "id": item.id,
        "at": rfc3339(item.at_ms),
        "host": item.host,
        "container_id": item.container_id,
        "name": item.name,
        "knob": item.knob,
        "now": finite(item.now),
        "proposed": finite(item.proposed),
        "reason": item.reason,
        "confidence": finite(item.confidence),
        "finding_id": item.finding_id,
        "risk": finite(item.risk),
        "saving": finite(item.saving),
    }


def finding_json(finding: Finding) -> Json:
    return {
        "id": finding.id,
        "at": rfc3339(finding.at_ms),
        "since": rfc3339(finding.since_ms),
        "host": finding.host,
        "container_id": finding.container_id,
        "name": finding.name,
        "detector": finding.detector,
        "severity": finding.severity.value,
        "summary": finding.summary,
        "evidence": [
            {
                "metric": e.metric,
                "value": finite(e.value),
                "threshold": finite(e.threshold),
                "window_s": e.window_s,
                "unit": e.unit,
            }
            for e in finding.evidence
        ],
        "advice": finding.advice,
        "knob": finding.knob,
        "proposed": finite(finding.proposed),
        "change_id": finding.change_id,
        "deed": finding.deed,
    }


def alert_json(alert: Alert) -> Json:
    return {
        "id": alert.id,
        "at": rfc3339(alert.since_ms),
        "rule": alert.rule,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "host": alert.host,
        "container_id": alert.container_id,
        "name": alert.name,
        "image": alert.image,
        "group": alert.group,
        "started_at": rfc3339(alert.started_at_ms),
        "ended_at": rfc3339(alert.ended_at_ms),
        "value": finite(alert.value),
        "threshold": finite(alert.threshold),
        "summary": alert.summary,
        "description": alert.description,
        "advice": alert.advice,
        "finding_id": alert.finding_id,
        "action": alert.action,
        "change_id": alert.change_id,
        "acknowledged_by": alert.acknowledged_by,
        "silenced_until": rfc3339(alert.silenced_until_ms),
        "service": alert.service,
        "flapping": alert.flapping_hold_s > 0,
        "reason": alert.reason,
        "labels": dict(alert.labels),
    }


def rule_json(rule: Rule) -> Json:
    condition, action = rule.condition, rule.action
    return {
        "name": rule.name,
        "severity": rule.severity.value,
        "enabled": rule.enabled,
        "source": rule.source,
        "detector": condition.detector,
        "metric": condition.metric,
        "divisor": condition.divisor,
        "function": condition.function if condition.metric else None,
        "comparison": condition.comparison if condition.metric else None,
        "threshold": condition.threshold if condition.metric else None,
        "window_s": condition.window_s if condition.metric else None,
        "for_s": rule.for_s,
        "keep_firing_for_s": rule.keep_firing_for_s,
        "hours": hours_json(rule.hours),
        "selector": {
            "name": list(rule.selector.name),
            "group": list(rule.selector.group),
            "image": list(rule.selector.image),
            "host": list(rule.selector.host),
            "labels": dict(rule.selector.labels),
        },
        "annotations": dict(rule.annotations),
        "labels": dict(rule.labels),
        "action": None
        if action is None
        else {
            "knob": action.knob,
            "by": action.by,
            "relative": action.relative,
            "max": action.max,
            "hold_s": action.hold_s,
            "revert": action.revert,
        },
    }


def hours_json(hours: Hours | None) -> Json | None:
    if hours is None:
        return None
    return {
        "since_minute": hours.since_minute,
        "until_minute": hours.until_minute,
        "days": list(hours.days),
        "zone": hours.zone,
    }


def silence_json(silence: Silence) -> Json:
    """``ends_at`` is null for a window of the configuration: it recurs for good."""
    return {
        "id": silence.id,
        "rules": list(silence.rules),
        "name": list(silence.selector.name),
        "group": list(silence.selector.group),
        "host": list(silence.selector.host),
        "starts_at": rfc3339(silence.starts_at_ms),
        "ends_at": None if silence.source == "config" else rfc3339(silence.ends_at_ms),
        "hours": hours_json(silence.hours),
        "created_by": silence.created_by,
        "comment": silence.comment,
        "source": silence.source,
    }


def receiver_json(receiver: Receiver) -> Json:
    """Without its secret, and without what a URL may carry besides the host (tokens stand in paths)."""
    scheme, _, rest = receiver.url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return {
        "name": receiver.name,
        "kind": receiver.kind,
        "url": f"{scheme}://{host}/…" if rest else receiver.url,
        "match": {k: list(v) for k, v in receiver.match.items()},
        "enabled": receiver.enabled,
        "source": receiver.source,
        "signed": bool(receiver.secret),
        "repeat_s": receiver.repeat_s,
        "escalate_after_s": receiver.escalate_after_s,
    }


def delivery_json(delivery: Delivery) -> Json:
    return {
        "id": delivery.id,
        "notification_id": delivery.notification_id,
        "at": rfc3339(delivery.at_ms),
        "receiver": delivery.receiver,
        "alert_id": delivery.alert_id,
        "status": delivery.status,
        "state": delivery.state.value,
        "http_status": delivery.http_status,
        "duration_s": finite(delivery.duration_s),
        "detail": delivery.detail,
    }


def event_json(event: Event) -> Json:
    return {
        "id": event.id,
        "at": rfc3339(event.at_ms),
        "kind": event.kind,
        "host": event.host,
        "container_id": event.container_id,
        "name": event.name,
        "service": event.service,
        "detail": dict(event.detail),
    }


def policy_json(policy: Policy) -> Json:
    return {
        "mode": policy.mode.value,
        "class": policy.work_class.value,
        "cpu_min": policy.cpu_min,
        "cpu_max": policy.cpu_max,
        "memory_min": policy.memory_min,
        "memory_max": policy.memory_max,
        "cpu_weight": policy.cpu_weight,
        "cpu_control": policy.cpu_control.value,
        "priority": policy.priority,
        "shrink_memory": policy.shrink_memory,
        "sources": dict(policy.sources),
        "faults": list(policy.faults),
    }


def target_json(target: Target) -> Json:
    return {
        "id": target.key,
        "name": target.name,
        "runtime": target.id.runtime,
        "image": target.image,
        "group": target.group,
        "service": target.service,
        "cgroup": target.cgroup,
        "labels": dict(target.labels),
        "state": target.state,
    }


def snapshot_json(snapshot: Snapshot) -> Json:
    """``collect --once --json`` (contract)."""
    return {
        "at": rfc3339(snapshot.at_ms),
        "interval_s": snapshot.interval_s,
        "host": {
            "name": snapshot.host,
            "cgroup": snapshot.cgroup,
            "metrics": values_json(snapshot.host_sample.values),
        },
        "containers": [
            {
                **target_json(target),
                "limits": {
                    k: v for k, v in limits_json(snapshot.limits.get(key)).items() if k in ("cpu_cores", "memory_bytes")
                },
                "metrics": values_json(snapshot.samples[key].values) if key in snapshot.samples else {},
            }
            for key, target in snapshot.targets.items()
        ],
        "gaps": [{"target": g.target, "part": g.part, "reason": g.reason} for g in snapshot.gaps],
    }
