"""From what was measured to what should be done: runs the laws of one container over one tick. Pure but for
the track that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from limits import guard
from limits.cpu_law import TARGETS, CpuLaw
from limits.memory_law import MemoryLaw
from limits.probe import Probe
from limits.rollback import RULE as ROLLBACK
from limits.sizes import MIB, parse_seconds
from limits.track import KNOBS, RATIO_OF, Track
from limits.words import bounds_of, cpu_reason, memory_reason
from model.change import CpuControl, Mode, Verdict, WorkClass

HEADROOM = 192.0 * MIB
"""Looked at once a second, without an airbag."""
LOOKED_MS = 2_500
"""A container that was looked at between ticks within this time needs no more room than one with an airbag."""
STALLED_FULL = 0.02
"""Share of time in which nothing of the container ran for lack of memory: less is cache being reclaimed."""
DENSE_PEAK_MINUTES = 10
CONTENDED_RATIO = 0.20
"""Time of waiting for CPU beyond that of throttled periods, from which on it is the others' doing."""
FULL_HOST_IDLE = 0.03
"""Where the host has no pressure figures: a host without idle time that throttles nobody is contended."""
PINNED_CONFIDENCE = 0.5
"""What a pinned container needs beyond its quota cannot be seen."""
LEARNT_S = 600.0
RATIOS = tuple((knob, RATIO_OF[knob]) for knob in KNOBS)


class Wish(NamedTuple):
    """A value that a law wants, already within the bounds of the guard. Made by the thousand, hence a tuple."""

    knob: str
    now: float
    value: float
    rule: str
    reason: str
    confidence: float

    @property
    def up(self) -> bool:
        return self.value > self.now


@dataclass(frozen=True, slots=True)
class Denied:
    """A wish that the guard refused. ``kind`` groups refusals that are told once."""

    knob: str
    kind: str
    reason: str


def note_ratios(track: Track, values: Mapping[str, float], now_ms: int) -> None:
    """Keep what effects are measured by."""
    for knob, name in RATIOS:
        ratio = values.get(name)
        if ratio is not None:
            track.ratios[knob].append(ratio)
    if values.get("memory_oom_kills", 0.0) > 0:
        track.ooms.append(now_ms)


def is_contended(values: Mapping[str, float], host_idle: float | None) -> bool:
    """Does a container wait for CPU that others have? Pressure (PSI, ``some``) counts throttled time as well
    (Documentation/accounting/psi.rst), which is why that is taken off."""
    throttled, pressure = values.get("cpu_throttled_periods_ratio", 0.0), values.get("cpu_pressure_some_ratio")
    if pressure is not None:
        return pressure - throttled >= CONTENDED_RATIO
    return host_idle is not None and host_idle < FULL_HOST_IDLE and throttled < 0.01


def cpu_wish(
    track: Track,
    values: Mapping[str, float],
    elapsed_s: float,
    cpu_count: int,
    now_ms: int,
    host_idle: float | None = None,
) -> Wish | None:
    """What the CPU law wishes after this tick; None: nothing, or there is no quota to change."""
    track.contended = is_contended(values, host_idle)
    usage, quota = values.get("cpu_usage_cores"), track.cpu.number()
    if track.policy.cpu_control is CpuControl.WEIGHT:
        track.cpu_law = None
        if usage is not None:
            track.cpu_need.see(usage, elapsed_s, contended=track.contended)
        return None
    bounds = None if quota is None else bounds_of(track, track.cpu, cpu_count, now_ms)
    if quota is None or bounds is None:
        track.cpu_law = None
        return None
    if usage is None:
        return None
    law = track.cpu_law
    if law is None or track.cpu_class is not track.policy.work_class:
        track.cpu_class = track.policy.work_class
        law = track.cpu_law = CpuLaw(TARGETS[track.cpu_class.value], quota, bounds[1], bounds[0])
    law.bound(*bounds)
    wish = _advance(track, law, usage, values.get("cpu_throttled_periods_ratio", 0.0), elapsed_s)
    if wish is None or guard.same_cpu(wish, quota):
        return None
    ruling = guard.permit_cpu(wish, quota, bounds)
    if ruling.verdict is Verdict.REFUSED:
        return None
    confidence = min(1.0, law.age / LEARNT_S) * (PINNED_CONFIDENCE if law.pinned else 1.0)
    reason = cpu_reason(values, quota, law.reason, track.policy.work_class.value)
    return Wish("cpu", quota, ruling.value, "cpu_law", reason, max(0.1, round(confidence, 2)))


def _advance(track: Track, law: CpuLaw, usage: float, throttled: float, elapsed_s: float) -> float | None:
    """Let the law see whole seconds; a longer tick counts as several, shorter ones are put together."""
    seconds, used, stopped = track.carried
    if elapsed_s == 1.0 and not seconds:
        return law.tick(usage, throttled, contended=track.contended)
    seconds, used, stopped = seconds + elapsed_s, used + usage * elapsed_s, stopped + throttled * elapsed_s
    whole = int(seconds + 0.05)
    if whole < 1:
        track.carried = (seconds, used, stopped)
        return None
    track.carried = (0.0, 0.0, 0.0)
    wish = law.quota
    for _ in range(min(whole, 60)):
        wish = law.tick(used / seconds, stopped / seconds, contended=track.contended)
    return wish


def memory_wish(
    track: Track, values: Mapping[str, float], elapsed_s: float, window: str, now_ms: int
) -> Wish | Denied | None:
    """What the memory law wishes after this tick. ``window``: the setting ``memory_peak_window``."""
    limit = track.memory.number()
    bounds = None if limit is None else bounds_of(track, track.memory, 1, now_ms)
    if limit is None or bounds is None:
        track.memory_law = None
        return None
    used = values.get("memory_working_set_bytes")
    if used is None:
        return None
    law = track.memory_law
    if law is None:
        law = track.memory_law = _memory_law(track, limit, window)
    law.bound(max(bounds[0], (track.start_memory or 0.0) if track.start_sized else 0.0), bounds[1])
    law.tick_s = max(0.1, elapsed_s)
    killed = values.get("memory_oom_kills", 0.0) > 0
    missed = _missed(track, values, elapsed_s, now_ms, killed=killed)
    asked = now_ms < track.asked_until_ms
    law.lowering, law.whole_window = track.policy.shrink_memory or asked, not asked
    law.resting = not track.lowerings.may_lower(now_ms)
    track.leak.see(used, limit, elapsed_s, now_ms)
    if killed:
        track.note_kill(limit, now_ms)
    law.floor = track.least_after_kill(now_ms)
    stalled = track.probe is None and is_stalled(track, values, used)
    law.headroom = law.AIRBAG_ROOM if track.airbag or now_ms - track.looked_ms < LOOKED_MS else HEADROOM
    wish = law.tick(used, oom=killed, stalled=stalled)
    wish = max(wish, bounds[0])
    if missed is not None:
        return missed if missed.value >= wish else missed._replace(value=wish)
    if wish >= limit:
        track.probe = None
    if guard.same_memory(wish, limit):
        return None
    if wish > limit and wish > track.leak.most():
        wish = max(limit, min(wish, track.leak.most()))
        if guard.same_memory(wish, limit):
            return Denied("memory", "leak", track.leak.words(used, limit, now_ms))
    if wish > limit and track.kills_lately(now_ms) >= 3:
        return Denied("memory", "oom", "it was killed for lack of memory three times within an hour: not fed further")
    ruling = guard.permit_memory(wish, round(limit), bounds, used, law.room_for(used))
    if ruling.verdict is Verdict.REFUSED:
        return None
    value = ruling.value
    if value < limit and track.airbag:
        tried = _tried(track, value, values, used, elapsed_s, now_ms)
        if tried is None:
            return None
        value = tried
    reason = memory_reason(used, limit, law.slope(), law.reason)
    confidence = 0.9 if value > limit else 0.6
    return Wish("memory", limit, value, "memory_law", reason, confidence)


def _missed(track: Track, values: Mapping[str, float], elapsed_s: float, now_ms: int, *, killed: bool) -> Wish | None:
    """What was taken back last is missed: the limit of before, at once."""
    lowerings, limit = track.lowerings, track.memory.number()
    lowerings.see(values, elapsed_s)
    hurts, last = lowerings.hurts(values, now_ms, killed=killed), lowerings.last
    if hurts is None or last is None or limit is None:
        return None
    if last.before <= limit:
        lowerings.last = None
        return None
    return Wish("memory", limit, last.before, ROLLBACK, f"what was taken back is missed: {hurts}", 1.0)


def _tried(
    track: Track, value: float, values: Mapping[str, float], used: float, elapsed_s: float, now_ms: int
) -> float | None:
    """What a lowering to ``value`` may be after ``memory.high`` stood there for a minute and nobody was hurt; None:
    not yet, or not now. Without ``auto`` nothing is tried: what is shown is what the law would do."""
    if track.policy.mode is not Mode.AUTO:
        return value
    probe = track.probe
    if probe is None:
        track.probe = Probe(value, now_ms, dict(track.lowerings.usual))
        return None
    hurts = probe.hurts(values, used, elapsed_s)
    if hurts is not None:
        track.probe, track.lowerings.given_up_ms = None, now_ms
        return None
    return max(value, probe.target) if probe.passed(now_ms) else None


def memory_wish_between(track: Track, used: float, slope: float, now_ms: int) -> Wish | None:
    """What the memory law wishes between two ticks; only ever a raise. ``used``: the working set now, ``slope``:
    its growth in bytes a second."""
    law, limit = track.memory_law, track.memory.number()
    bounds = bounds_of(track, track.memory, 1, now_ms)
    if law is None or limit is None or bounds is None or track.kills_lately(now_ms) >= 3:
        return None
    wish = min(law.between(used, slope), max(limit, track.leak.most()))
    if wish <= limit or guard.same_memory(wish, limit):
        return None
    ruling = guard.permit_memory(wish, round(limit), bounds, used, law.room_for(used))
    if ruling.verdict is Verdict.REFUSED:
        return None
    return Wish("memory", limit, ruling.value, "memory_law", memory_reason(used, limit, slope, law.reason), 0.9)


def is_stalled(track: Track, values: Mapping[str, float], used: float) -> bool:
    """Was it stopped at our ``memory.high`` for want of memory, and not merely made to give up file cache?"""
    if not track.airbag or values.get("memory_high_events_per_second", 0.0) <= 0:
        return False
    return used >= 0.95 * track.airbag and values.get("memory_pressure_full_ratio", 1.0) >= STALLED_FULL


def _memory_law(track: Track, limit: float, window: str) -> MemoryLaw:
    """Without an airbag at ``memory.high``, looked at once a second: the larger headroom."""
    dense = track.policy.work_class is WorkClass.DENSE
    try:
        minutes = DENSE_PEAK_MINUTES if dense else max(DENSE_PEAK_MINUTES, round(parse_seconds(window) / 60))
    except ValueError:
        minutes = 1440
    return MemoryLaw(limit, HEADROOM, lowering=track.policy.shrink_memory, peak_minutes=minutes, whole_window=True)


def slope_of(track: Track) -> float:
    """Growth in bytes a second, as the memory law sees it; 0 where there is no law."""
    return track.memory_law.slope() if track.memory_law is not None else 0.0
