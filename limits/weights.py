"""The CPU weight under ``auto``: the one that the owner names, or with ``cpu_control = "weight"`` the law's. Through
the runtime, journalled like every change."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from limits import guard
from limits.actuator.base import ActuatorAway
from limits.desk import FOREIGN, FOREIGN_HOLD_S, Desk
from limits.history import BACK, WRITTEN
from limits.sizes import shown
from limits.track import LAG_MS, Track
from limits.weight_law import is_worth, wanted_weight
from model.change import Change, ChangeStatus, CpuControl, Knobs, Original
from model.errors import NotThere, Refused

log = logging.getLogger(__name__)
RULE: Final = "owner_weight"
LAW: Final = "weight_law"
EVERY_MS: Final = 60_000
"""The law changes one container's weight at most this often."""
ROWS: Final = 100


@dataclass(slots=True)
class Known:
    """A container whose weight the law sets. ``base``: the owner's own weight; ``in_force``: as the kernel showed it
    after our last write (runtimes round), which anything else is foreign to."""

    base: int
    in_force: int
    written_ms: int = 0


class Weights:
    """Called by the worker with the desk's hand taken: at most one change a call."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: dict[str, int] = {}
        """Container → weight that its owner names and that was asked for: what is shown may never be the same."""
        self._known: dict[str, Known] = {}

    def tend(self, now_ms: int) -> bool:
        """True: there may be more to do."""
        desk = self._desk
        with desk.lock:
            if desk.snapshot is None or desk.pause.stops(now_ms):
                return False
            tracks, limits = dict(desk.tracks), desk.snapshot.limits
        self._asked = {key: weight for key, weight in self._asked.items() if key in tracks}
        self._known = {key: known for key, known in self._known.items() if key in tracks}
        for key, track in tracks.items():
            policy = track.policy
            if policy.cpu_weight is None and policy.cpu_control is not CpuControl.WEIGHT and key not in self._known:
                continue
            found = limits.get(key)
            if found is None or found.cpu_weight is None:
                continue
            if track.held(now_ms) or not track.learnt or guard.kept_off(track.target, track.policy, desk.own_ids):
                self._known.pop(key, None)  # a person decided meanwhile: it is read anew
                continue
            if policy.cpu_weight is not None:
                made = self._named(track, found.cpu_weight, policy.cpu_weight, now_ms)
            elif policy.cpu_control is CpuControl.WEIGHT:
                made = self._by_law(track, found.cpu_weight, now_ms)
            else:
                continue
            if made is not None:
                return made
        return False

    def _named(self, track: Track, now: int, wanted: int, now_ms: int) -> bool | None:
        """The owner's weight, once. None: nothing to do for this container."""
        key = track.target.key
        if self._asked.get(key) == wanted:
            return None
        self._asked[key] = wanted
        if now == wanted:
            return None
        last = next((row for row in self._rows(key) if row.status is ChangeStatus.APPLIED), None)
        if last is not None and last.rule == "manual":
            return None  # a person said otherwise since
        try:
            self._set(track, now, wanted, RULE, f"its owner names a CPU weight of {wanted}", now_ms)
        except ActuatorAway as away:
            log.debug("CPU weights are set later: %s", away)
            self._asked.pop(key, None)
            return False
        return True

    def _by_law(self, track: Track, now: int, now_ms: int) -> bool | None:
        """What the need asks for, a fifth off at least. None: nothing to do for this container."""
        key, policy = track.target.key, track.policy
        known = self._known.get(key)
        if known is None:
            rows, original = self._rows(key), self._desk.state.originals().get(key)
            known = self._known[key] = Known(base_of(rows, original, now), last_shown(rows, original) or now)
        if now != known.in_force and now_ms - known.written_ms > LAG_MS:
            self._adopt(track, known.in_force, now, now_ms)
            return None
        cores = track.cpu_need.cores()
        if cores is None or now_ms - known.written_ms < EVERY_MS:
            return None
        wanted = wanted_weight(known.base, cores, policy.work_class, policy.priority)
        if not is_worth(wanted, known.in_force) or (wanted < known.in_force and not track.cpu_need.whole):
            return None
        reason = (
            f"its busiest minute of ten used {cores:.2f} cores; its own weight {known.base}, class "
            f"{policy.work_class.value}, priority {policy.priority}"
        )
        known.written_ms = now_ms
        try:
            made = self._set(track, known.in_force, wanted, LAW, reason, now_ms)
        except ActuatorAway as away:
            log.debug("CPU weights are set later: %s", away)
            return False
        if made is not None and made.read_back is not None and made.read_back.cpu_weight is not None:
            known.in_force = made.read_back.cpu_weight
        return True

    def _adopt(self, track: Track, before: int, now: int, now_ms: int) -> None:
        """Somebody else set the weight: it is the owner's own from now on, and left alone for ten minutes."""
        desk, key = self._desk, track.target.key
        log.info(
            "%s: someone else changed its CPU weight (%d → %d): left alone for 10 minutes",
            shown(track.target.name), before, now,
        )  # fmt: skip
        self._known.pop(key, None)
        desk.hold(key, FOREIGN_HOLD_S, FOREIGN, now_ms)
        detail = {"knob": "cpu_weight", "value": now, "hold_s": FOREIGN_HOLD_S}
        desk.state.audit(now_ms, "someone else", "limits.foreign_change", key, detail)
        try:
            desk.original_of(key, now_ms, renew=True)
        except (NotThere, Refused, ActuatorAway) as fault:
            log.warning("the original limits of %s could not be recorded anew: %s", key[:12], fault)

    def _rows(self, key: str) -> list[Change]:
        """What was written of its weight, newest first."""
        rows = self._desk.state.changes(container_id=key, limit=ROWS)
        return [row for row in rows if row.status in WRITTEN and row.after.cpu_weight is not None]

    def _set(self, track: Track, before: int, wanted: int, rule: str, reason: str, now_ms: int) -> Change | None:
        """Make the change; None where its original could not be recorded, so that nothing was done."""
        desk, key = self._desk, track.target.key
        try:
            desk.original_of(key, now_ms)
        except (NotThere, Refused) as fault:
            log.info("%s: its CPU weight is left as it is: %s", shown(track.target.name), fault)
            return None
        change = desk.draft(
            key, track.target.name, rule, reason, Knobs(cpu_weight=before), Knobs(cpu_weight=wanted), now_ms
        )
        made, _ = desk.journal.make(change, track.target.cgroup, direct=False, api=True)
        if made.status is ChangeStatus.PENDING:
            desk.unsure(made)
        return made


def base_of(rows: Sequence[Change], original: Original | None, seen: int) -> int:
    """The owner's own weight: what a person set last, else what the first change of ours found. ``rows``: newest
    first, of the weight alone. Pure."""
    base = seen
    for row in rows:
        if row.rule in BACK or (original is not None and row.at_ms < original.at_ms):
            break
        if row.status is not ChangeStatus.APPLIED:
            continue
        if row.rule == "manual":
            return shown_by(row) or base
        base = row.before.cpu_weight or base
    return base


def last_shown(rows: Sequence[Change], original: Original | None) -> int | None:
    """What the kernel showed after the last write; None where somebody else's value became the original since. Pure."""
    if not rows or (original is not None and rows[0].at_ms < original.at_ms):
        return None
    return shown_by(rows[0])


def shown_by(row: Change) -> int | None:
    """The weight that was read back after this change."""
    return row.read_back.cpu_weight if row.read_back is not None else row.after.cpu_weight
