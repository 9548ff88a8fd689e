"""What the host lost is written again: limits that no runtime keeps, after a restart or systemd's daemon-reload.

moby#41233, podman#15727: systemd sets a unit's limits to what stands in the unit whenever it is reloaded.
"""

from __future__ import annotations

import logging
from math import inf
from typing import Final

from limits import guard
from limits.desk import Desk
from limits.foreign import tell_law
from limits.journal import READ_FAULTS
from limits.learning import value_in
from limits.sizes import shown
from limits.track import FIELD_OF, KnobTrack, Track, Value, alike
from limits.weighing import knobs_for
from limits.words import say_any
from model.change import ChangeStatus, Knobs
from model.errors import StoreError
from model.limits import Unlimited, bounded

log = logging.getLogger(__name__)
RULE: Final = "reassert"


class Reassert:
    """Called by the worker with the desk's hand taken. In any mode: what a person set by hand is kept as well."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tend(self, now_ms: int) -> None:
        desk = self._desk
        with desk.lock:
            if desk.pause.stops(now_ms):
                return
            lost = dict(desk.queue.lost)
            desk.queue.lost.clear()
            tracks = {key: desk.tracks.get(key) for key, _ in lost}
        for (key, knob), value in lost.items():
            track = tracks[key]
            if track is not None and guard.excluded(track.target, desk.own_ids) is None:
                self._again(track, track.knob(knob), value, now_ms)

    def _again(self, track: Track, state: KnobTrack, value: Value, now_ms: int) -> None:
        desk, cgroup, knob = self._desk, track.target.cgroup, state.knob
        try:
            now = value_in(desk.journal.kernel.read(cgroup), knob)
            use = desk.journal.kernel.memory_use(cgroup) if knob == "memory" else None
            v2 = desk.journal.kernel.v2_memory()
        except READ_FAULTS as fault:
            log.debug("%s: not set again: %s", shown(track.target.name), fault)
            return
        if not alike(knob, now, state.resting) or alike(knob, now, value):
            return
        if knob == "memory" and (bounded(value) or inf) < (bounded(now) or inf):
            in_use = use.in_use if use is not None else None
            ruling = guard.permit_memory_by_hand(bounded(value) or 0.0, whole(now), in_use, v2=v2)
            if ruling.verdict.value == "refused":
                log.info("%s: its memory limit is not set again: %s", shown(track.target.name), ruling.reason)
                return
        change = desk.draft(
            track.target.key,
            track.target.name,
            RULE,
            f"the host went back to {say_any(knob, now)} by itself",
            as_knobs(knob, now),
            as_knobs(knob, value),
            now_ms,
        )
        desk.expect(track.target.key, change.after, now_ms)
        try:
            made, _ = desk.journal.make(change, cgroup, direct=False, api=True)
        except StoreError:
            desk.unsure(change)
            raise
        if made.status is ChangeStatus.PENDING:
            desk.unsure(made)
        elif made.status is ChangeStatus.APPLIED:
            with desk.lock:
                state.wrote(value, now_ms)
                tell_law(track, knob)


def whole(value: Value) -> int | Unlimited | None:
    return round(value) if isinstance(value, float) else value


def as_knobs(knob: str, value: Value) -> Knobs:
    """Knobs with this one value; no limit is named as such."""
    return Knobs(unlimited=(FIELD_OF[knob],)) if isinstance(value, Unlimited) else knobs_for(knob, value)
