"""The worker's part of the controller: makes what was planned, journals what was not, lets the runtime follow."""

from __future__ import annotations

import logging
from dataclasses import replace

from limits import guard
from limits.actuator.base import ActuatorAway
from limits.actuator.native import knobs_of
from limits.airbag import Airbag
from limits.desk import Desk
from limits.foreign import adopt, tell_law
from limits.history import value_of
from limits.journal import READ_FAULTS
from limits.learning import Learning, value_in
from limits.reassert import Reassert
from limits.rollback import RULE as ROLLBACK
from limits.sizes import say_value, shown
from limits.track import EFFECT_MS, KnobTrack, Plan, Track, Value, Watch, alike
from limits.undoing import Undoing
from limits.weighing import knobs_for
from limits.weights import Weights
from model.change import Change, ChangeStatus, Knobs
from model.errors import Malformed, NotThere, Refused, StoreError

log = logging.getLogger(__name__)

IDLE_S = 1.0
PROFILES_EVERY_MS = 600_000
"""What was learnt about services is written down so often, and at the end."""
API_EVERY_MS = 60_000
"""The runtime follows direct CPU writes at most this often; the first time at once."""
LOWERING_EVERY_MS = 10_000
"""Memory of one container of a host is lowered at a time, so that what happens then is its effect."""
AWAY_MS = 5_000
"""How long the runtime is not asked again after it did not answer."""
REFUSED_MS = 60_000
LOWERING_REFUSED_MS = 900_000
WRITES_A_SECOND = 20
LEARN_AT_ONCE = 50
SEEN_MS = 10_000
"""By then every container that runs was seen after a start."""


class Acting:
    """One call of :meth:`act` makes a bounded number of changes; CPU raises first, since they take microseconds."""

    def __init__(self, desk: Desk, learning: Learning, undoing: Undoing, airbag: Airbag) -> None:
        self._airbag, self._weights, self._reassert = airbag, Weights(desk), Reassert(desk)
        self._desk, self._learning, self._undoing = desk, learning, undoing
        self._second, self._writes = 0, 0
        self._away_until_ms = 0
        self._gone_next_ms = 0

    def act(self, now_ms: int) -> float:
        """Seconds until it wants to be called again; 0 while something is left."""
        with self._desk.hand:
            if not self._desk.loaded:
                self._learning.load(now_ms)
                self._airbag.lift_left_over()
            self._record_foreign(now_ms)
            self._reassert.tend(now_ms)
            more = self._plans(now_ms)
            more |= self._learn(now_ms)
            self._airbag.tend(now_ms)
            self._revert(now_ms)
            self._journal()
            more |= self._follow(now_ms)
            more |= self._weights.tend(now_ms)
            self._settle_the_gone(now_ms)
            if now_ms - self._desk.profiles_kept_ms >= PROFILES_EVERY_MS:
                self._desk.keep_profiles(now_ms)
        return 0.0 if more else IDLE_S

    def _may_write(self, now_ms: int) -> bool:
        """At most so many writes a second."""
        if now_ms // 1000 != self._second:
            self._second, self._writes = now_ms // 1000, 0
        self._writes += 1
        return self._writes <= WRITES_A_SECOND

    def _plans(self, now_ms: int) -> bool:
        """Every change of CPU, one of memory. The runtime may take longer for that than the next tick for a new plan:
        airbags, undos, and the time that goes into the journal must not wait until there is none. Raises come first:
        who is held back, or will be killed, does not wait for a thousand from whom something is taken."""
        with self._desk.lock:
            plans = self._desk.queue.plans
            waiting = sorted(plans, key=lambda key: (not plans[key].up, key[1] != "cpu"))
        for key in waiting:
            with self._desk.lock:
                plan = plans.pop(key, None)
            if plan is None:
                continue
            if not self._may_write(now_ms):
                with self._desk.lock:
                    plans.setdefault(key, plan)
                return False  # the next second has room again
            self._carry_out(plan, now_ms)
            if plan.knob == "memory":
                break
        with self._desk.lock:
            return bool(plans)

    def _carry_out(self, plan: Plan, now_ms: int) -> None:
        """Look again, journal, write, read back. What changed since it was planned makes it void."""
        desk = self._desk
        with desk.lock:
            track = desk.tracks.get(plan.container_id)
            if track is None or desk.pause.stops(now_ms) or track.held(now_ms):
                return
            if guard.kept_off(track.target, track.policy, desk.own_ids) or not track.has_original:
                return
            if guard.by_weight_only(plan.knob, track.policy):
                return
            state, cgroup = track.knob(plan.knob), track.target.cgroup
        try:
            now = value_in(desk.journal.kernel.read(cgroup), plan.knob)
            use = desk.journal.kernel.memory_use(cgroup) if plan.knob == "memory" else None
        except READ_FAULTS as fault:
            log.debug("%s: not changed: %s", shown(track.target.name), fault)
            return
        with desk.lock:
            if not alike(plan.knob, now, state.in_force) and not state.is_late_reading(now, now_ms):
                if state.saved is None or not alike(plan.knob, now, state.saved):
                    adopt(desk, track, plan.knob, now, now_ms)
                    return
                state.in_force = now
            number = state.number()
        if number is None or guard.same(plan.knob, plan.value, number):
            return
        up = plan.value > number
        if plan.rule.endswith("_law") and plan.knob == "memory" and not up and (use is None or plan.value < use.in_use):
            return
        if plan.rule == "memory_law" and not up and now_ms - desk.lowered_ms < LOWERING_EVERY_MS:
            return  # the law wishes it again
        api = plan.knob == "memory" or now_ms >= state.api_next_ms
        change = desk.draft(
            plan.container_id,
            track.target.name,
            plan.rule,
            plan.reason,
            knobs_for(plan.knob, number),
            knobs_for(plan.knob, plan.value),
            now_ms,
            finding_id=plan.finding_id,
            actor=plan.actor,
        )
        direct = plan.knob == "cpu" or up
        desk.expect(plan.container_id, change.after, now_ms)
        try:
            asks = api and now_ms >= self._away_until_ms
            made, known = desk.journal.make(change, cgroup, direct=direct, api=asks, owed=self._owed(track, plan))
        except StoreError:
            desk.unsure(change)
            raise
        if made.status is ChangeStatus.PENDING:
            desk.unsure(made)
            self._away_until_ms = now_ms + AWAY_MS
            return
        with desk.lock:
            self._note(track, state, plan, made, known, up, now_ms)

    @staticmethod
    def _owed(track: Track, plan: Plan) -> Knobs | None:
        """The CPU quota that the runtime has not saved yet, when memory is written through it."""
        quota = track.cpu.number() if plan.knob == "memory" and track.cpu.owed else None
        return None if quota is None else Knobs(cpu_cores=quota)

    def _note(
        self, track: Track, state: KnobTrack, plan: Plan, made: Change, known: bool, up: bool, now_ms: int
    ) -> None:
        """Take over what became of a plan. Under the lock."""
        if made.status is not ChangeStatus.APPLIED:
            state.not_before_ms = now_ms + (REFUSED_MS if up else LOWERING_REFUSED_MS)
            state.refusal = made.reason
            return
        if plan.rule == ROLLBACK:
            track.lowerings.undone(now_ms)
        elif plan.knob == "memory" and not up:
            track.lowerings.made(state.number() or plan.value, now_ms)
            track.probe = None
            self._desk.lowered_ms = now_ms
        state.wrote(plan.value, now_ms)
        state.owed = not known
        if known:
            state.saved, state.api_next_ms = plan.value, now_ms + API_EVERY_MS
        elif "runtime does not know" in made.reason:
            self._away_until_ms = now_ms + AWAY_MS
        state.change, state.advice, state.refusal, state.told = made, None, "", ""
        if plan.rule.startswith("rule:"):
            state.rule_floor = (plan.value, now_ms + round(1000 * max(60.0, plan.hold_s or 0.0)))
        tell_law(track, plan.knob)
        ratios = track.ratios[plan.knob]
        before = sum(ratios) / len(ratios) if ratios else None
        track.watches = [*track.watches[-7:], Watch(made.id, plan.knob, now_ms + EFFECT_MS, before)]

    def _learn(self, now_ms: int) -> bool:
        for _ in range(LEARN_AT_ONCE):
            with self._desk.lock:
                key = next(iter(self._desk.queue.learn), None)
                if key is None:
                    return False
                del self._desk.queue.learn[key]
            if not self._learning.learn(key, now_ms, ask_runtime=now_ms >= self._away_until_ms):
                self._away_until_ms = now_ms + AWAY_MS
        return True

    def _settle_the_gone(self, now_ms: int) -> None:
        """What a crash left of containers that were not seen for a while."""
        if self._desk.left_over and now_ms >= self._gone_next_ms and now_ms - self._desk.loaded_ms >= SEEN_MS:
            self._gone_next_ms = now_ms + API_EVERY_MS
            self._learning.settle_the_gone(now_ms)

    def _record_foreign(self, now_ms: int) -> None:
        """A foreign change becomes the original, and keeps the controller off for ten minutes."""
        with self._desk.lock:
            found = dict(self._desk.queue.foreign)
            self._desk.queue.foreign.clear()
        for (container_id, knob), value in found.items():
            self._learning.foreign(container_id, knob, value, now_ms)

    def _revert(self, now_ms: int) -> None:
        with self._desk.lock:
            requests = list(self._desk.queue.reverts.values())
            self._desk.queue.reverts.clear()
        for request in requests:
            try:
                self._undoing.revert(request, now_ms)
            except (Refused, NotThere, ActuatorAway) as fault:
                log.info("rule %s keeps its change of %s: %s", shown(request.rule), request.container_id[:12], fault)

    def _journal(self) -> None:
        """Refusals, advice, effects, and findings that came after their change."""
        desk = self._desk
        with desk.lock:
            unmade = list(desk.queue.unmade.values())
            effects, findings = dict(desk.queue.effects), dict(desk.queue.findings)
            desk.queue.unmade.clear()
            desk.queue.effects.clear()
            desk.queue.findings.clear()
        for change in unmade:
            desk.journal.settle(change, change.status)
        for change_id in {*effects, *findings}:
            row = desk.state.change(change_id)
            if row is None:
                continue
            row = replace(
                row,
                effect={**row.effect, **effects.get(change_id, {})},
                finding_id=row.finding_id or findings.get(change_id),
            )
            desk.state.put_change(row)
            with desk.lock:
                track = desk.tracks.get(row.container_id)
                for state in (track.cpu, track.memory) if track is not None else ():
                    if state.change is not None and state.change.id == row.id:
                        state.change = row

    def _follow(self, now_ms: int) -> bool:
        """Let the runtime save what the kernel enforces already: one a call, so that raises are not kept waiting."""
        if now_ms < self._away_until_ms:
            return False
        owing: list[tuple[Track, KnobTrack]] = []
        with self._desk.lock:
            for track in self._desk.tracks.values():
                for state in (track.cpu, track.memory):
                    if state.owed and now_ms >= state.api_next_ms and state.number() is not None:
                        owing.append((track, state))
        if not owing or not self._may_write(now_ms):
            return False
        self._save(*owing[0], now_ms)
        return len(owing) > 1

    def _save(self, track: Track, state: KnobTrack, now_ms: int) -> None:
        journal, value = self._desk.journal, state.number()
        if value is None:
            return
        try:
            shows: Value = value_in(journal.kernel.read(track.target.cgroup), state.knob)
            saved = value_of(knobs_of(journal.actuator.inspect(track.target.key).native), state.knob)
            if alike(state.knob, shows, value) and not alike(state.knob, saved, value):
                journal.update_runtime(track.target.key, knobs_for(state.knob, value))
        except ActuatorAway:
            self._away_until_ms = now_ms + AWAY_MS
            return
        except (NotThere, Refused, Malformed) as fault:
            words = "%s: the runtime does not save its limit of %s: %s"
            log.warning(words, shown(track.target.name), say_value(state.knob, value), fault)
            state.api_next_ms = now_ms + API_EVERY_MS
            return
        with self._desk.lock:
            state.saved, state.api_next_ms = value, now_ms + API_EVERY_MS
            state.owed = not alike(state.knob, state.in_force, value)
