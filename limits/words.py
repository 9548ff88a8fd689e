"""Sentences about what the controller does and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from limits.guard import cpu_bounds, memory_bounds
from limits.history import value_of
from limits.sizes import say_bytes, say_clock, say_value
from limits.track import DETECTOR_OF, KnobTrack, Track
from limits.weight_law import is_worth, wanted_weight
from model.alert import Severity
from model.change import Change, CpuControl, Mode
from model.finding import Finding
from model.identity import fingerprint
from model.limits import Unlimited, bounded


def say_any(knob: str, value: float | Unlimited | None) -> str:
    """A value for a sentence, with the two that are no number."""
    if isinstance(value, Unlimited):
        return "no limit"
    return "an unknown limit" if value is None else say_value(knob, value)


def say_step(knob: str, before: float | Unlimited | None, after: float | Unlimited | None) -> str:
    """``0.20 → 0.50 cores``, ``64 MiB → 128 MiB``."""
    old, new = say_any(knob, before), say_any(knob, after)
    return f"{old.removesuffix(' cores')} → {new}" if new.endswith(" cores") else f"{old} → {new}"


NO_LIMIT_IS_THE_CAUSE: Final = "No CPU or memory limit is the cause, so nothing was changed."
OWNERS_ROOM: Final = "Not lowered: only what was given is taken back, never what its owner set."
NOT_READ: Final = "Nothing was changed: its limits could not be read so far."
KNOB_OF: Final = {
    "cpu_throttled": "cpu",
    "cpu_contended": "cpu",
    "memory_near_limit": "memory",
    "memory_thrash": "memory",
    "memory_leak": "memory",
    "memory_oom_killed": "memory",
}
"""The knob that has to do with what a detector finds."""
RECENT_MS: Final = 60_000
"""A change this long before a finding of another detector still is what was done about it."""


def knob_of(finding: Finding) -> str | None:
    """Which knob a finding is about; None where no limit is the cause."""
    if finding.detector == "unlimited_on_crowded_host":
        return "memory" if any(e.metric.startswith("memory") for e in finding.evidence) else "cpu"
    return KNOB_OF.get(finding.detector)


def is_about(change: Change, finding: Finding) -> bool:
    """Whether a change of the finding's knob was made for it. The law acts for the finding that is its own; of others
    about the same knob it may have been the remedy as well."""
    if change.finding_id == finding.id:
        return True
    return finding.detector not in DETECTOR_OF.values() and change.at_ms >= finding.since_ms - RECENT_MS


def deed_of(change: Change, knob: str) -> str:
    """``Raised 0.20 → 0.50 cores at 14:02:10 UTC: …``"""
    before, after = value_of(change.before, knob), value_of(change.after, knob)
    up = (bounded(after) or 0) >= (bounded(before) or 0)
    verb = "Raised" if up else "Lowered"
    return f"{verb} {say_step(knob, before, after)} at {say_clock(change.at_ms)}: {change.reason}."


def cpu_reason(values: Mapping[str, float], quota: float, law: str, work_class: str) -> str:
    """Why the CPU law wishes what it wishes."""
    share, used = values.get("cpu_throttled_periods_ratio", 0.0), values.get("cpu_usage_cores", 0.0)
    return f"{law}; throttled in {share:.0%} of periods, uses {used:.2f} of {quota:.2f} cores (class {work_class})"


def memory_reason(used: float, limit: float, slope: float, law: str) -> str:
    """Why the memory law wishes what it wishes."""
    growth = f", grows {say_bytes(slope)}/s" if slope >= 1024 else ""
    return f"{law}; uses {say_bytes(used)} of {say_bytes(limit)}{growth}"


def weight_words(track: Track, weight: int | None) -> str:
    """What the weight law would do, for who only watches; empty: nothing. ``weight``: in force, its owner's own."""
    policy, cores = track.policy, track.cpu_need.cores()
    if weight is None or cores is None or policy.mode is not Mode.OBSERVE:
        return ""
    wanted = policy.cpu_weight or wanted_weight(weight, cores, policy.work_class, policy.priority)
    if not is_worth(wanted, weight):
        return ""
    return f" Would set its CPU weight {weight} → {wanted}: its busiest minute of ten used {cores:.2f} cores."


def undone_words(track: Track, knob: KnobTrack, why_not: str | None, now_ms: int, weight: int | None = None) -> str:
    """Why nothing was done about a bottleneck: one sentence, with what would be done."""
    would = ""
    if knob.advice is not None:
        verb = "raise" if knob.advice.proposed > knob.advice.now else "lower"
        would = f" Would {verb} {say_step(knob.knob, knob.advice.now, knob.advice.proposed)}."
    if knob.knob == "cpu" and track.policy.cpu_control is CpuControl.WEIGHT:
        left = "Left as it is: its CPU is shared by weight only, and a quota that it has is its owner's."
        return left + weight_words(track, weight)
    if track.policy.mode is not Mode.AUTO:
        return f"Watching only: its policy is {track.policy.mode.value}.{would}"
    if why_not:
        return f"Left alone: {why_not}.{would}"
    if track.held(now_ms):
        until = "until its policy changes" if track.held_for_good else f"until {say_clock(track.held_until_ms)}"
        return f"Left alone {until}: {track.held_by}.{would}"
    if knob.refusal:
        return f"Not raised: {knob.refusal}.{would}"
    if knob.knob == "cpu" and track.contended:
        return "Left as it is: it waits for CPU that others use, not at its quota; a higher weight would help it."
    if knob.knob == "cpu" and track.cpu_law is not None and track.cpu_law.single_threaded:
        return "Left as it is: it uses exactly one core, so that a higher quota would give it nothing."
    return at_its_bound(track, knob) or "Watching: no change is due yet."


def at_its_bound(track: Track, knob: KnobTrack) -> str | None:
    """Said where the limit stands at the most that the controller may give."""
    value, floor = bounded(knob.in_force), bounded(knob.floor)
    if value is None or floor is None:
        return None
    law = track.cpu_law if knob.knob == "cpu" else None
    most = law.quota_max if law is not None else memory_bounds(track.policy, floor)[1]
    if value < most * 0.999:
        return None
    return f"Not raised: {say_value(knob.knob, value)} is the most that its bounds allow."


def finding_of_faults(track: Track, host: str) -> Finding:
    """A bad label is a finding on its container: nobody is to wonder why it counts for nothing."""
    advice = "Correct it (labels: recreate the container); until then that value is not used."
    summary = " ".join(track.policy.faults)
    return _said_of(track, host, "policy_fault", Severity.WARNING, track.fault_since_ms, summary, advice)


def finding_of_frozen(track: Track, host: str) -> Finding:
    """Taking memory back hurt three times within a day: the owner is to know that its limit is what it needs."""
    summary = "Its memory limit was lowered three times within a day, and put back each time since that hurt."
    advice = (
        "Its limit is what it needs: name it as its minimum (wharfinger.memory.min), or leave it. Nothing more "
        "is taken from it until a day after the first of the three."
    )
    return _said_of(track, host, "memory_kept", Severity.INFO, track.lowerings.rolled_back[-1], summary, advice)


def _said_of(
    track: Track, host: str, what: str, severity: Severity, since_ms: int, summary: str, advice: str
) -> Finding:
    """The controller's own word on a container: no detector found it, nothing was measured."""
    target = track.target
    return Finding(
        id=fingerprint((what, target.key, str(since_ms))),
        at_ms=track.seen_ms,
        since_ms=since_ms,
        host=host,
        container_id=target.key,
        name=target.name,
        detector=what,
        severity=severity,
        summary=summary,
        evidence=(),
        advice=advice,
    )


def bounds_of(track: Track, knob: KnobTrack, cpu_count: int, now_ms: int) -> tuple[float, float] | None:
    """Least and most that the controller may give now; None where the owner's limit is not known."""
    kept = knob.bounds
    if kept is None or kept[0] is not track.policy or kept[1] is not knob.floor or kept[2] != cpu_count:
        floor = bounded(knob.floor)
        if floor is None:
            return None
        policy = track.policy
        least, most = cpu_bounds(policy, floor, cpu_count) if knob.knob == "cpu" else memory_bounds(policy, floor)
        kept = knob.bounds = (policy, knob.floor, cpu_count, (least, max(least, most)))
    if knob.rule_floor is None or now_ms >= knob.rule_floor[1]:
        return kept[3]
    least, most = kept[3]
    least = max(least, min(knob.rule_floor[0], most))
    return least, max(least, most)
