"""What is known of a container before it is touched: its own limit, its original, what a crash left of us."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from limits import guard
from limits.actuator.base import ActuatorAway
from limits.advice import needed
from limits.desk import FOREIGN, FOREIGN_HOLD_S, HOLDS, PAUSE, Desk, Pause
from limits.foreign import lost
from limits.history import ever_ours, floor_of, last_written, value_of
from limits.journal import READ_FAULTS
from limits.own import own_ids
from limits.profile import KEPT as PROFILES
from limits.rollback import DAY_MS
from limits.rollback import RULE as ROLLBACK
from limits.runtimes import start_sized
from limits.sizes import shown
from limits.track import KNOBS, Track, Value, alike
from limits.words import say_any, say_step
from model.change import Change, ChangeStatus, Mode, Original
from model.errors import NotThere, Refused
from model.limits import Limits, Unlimited, bounded
from model.target import Target

log = logging.getLogger(__name__)
ROWS = 300
"""Of the journal, newest first: more than can be written between two updates of the runtime, which lags behind."""
START_MS = 600_000
"""A container of a known service keeps so long what it started with."""
DOUBT_MS = 3_000
"""A runtime that starts a container makes its cgroup first and sets the limits a moment after: that a limit is gone
is believed when it has been so for this long."""


class Learning:
    """Reads the state store and the runtime; called by the worker and by hand, with the desk's hand taken."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._unlimited_since: dict[str, int] = {}

    def load(self, now_ms: int) -> None:
        """Everything that survived the last run: policies, originals, holds, the kill switch, and rows that a
        crash left PENDING (settled when their container is seen)."""
        desk = self._desk
        fields, originals = dict(desk.state.policies()), set(desk.state.originals())
        pending = desk.state.changes(statuses=(ChangeStatus.PENDING.value,), limit=10_000)
        profiles = desk.state.value(PROFILES)
        holds, pause = kept_holds(desk.state.value(HOLDS), now_ms), kept_pause(desk.state.value(PAUSE))
        with desk.lock:
            desk.fields, desk.originals, desk.holds, desk.pause = fields, originals, holds, pause
            desk.left_over = {}
            desk.profiles.load(profiles)
            desk.profiles_kept_ms = now_ms
            for row in pending:
                desk.left_over.setdefault(row.container_id, []).append(row)
            desk.own_ids = own_ids(Path("/proc/self"))
            desk.generation += 1
            desk.loaded, desk.loaded_ms = True, now_ms
        if pause.stops(now_ms):
            log.warning("limits are paused (%s): nothing is changed until that is lifted", shown(pause.reason))

    def learn(self, container_id: str, now_ms: int, *, ask_runtime: bool) -> bool:
        """Fill the track of a container. False: the runtime did not answer, so ask it later."""
        desk = self._desk
        with desk.lock:
            track = desk.tracks.get(container_id)
        if track is None:
            return True
        if not track.learnt and not self._read_journal(track, now_ms):
            return True
        if track.has_original or track.policy.mode is not Mode.AUTO or not track.limited():
            return True
        if guard.excluded(track.target, desk.own_ids):
            return True
        if not ask_runtime:
            return True
        try:
            desk.original_of(container_id, now_ms)
        except ActuatorAway:
            return False
        except (NotThere, Refused) as fault:
            log.debug("%s: no original yet: %s", shown(track.target.name), fault)
        return True

    def _read_journal(self, track: Track, now_ms: int) -> bool:
        """What the journal and the kernel say. False: it cannot be read now."""
        desk, key = self._desk, track.target.key
        try:
            seen = desk.journal.kernel.read(track.target.cgroup)
        except READ_FAULTS as fault:
            log.debug("%s: not learnt yet: %s", shown(track.target.name), fault)
            return False
        try:
            if not self._settle(key, track.target.cgroup, now_ms):
                return False
        except READ_FAULTS as fault:
            log.debug("%s: not settled yet: %s", shown(track.target.name), fault)
            return False
        rows, sized = desk.state.changes(container_id=key, limit=ROWS), self._start_sized(track)
        original = desk.state.originals().get(key)
        if self._just_beginning(track.target, seen, rows, original, now_ms):
            return False
        with desk.lock:
            for knob in KNOBS:
                self._take_over(track, knob, value_in(seen, knob), rows, original)
            track.start_memory = bounded(track.memory.in_force)
            track.start_sized = sized
            if not rows and original is None:
                self._start_with_profile(track, now_ms)
            for row in reversed(rows):
                if row.rule == ROLLBACK and row.status is ChangeStatus.APPLIED and now_ms - row.at_ms < DAY_MS:
                    track.lowerings.rolled_back.append(row.at_ms)
            track.learnt = True
        return True

    def _just_beginning(
        self, target: Target, seen: Limits, rows: tuple[Change, ...], original: Original | None, now_ms: int
    ) -> bool:
        """A limit that we know is not there yet, or no more, or a young container without any: too early to say which.
        Believed too soon, the limit that it is started with would be taken for somebody's change a moment later."""
        key, started, waits = target.key, target.id.started_at_ms, self._unlimited_since

        def ours(knob: str) -> Value:
            last = last_written(rows, knob)
            return last if last is not None or original is None else value_of(original.knobs, knob)

        gone = any(
            isinstance(value_in(seen, knob), Unlimited) and isinstance(ours(knob), int | float) for knob in KNOBS
        )
        young = not rows and original is None and (started is None or now_ms - started < DOUBT_MS)
        bare = all(isinstance(value_in(seen, knob), Unlimited) for knob in KNOBS)
        if (gone or (young and bare)) and now_ms - waits.setdefault(key, now_ms) < DOUBT_MS:
            if len(waits) > len(self._desk.tracks):
                self._unlimited_since = {key: at for key, at in waits.items() if key in self._desk.tracks}
            return True
        waits.pop(key, None)
        return False

    @staticmethod
    def _start_with_profile(track: Track, now_ms: int) -> None:
        """A container that was never seen begins with what its service needs, for ten minutes at least."""
        for knob in KNOBS:
            state, value = track.knob(knob), needed(track.profile, knob) if track.profile is not None else None
            number = state.number()
            if value is not None and number is not None and value > number:
                state.rule_floor = (value, now_ms + START_MS)

    def _start_sized(self, track: Track) -> str | None:
        """What of it sized itself by its limit at the start; where that cannot be seen it is taken for such."""
        try:
            return start_sized(self._desk.journal.kernel.commands(track.target.cgroup))
        except READ_FAULTS as fault:
            log.debug("%s: its processes cannot be seen: %s", shown(track.target.name), fault)
            return "a process that could not be seen"

    def _take_over(
        self, track: Track, knob: str, seen: Value, rows: tuple[Change, ...], original: Original | None
    ) -> None:
        state, last = track.knob(knob), last_written(rows, knob)
        state.in_force = seen
        state.resting = seen if original is None else value_of(original.knobs, knob)
        known = last is not None or original is not None
        if seen is None or not known or ever_ours(rows, original, knob, seen):
            state.floor = floor_of(rows, original, knob, seen)
            state.owed = last is not None and alike(knob, last, seen)
            if last is not None and not state.owed and alike(knob, seen, state.resting):
                state.in_force = last
                if not lost(self._desk, track, state, seen, track.seen_ms):
                    state.in_force = seen
            return
        log.info(
            "%s: its %s limit was changed while we were away (%s): that is its owner's will",
            shown(track.target.name),
            knob,
            say_step(knob, last, seen),
        )
        state.floor = seen
        self._desk.queue.foreign[(track.target.key, knob)] = seen

    def foreign(self, container_id: str, knob: str, value: Value, now_ms: int) -> None:
        """Record a foreign change: audit, hold, and the original anew."""
        desk = self._desk
        desk.hold(container_id, FOREIGN_HOLD_S, FOREIGN, now_ms)
        detail = {"knob": knob, "value": say_any(knob, value), "hold_s": FOREIGN_HOLD_S}
        desk.state.audit(now_ms, "someone else", "limits.foreign_change", container_id, detail)
        if container_id not in desk.originals:
            return
        try:
            desk.original_of(container_id, now_ms, renew=True)
        except (NotThere, Refused, ActuatorAway) as fault:
            log.warning("the original limits of %s could not be recorded anew: %s", container_id[:12], fault)

    def _settle(self, container_id: str, cgroup: str | None, now_ms: int) -> bool:
        """Settle what was cut off on a container. False: it is too early for one of them."""
        rows = self._desk.left_over.get(container_id, [])
        for row in list(rows):
            if self._desk.journal.settle_left_over(row, cgroup, now_ms) is None:
                return False
            rows.remove(row)
        self._desk.left_over.pop(container_id, None)
        return True

    def settle_first(self, now_ms: int, container_id: str | None = None) -> None:
        """Before a person changes a container (None: any): what was cut off is settled, or the person waits."""
        desk = self._desk
        for key in [container_id] if container_id is not None else list(desk.left_over):
            track = desk.tracks.get(key)
            try:
                if not self._settle(key, track.target.cgroup if track is not None else None, now_ms):
                    raise Refused("a change that was cut off is not settled yet: try again in ten seconds")
            except ActuatorAway as away:
                raise Refused(str(away)) from None

    def settle_the_gone(self, now_ms: int) -> None:
        """Rows of a crash whose container does not run: the runtime says what became of them."""
        desk = self._desk
        with desk.lock:
            gone = [key for key in desk.left_over if key not in desk.tracks]
        for key in gone:
            try:
                self._settle(key, None, now_ms)
            except READ_FAULTS as fault:
                log.debug("rows of %s are not settled yet: %s", key[:12], fault)


def value_in(limits: Limits, knob: str) -> Value:
    """Value of ``cpu`` or ``memory`` as the kernel shows it."""
    return limits.cpu_cores if knob == "cpu" else limits.memory_bytes


def kept_holds(value: object, now_ms: int) -> dict[str, int]:
    """Holds as they were kept; what is no hold is left out. Pure."""
    if not isinstance(value, Mapping):
        return {}
    return {
        str(key): until
        for key, until in value.items()
        if isinstance(until, int) and not isinstance(until, bool) and (until == -1 or until > now_ms)
    }


def kept_pause(value: object) -> Pause:
    """The kill switch as it was kept. Pure."""
    if not isinstance(value, Mapping):
        return Pause()
    until = value.get("until_ms")
    return Pause(bool(value.get("paused")), str(value.get("reason", "")), until if isinstance(until, int) else None)
