"""Undo of one change, one container, everything; and of what a rule changed. Through the runtime's API, at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from limits import guard
from limits.actuator.base import ActuatorAway
from limits.desk import UNDO_HOLD_S, Desk
from limits.history import ever_ours, floor_of, last_written, share_a_knob, standing, touching, union, value_of
from limits.journal import READ_FAULTS, say_knobs
from limits.sizes import shown
from limits.track import KNOBS, Track, alike
from limits.words import say_any
from model.change import Change, ChangeStatus, Knobs, LimitRequest, Original
from model.errors import NotThere, Refused
from model.limits import bounded

log = logging.getLogger(__name__)
ALL_ROWS = 10_000


class Undoing:
    """Called with the desk's hand taken."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def change(self, change_id: str, actor: str, now_ms: int) -> tuple[Change, ...]:
        """Put back what one change altered. Later changes of the same knob go with it.

        Raises NotThere, Refused (it was not applied, somebody changed the limit since, memory is in use).
        """
        row = self._desk.state.change(change_id)
        if row is None:
            raise NotThere(f"there is no change {shown(change_id)}")
        if row.status is not ChangeStatus.APPLIED:
            raise Refused(f"change {row.id} is {row.status.value}: there is nothing to undo")
        rows = self._rows(row.container_id)
        later = [r for r in _newer(rows, row) if r.status is ChangeStatus.APPLIED and share_a_knob(r, row)]
        self._refuse_if_foreign(row, rows)
        reason = f"undo of {row.id} by {actor}"
        original = self._desk.state.originals().get(row.container_id)
        made = self._put_back(row.container_id, row.name, row.before, original, "undo", reason, actor, now_ms)
        self._mark([row, *later], made)
        self._after(row.container_id, now_ms, hold_s=UNDO_HOLD_S)
        self._audit(made, actor, now_ms)
        return (made,)

    def container(self, container_id: str, actor: str, now_ms: int) -> tuple[Change, ...]:
        """Bring a container back to its original. Empty where nothing of ours stands."""
        original = self._desk.state.originals().get(container_id)
        rows = standing(self._rows(container_id))
        if original is None or not rows:
            if container_id not in self._desk.tracks and original is None:
                raise NotThere(f"there is no container {shown(container_id[:16])} whose limits were changed")
            return ()
        wanted = union(rows, original.knobs)
        reason = f"back to the original by {actor}"
        made = self._put_back(container_id, original.name, wanted, original, "undo", reason, actor, now_ms)
        self._mark(rows, made)
        self._after(container_id, now_ms, hold_s=UNDO_HOLD_S)
        self._audit(made, actor, now_ms)
        return (made,)

    def everything(self, actor: str, now_ms: int) -> tuple[Change, ...]:
        """Every container that we changed. One that refuses keeps no other from it: its row says why."""
        made: list[Change] = []
        for container_id in self._desk.state.originals():
            try:
                made += self.container(container_id, actor, now_ms)
            except NotThere:
                continue
            except (Refused, ActuatorAway) as fault:
                log.warning("the limits of %s are not undone: %s", container_id[:12], fault)
                newest = self._rows(container_id)[:1]
                made += [row for row in newest if row.rule == "undo" and row.at_ms == now_ms]
        return tuple(made)

    def revert(self, request: LimitRequest, now_ms: int) -> None:
        """Take back what a rule changed, once it no longer fires. What a person or the memory law set since stays;
        the CPU law begins anew, since it raises within a second where that is needed."""
        rows = self._rows(request.container_id)
        ruled = [row for row in standing(rows) if row.rule == request.rule]
        if not ruled:
            return
        for knob in KNOBS:
            mine = [row for row in ruled if value_of(row.after, knob) is not None]
            if not mine:
                continue
            if touching(rows, knob)[0].rule not in (request.rule, "cpu_law"):
                log.info("%s: what rule %s gave was changed since, and stays", shown(mine[0].name), shown(request.rule))
                continue
            self._refuse_if_foreign(mine[0], rows)
            if (bounded(last_written(rows, knob)) or inf) <= (bounded(value_of(mine[-1].before, knob)) or inf):
                continue
            original = self._desk.state.originals().get(request.container_id)
            made = self._put_back(
                request.container_id, mine[0].name, mine[-1].before, original, "revert", request.reason, request.actor,
                now_ms, finding_id=request.finding_id,
            )  # fmt: skip
            self._mark(mine, made)
        self._after(request.container_id, now_ms, hold_s=None)

    def _put_back(
        self,
        container_id: str,
        name: str,
        wanted: Knobs,
        original: Original | None,
        rule: str,
        reason: str,
        actor: str,
        now_ms: int,
        finding_id: str | None = None,
    ) -> Change:
        """Make the change that restores ``wanted``; with the original's own fields where it is the original."""
        desk, track = self._desk, self._desk.tracks.get(container_id)
        cgroup = track.target.cgroup if track is not None else None
        if track is not None and (fault := guard.excluded(track.target, desk.own_ids)):
            raise Refused(fault)
        change = desk.draft(
            container_id, name, rule, reason, Knobs(), wanted, now_ms, finding_id=finding_id, actor=actor
        )
        try:
            change = replace(change, before=desk.journal.shown(change, cgroup))
        except ActuatorAway as away:
            raise Refused(str(away)) from None
        self._check_memory(track, change)
        native: Mapping[str, object] | None = None
        if original is not None and same_as_original(wanted, original):
            native = original.native
        desk.expect(container_id, wanted, now_ms)
        made, _ = desk.journal.make(change, cgroup, direct=False, api=True, original=native)
        if made.status is ChangeStatus.PENDING:
            desk.unsure(made)
            raise Refused("the runtime did not answer in time: the journal will tell what became of it")
        if made.status is not ChangeStatus.APPLIED:
            raise Refused(made.reason)
        return made

    def _check_memory(self, track: Track | None, change: Change) -> None:
        """A memory limit is not put back to below what is in use."""
        wanted = change.after.memory_bytes
        if wanted is None or track is None:
            return
        kernel = self._desk.journal.kernel
        try:
            use = kernel.memory_use(track.target.cgroup)
            v2 = kernel.v2_memory()
        except READ_FAULTS:
            use, v2 = None, True
        seen = value_of(change.before, "memory")
        now = seen if seen is None or not isinstance(seen, float) else round(seen)
        ruling = guard.permit_memory_by_hand(wanted, now, use.in_use if use else None, v2=v2)
        if ruling.verdict.value == "refused":
            self._desk.journal.settle(change, ChangeStatus.REFUSED, ruling.reason)
            raise Refused(ruling.reason)

    def _refuse_if_foreign(self, row: Change, rows: Sequence[Change]) -> None:
        """What somebody else set since is not undone by us."""
        track = self._desk.tracks.get(row.container_id)
        try:
            seen = self._desk.journal.shown(row, track.target.cgroup if track is not None else None)
        except ActuatorAway as away:
            raise Refused(str(away)) from None
        original = self._desk.state.originals().get(row.container_id)
        for knob in KNOBS:
            ours, now = last_written(rows, knob), value_of(seen, knob)
            if value_of(row.after, knob) is not None and not ever_ours(rows, original, knob, now):
                raise Refused(
                    f"someone else changed its {knob} limit since: it is {say_any(knob, now)} now, we had set "
                    f"{say_any(knob, ours)}; set it by hand"
                )

    def _mark(self, rows: Sequence[Change], by: Change) -> None:
        """The rows are taken back."""
        for row in rows:
            self._desk.state.put_change(replace(row, status=ChangeStatus.REVERTED, undone_by=by.id))
            self._desk.journal.reverted += 1

    def _after(self, container_id: str, now_ms: int, *, hold_s: float | None) -> None:
        """The laws begin anew from what is in force now; after an undo they keep off."""
        desk = self._desk
        rows, original = self._rows(container_id), desk.state.originals().get(container_id)
        with desk.lock:
            track = desk.tracks.get(container_id)
            if track is not None:
                for knob in KNOBS:
                    state, last = track.knob(knob), last_written(rows, knob)
                    if last is not None and not alike(knob, last, state.in_force):
                        state.wrote(last, now_ms)
                    if last is not None:
                        state.saved, state.owed, state.change = last, False, None
                    state.floor = floor_of(rows, original, knob, state.in_force)
                    desk.queue.plans.pop((container_id, knob), None)
                track.forget_laws()
        if hold_s is not None:
            desk.hold(container_id, hold_s, "it was undone", now_ms)

    def _rows(self, container_id: str) -> tuple[Change, ...]:
        return self._desk.state.changes(container_id=container_id, limit=ALL_ROWS)

    def _audit(self, made: Change, actor: str, now_ms: int) -> None:
        detail = {"change_id": made.id, "before": say_knobs(made.before), "after": say_knobs(made.after)}
        self._desk.state.audit(now_ms, actor, "limits.undo", made.container_id, detail)


def _newer(rows: Sequence[Change], row: Change) -> list[Change]:
    """Rows before ``row`` in a list that is newest first."""
    newer = []
    for one in rows:
        if one.id == row.id:
            break
        newer.append(one)
    return newer


def same_as_original(wanted: Knobs, original: Original) -> bool:
    """Is every named knob what the original has? Then its own fields are put back, bit for bit."""
    return all(
        value_of(wanted, knob) is None or alike(knob, value_of(wanted, knob), value_of(original.knobs, knob))
        for knob in KNOBS
    ) and (wanted.cpu_weight is None or wanted.cpu_weight == (original.knobs.cpu_weight or 100))
