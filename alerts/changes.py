"""Limit changes as alerts: the sentence that tells of one, and the LimitChanged alert. Pure."""

from __future__ import annotations

from alerts.words import plain, say_bytes
from model.alert import LIMIT_CHANGED, Alert, AlertState, Severity
from model.change import Change, ChangeStatus, Knobs
from model.identity import fingerprint
from model.target import Target

TOLD = (ChangeStatus.APPLIED, ChangeStatus.REFUSED, ChangeStatus.REVERTED, ChangeStatus.FAILED)
"""What becomes an alert; a dry run and a write in flight do not."""
BY_HAND = ("manual", "undo")
BACK = ("undo", "revert")
SHOWN_MS = 10_000
"""How long a LimitChanged alert fires: it is over as soon as it was told."""


def steps(before: Knobs, after: Knobs) -> list[str]:
    """``CPU limit 0.20 → 0.50 cores`` for each knob that the change touches."""
    said = []
    if after.cpu_cores is not None:
        was = "none" if before.cpu_cores is None else f"{before.cpu_cores:.2f}"
        said.append(f"CPU limit {was} → {after.cpu_cores:.2f} cores")
    elif "cpu_cores" in after.unlimited:
        said.append("CPU limit lifted")
    if after.memory_bytes is not None:
        was = "none" if before.memory_bytes is None else say_bytes(before.memory_bytes)
        said.append(f"memory limit {was} → {say_bytes(after.memory_bytes)}")
    if after.cpu_weight is not None:
        was = "unknown" if before.cpu_weight is None else str(before.cpu_weight)
        said.append(f"CPU weight {was} → {after.cpu_weight}")
    if after.memory_high_bytes is not None and after.memory_bytes is None:
        said.append(f"memory.high → {say_bytes(after.memory_high_bytes)}")
    return said


def sentence(change: Change) -> str:
    """What was done, or why not, in one line."""
    what = ", ".join(steps(change.before, change.after)) or "limits"
    reason = plain(change.reason, 300)
    match change.status:
        case ChangeStatus.APPLIED | ChangeStatus.REVERTED:
            back = change.status is ChangeStatus.REVERTED or change.rule in BACK
            return f"{'Put back' if back else 'Changed'}: {what}. {reason}"
        case ChangeStatus.DRY_RUN:
            return f"Would change: {what}. {reason}"
        case ChangeStatus.REFUSED:
            return f"Not changed ({what}): {reason}"
        case ChangeStatus.FAILED:
            return f"Failed to change ({what}): {reason}"
        case ChangeStatus.PENDING:
            return f"Being changed: {what}. {reason}"


def value_of(change: Change) -> float | None:
    """The knob's new value as a number: cores, else bytes, else weight."""
    for value in (change.after.cpu_cores, change.after.memory_bytes, change.after.cpu_weight):
        if value is not None:
            return float(value)
    return None


def limit_changed(change: Change, target: Target | None, now_ms: int) -> Alert | None:
    """The alert that tells of a change made without a person's hand; None for one that tells nothing."""
    if change.status not in TOLD or change.rule in BY_HAND:
        return None
    said = sentence(change)
    return Alert(
        id=fingerprint((LIMIT_CHANGED, change.host, change.id, change.status.value)),
        rule=LIMIT_CHANGED,
        severity=Severity.INFO,
        state=AlertState.FIRING,
        host=change.host,
        container_id=change.container_id,
        name=change.name,
        image=(target.image if target else None) or "",
        group=(target.group if target else None) or "",
        service=(target.service if target else None) or "",
        since_ms=now_ms,
        started_at_ms=now_ms,
        ended_at_ms=None,
        value=value_of(change),
        threshold=None,
        summary=said,
        description=f"By {change.rule}.",
        advice=f"wharfinger limits undo {change.id} puts it back." if change.status is ChangeStatus.APPLIED else "",
        finding_id=change.finding_id,
        action=said,
        change_id=change.id,
    )


def concerns(change: Change, alert: Alert) -> bool:
    """Whether the change was made for this alert: for its finding, or because its rule asked."""
    if alert.container_id != change.container_id or alert.rule == LIMIT_CHANGED:
        return False
    by_finding = change.finding_id is not None and change.finding_id == alert.finding_id
    return by_finding or change.rule == f"rule:{alert.rule}"
