"""Limits set by a person: checked, made through the runtime at once, and the controller keeps off afterwards."""

from __future__ import annotations

from dataclasses import replace

from limits import guard
from limits.actuator.base import ActuatorAway
from limits.actuator.native import knobs_of_limits
from limits.desk import UNDO_HOLD_S, Desk
from limits.guard import Ruling
from limits.history import value_of
from limits.journal import READ_FAULTS, agrees, say_knobs
from limits.learning import Learning
from limits.track import KNOBS, Track, alike
from model.change import Change, ChangeStatus, Knobs, LimitRequest, Verdict
from model.errors import NotThere, Refused
from model.limits import Limits


class ByHand:
    """Called with the desk's hand taken."""

    def __init__(self, desk: Desk, learning: Learning) -> None:
        self._desk, self._learning = desk, learning

    def set(self, request: LimitRequest, now_ms: int) -> Change:
        """Make the change that a person asks for, and say what became of it.

        Raises NotThere; Refused with ``conflict`` where it would harm or cannot be now, without where the
        value itself is impossible. With ``dry_run`` nothing is written, and nothing kept.
        """
        desk = self._desk
        track = desk.track_of(request.container_id)
        if fault := guard.excluded(track.target, desk.own_ids):
            raise Refused(fault)
        lifted = ("cpu_cores",) if request.lift_quota else ()
        wanted = Knobs(request.cpu_cores, request.memory_bytes, request.cpu_weight, unlimited=lifted)
        if wanted == Knobs():
            raise Refused("name at least one of cpu_cores, memory_bytes, cpu_weight", conflict=False)
        self._learning.settle_first(now_ms, request.container_id)
        if not track.learnt:
            self._learning.learn(request.container_id, now_ms, ask_runtime=True)
        seen = self._read(track)
        change = desk.draft(
            request.container_id,
            track.target.name,
            request.rule,
            request.reason,
            knobs_of_limits(seen, wanted),
            wanted,
            now_ms,
            finding_id=request.finding_id,
            actor=request.actor,
        )
        self._check(request, track, seen, change)
        if request.dry_run:
            return replace(change, status=ChangeStatus.DRY_RUN)
        same = agrees(wanted, change.before) and wanted.cpu_weight in (None, change.before.cpu_weight)
        made = self._already(change) if same else self._make(change, track, now_ms)
        self._take_over(track, made, now_ms)
        hold_s = UNDO_HOLD_S if request.hold_s is None else request.hold_s
        desk.hold(request.container_id, hold_s, f"it was set by {request.actor}", now_ms)
        detail = {"change_id": made.id, "before": say_knobs(made.before), "after": say_knobs(made.after)}
        desk.state.audit(
            now_ms,
            request.actor,
            "limits.set",
            request.container_id,
            {**detail, "reason": request.reason, "hold_s": hold_s},
        )
        return made

    def _read(self, track: Track) -> Limits:
        try:
            return self._desk.journal.kernel.read(track.target.cgroup)
        except NotThere:
            raise NotThere(f"container {track.target.name} does not run any more") from None
        except READ_FAULTS as fault:
            raise Refused(f"its limits cannot be read now: {fault}") from None

    def _check(self, request: LimitRequest, track: Track, seen: Limits, change: Change) -> None:
        """The guard's word on each knob."""
        rulings: list[Ruling] = []
        if request.cpu_cores is not None:
            rulings.append(guard.permit_cpu_by_hand(request.cpu_cores, self._desk.cpu_count))
        if request.lift_quota:
            rulings.append(self._permit_lifting(request.container_id))
        if request.cpu_weight is not None:
            rulings.append(guard.permit_weight_by_hand(request.cpu_weight))
        if request.memory_bytes is not None:
            kernel = self._desk.journal.kernel
            try:
                use, v2 = kernel.memory_use(track.target.cgroup), kernel.v2_memory()
            except READ_FAULTS:
                use, v2 = None, True
            in_use = use.in_use if use is not None else None
            rulings.append(guard.permit_memory_by_hand(request.memory_bytes, seen.memory_bytes, in_use, v2=v2))
        refused = [ruling for ruling in rulings if ruling.verdict is Verdict.REFUSED]
        if not refused:
            return
        reason = "; ".join(ruling.reason for ruling in refused)
        wrong = any(ruling.wrong for ruling in refused)
        if not wrong and not request.dry_run:
            self._desk.journal.settle(change, ChangeStatus.REFUSED, reason)
        raise Refused(reason, conflict=not wrong)

    def _permit_lifting(self, container_id: str) -> Ruling:
        try:
            return guard.permit_lifting(self._desk.journal.actuator.inspect(container_id).native, self._desk.cpu_count)
        except ActuatorAway as away:
            raise Refused(str(away)) from None

    @staticmethod
    def _already(change: Change) -> Change:
        """It is so already: nothing is written, and nothing journalled."""
        reason = f"{change.reason}: it was so already, nothing was written".lstrip(": ")
        return replace(change, status=ChangeStatus.APPLIED, reason=reason, read_back=change.before)

    def _make(self, change: Change, track: Track, now_ms: int) -> Change:
        try:
            self._desk.original_of(change.container_id, now_ms)
        except ActuatorAway as away:
            raise Refused(str(away)) from None
        self._desk.expect(change.container_id, change.after, now_ms)
        made, _ = self._desk.journal.make(change, track.target.cgroup, direct=False, api=True)
        if made.status is ChangeStatus.PENDING:
            self._desk.unsure(made)
            raise Refused("the runtime did not answer in time: the journal will tell what became of it")
        if made.status is not ChangeStatus.APPLIED:
            raise Refused(made.reason)
        return made

    def _take_over(self, track: Track, made: Change, now_ms: int) -> None:
        """What a person set is the owner's own limit from now on."""
        with self._desk.lock:
            for knob in KNOBS:
                value = value_of(made.after, knob)
                if value is None:
                    continue
                state = track.knob(knob)
                if not alike(knob, value, state.in_force):
                    state.wrote(value, now_ms)
                state.floor = state.saved = value
                state.owed, state.change = False, None
            track.forget_laws()
