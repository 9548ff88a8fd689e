"""The CPU weight that the owner names, under ``auto``: set once, through the runtime, journalled like every change."""

from __future__ import annotations

import logging

from limits import guard
from limits.actuator.base import ActuatorAway
from limits.desk import Desk
from limits.sizes import shown
from limits.track import Track
from model.change import Change, ChangeStatus, Knobs
from model.errors import NotThere, Refused

log = logging.getLogger(__name__)
RULE = "owner_weight"
ROWS = 100


class Weights:
    """Called by the worker with the desk's hand taken: at most one change a call."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: dict[str, int] = {}
        """Container → weight that was asked for: the runtime rounds, so that what is shown may never be the same."""

    def tend(self, now_ms: int) -> bool:
        """True: there may be more to do."""
        desk = self._desk
        with desk.lock:
            snapshot, found = desk.snapshot, None
            if snapshot is None or desk.pause.stops(now_ms):
                return False
            for key, track in desk.tracks.items():
                limits, wanted = snapshot.limits.get(key), track.policy.cpu_weight
                if wanted is None or limits is None or limits.cpu_weight is None or self._asked.get(key) == wanted:
                    continue
                if track.held(now_ms) or not track.learnt or guard.kept_off(track.target, track.policy, desk.own_ids):
                    continue
                self._asked[key] = wanted
                if limits.cpu_weight != wanted:
                    found = (track, limits.cpu_weight, wanted)
                    break
            self._asked = {key: weight for key, weight in self._asked.items() if key in desk.tracks}
        if found is None:
            return False
        try:
            self._set(*found, now_ms)
        except ActuatorAway as away:
            log.debug("CPU weights are set later: %s", away)
            self._asked.pop(found[0].target.key, None)
            return False
        return True

    def _set(self, track: Track, before: int, wanted: int, now_ms: int) -> None:
        desk, key = self._desk, track.target.key
        rows = desk.state.changes(container_id=key, limit=ROWS)
        last = next((row for row in rows if row.status is ChangeStatus.APPLIED and row.after.cpu_weight), None)
        if last is not None and last.rule == "manual":
            return  # a person said otherwise since
        try:
            desk.original_of(key, now_ms)
        except (NotThere, Refused) as fault:
            log.info("%s: its CPU weight is left as it is: %s", shown(track.target.name), fault)
            return
        change = Change(
            id=desk.journal.new_id(key, RULE, now_ms),
            at_ms=now_ms,
            host=desk.host(),
            container_id=key,
            name=track.target.name,
            status=ChangeStatus.PENDING,
            rule=RULE,
            reason=f"its owner names a CPU weight of {wanted}",
            before=Knobs(cpu_weight=before),
            after=Knobs(cpu_weight=wanted),
        )
        made, _ = desk.journal.make(change, track.target.cgroup, direct=False, api=True)
        if made.status is ChangeStatus.PENDING:
            desk.unsure(made)
