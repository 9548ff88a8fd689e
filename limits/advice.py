"""Recommendations out of what a service needed over hours and days: right sizes for who only watches. Pure."""

from __future__ import annotations

from typing import Final

from limits.guard import CPU_TOLERANCE
from limits.memory_law import MemoryLaw
from limits.profile import KNOWN_MINUTES, Profile
from limits.sizes import MIB, say_value
from limits.track import KnobTrack, Track
from model.change import Recommendation
from model.identity import fingerprint

WORTH: Final = {"cpu": (0.2, 0.1), "memory": (0.2, 64.0 * MIB)}
"""A difference that is worth a word: this part of the limit, and so much at least."""
RULE: Final = "service_profile"


def needed(profile: Profile, knob: str) -> float | None:
    """The limit that a service needs; None while too little is known. Memory has the law's headroom on top."""
    value = profile.start_with(knob)
    if value is None or knob == "cpu":
        return None if value is None else round(value, 2)
    room = max(min(MemoryLaw.AIRBAG_ROOM, value), MemoryLaw.HEADROOM * value)
    return float(round(value + room) // MIB * MIB)


def risk_at(profile: Profile | None, knob: str, value: float) -> float | None:
    """Share of minutes in which the service needed more: in which it would be throttled, or killed. None: too little
    is known."""
    if profile is None or profile.minutes < KNOWN_MINUTES:
        return None
    return round(profile.needs[knob].share_above(value * (1 + 1e-9)), 4)


def right_size(track: Track, state: KnobTrack, host: str, now_ms: int) -> Recommendation | None:
    """What the profile says about one limit; None: nothing, or the difference is not worth it."""
    profile, now = track.profile, state.number()
    proposed = needed(profile, state.knob) if profile is not None else None
    if profile is None or proposed is None or now is None:
        return None
    part, least = WORTH[state.knob]
    if abs(now - proposed) < max(part * now, least, CPU_TOLERANCE):
        return None
    if state.knob == "memory" and proposed < now and track.start_sized:
        return None
    target, sure = track.target, profile.confidence()
    when = "in 95 % of the minutes" if state.knob == "cpu" else "with room to spare"
    size, hours = say_value(state.knob, proposed), profile.minutes / 60
    reason = f"{size} is what its service needs {when}, by {hours:.0f} container-hours"
    if proposed > now:
        reason += f"; in {risk_at(profile, state.knob, now) or 0:.0%} of the minutes that was more than it has"
    return Recommendation(
        id=fingerprint((target.key, state.knob, RULE)),
        at_ms=now_ms,
        host=host,
        container_id=target.key,
        name=target.name,
        knob=state.knob,
        now=now,
        proposed=proposed,
        reason=reason,
        confidence=round(sure, 2),
        risk=risk_at(profile, state.knob, proposed),
        saving=max(0.0, now - proposed),
    )
