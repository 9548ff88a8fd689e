"""Somebody else changed a limit: that is the owner's will from now on. No I/O; under the desk's lock."""

from __future__ import annotations

import logging

from limits import guard
from limits.desk import FOREIGN, FOREIGN_HOLD_S, Desk
from limits.sizes import shown
from limits.track import KNOBS, KnobTrack, Track, Value, alike
from limits.words import say_step
from model.limits import Limits

log = logging.getLogger(__name__)

LOSSES = 3
LOSSES_MS = 600_000


def compare(desk: Desk, track: Track, limits: Limits, now_ms: int) -> None:
    """Does the kernel still enforce what we think? If not, the runtime put back what it has saved, or
    somebody changed it; a reading that is merely late is neither."""
    read: tuple[tuple[KnobTrack, Value], ...] = ((track.cpu, limits.cpu_cores), (track.memory, limits.memory_bytes))
    for state, value in read:
        if value is None or value == state.in_force:
            continue  # so it is with nearly all, nearly always
        if alike(state.knob, value, state.in_force) or state.is_late_reading(value, now_ms):
            continue
        if state.in_force is None:
            state.in_force = value
            state.floor = value if state.floor is None else state.floor
        elif state.saved is not None and alike(state.knob, value, state.saved):
            state.in_force, state.owed = value, False
            tell_law(track, state.knob)
        elif lost(desk, track, state, value, now_ms):
            tell_law(track, state.knob)
        else:
            adopt(desk, track, state.knob, value, now_ms)


def lost(desk: Desk, track: Track, state: KnobTrack, value: Value, now_ms: int) -> bool:
    """Did the host put back what it has itself? Then ours is written again: but whoever does so three times within ten
    minutes means it."""
    if not guard.is_volatile(track.target) or not alike(state.knob, value, state.resting) or state.in_force is None:
        return False
    if len(state.lost_ms) == LOSSES and now_ms - state.lost_ms[0] < LOSSES_MS:
        return False
    state.lost_ms.append(now_ms)
    desk.queue.lost[(track.target.key, state.knob)] = state.in_force
    state.in_force = value
    return True


def adopt(desk: Desk, track: Track, knob: str, value: Value, now_ms: int) -> None:
    """Take the value over, keep off, and let the worker record it."""
    state = track.knob(knob)
    step = say_step(knob, state.in_force, value)
    log.info(
        "%s: someone else changed its %s limit (%s): left alone for 10 minutes", shown(track.target.name), knob, step
    )
    track.forget_laws()
    state.in_force = state.floor = state.saved = state.resting = value
    state.owed = False
    state.superseded.clear()
    track.held_until_ms = max(track.held_until_ms, now_ms + round(FOREIGN_HOLD_S * 1000))
    track.held_by = FOREIGN
    desk.queue.foreign[(track.target.key, knob)] = value
    for name in KNOBS:
        desk.queue.plans.pop((track.target.key, name), None)


def tell_law(track: Track, knob: str) -> None:
    """The law hears what is in force now; without a limit there is no law."""
    number = track.knob(knob).number()
    if knob == "cpu" and track.cpu_law is not None and number is not None:
        track.cpu_law.in_force(number)
    if knob == "memory" and track.memory_law is not None and number is not None:
        track.memory_law.in_force(number)
