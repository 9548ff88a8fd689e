"""Wishes against what stands in their way: recommendations, refusals, plans. No I/O; under the desk's lock."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from math import isfinite

from limits import guard
from limits.advice import risk_at
from limits.arbiter import Arbiter
from limits.desk import Desk
from limits.planner import Denied, Wish
from limits.rollback import RULE as ROLLBACK
from limits.sizes import shown
from limits.track import KnobTrack, Plan, Track
from limits.words import bounds_of, say_step
from model.change import Change, ChangeStatus, Knobs, LimitRequest, Mode, Recommendation, Verdict
from model.identity import fingerprint

log = logging.getLogger(__name__)

ADVICE_MS = 60_000
"""A recommendation stays this long after it was wished last, so that it does not flicker."""
SAID_MS = 5_000
"""A recommendation that is wished on and on is put in words anew only so often."""
TOLD_MS = 600_000
"""The same refusal is journalled again only after this."""
REVERT_AGAIN_MS = 5_000
"""Rules ask every ten seconds until theirs is taken back."""


@dataclass(slots=True)
class Weighing:
    """Decides what becomes of a wish."""

    desk: Desk
    arbiter: Arbiter
    _advised: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def law(self, track: Track, state: KnobTrack, wish: Wish | Denied | None, finding: str | None, now_ms: int) -> None:
        """A law's wish, or that it has none."""
        if wish is None:
            if now_ms - state.advice_seen_ms > ADVICE_MS:
                state.advice = None
            state.refusal = ""
            if self.desk.queue.plans:
                self._drop_law_plan((track.target.key, state.knob))
        elif isinstance(wish, Denied):
            self._refuse(track, state, wish, None, finding, now_ms)
        else:
            self._advise(track, state, wish, finding, now_ms)
            self._decide(track, state, wish, "host", finding, None, now_ms)

    def rule(self, request: LimitRequest, now_ms: int) -> None:
        """A rule's wish passes the same guard and needs the same room."""
        track = self.desk.tracks.get(request.container_id)
        if track is None or not track.learnt:
            return
        back = (request.container_id, request.rule, "back")
        if request.revert:
            if now_ms - self._advised.get(back, -REVERT_AGAIN_MS) >= REVERT_AGAIN_MS:
                self._advised[back] = now_ms
                self.desk.queue.reverts[(request.container_id, request.rule)] = request
            return
        self._advised.pop(back, None)
        for knob, wanted in (("cpu", request.cpu_cores), ("memory", request.memory_bytes)):
            if wanted is not None and isfinite(wanted):
                self._rule_knob(track, track.knob(knob), float(wanted), request, now_ms)

    def _rule_knob(self, track: Track, state: KnobTrack, wanted: float, request: LimitRequest, now_ms: int) -> None:
        now, bounds = state.number(), bounds_of(track, state, self.desk.cpu_count, now_ms)
        if now is None or bounds is None or wanted <= now:
            return
        if (fault := guard.by_weight_only(state.knob, track.policy)) is not None:
            state.refusal = fault
            return
        if state.knob == "cpu":
            ruling = guard.permit_cpu(wanted, now, bounds)
        else:
            ruling = guard.permit_memory(wanted, round(now), bounds, self._use_of(track.target.key), 0.0)
        if ruling.verdict is Verdict.REFUSED:
            state.refusal = ruling.reason
            return
        wish = Wish(state.knob, now, ruling.value, request.rule, request.reason, 1.0)
        if track.policy.mode is Mode.AUTO:
            self._decide(track, state, wish, f"{request.rule} host", request.finding_id, request, now_ms)
        elif track.policy.mode is Mode.OBSERVE:
            self._advise_rule(track, state, wish, request, now_ms)

    def _decide(
        self,
        track: Track,
        state: KnobTrack,
        wish: Wish,
        kind: str,
        finding: str | None,
        request: LimitRequest | None,
        now_ms: int,
    ) -> None:
        """Plan it, refuse it with the host's reason, or let it wait."""
        denied, key = self._denied(track, state, wish, now_ms), (track.target.key, state.knob)
        if denied:
            self._refuse(track, state, Denied(state.knob, kind, denied), wish, finding, now_ms)
        elif denied is None:
            state.refusal = ""
            wish = self.arbiter.within_share(track, wish, now_ms)
            planned = self.desk.queue.plans.get(key)
            if planned is not None and planned.rule != wish.rule and planned.value > wish.value:
                return
            actor, hold_s = (request.actor, request.hold_s) if request else ("wharfinger", None)
            self.desk.queue.plans[key] = Plan(*key, wish.value, wish.rule, wish.reason, finding, actor, hold_s, wish.up)
        elif request is None:
            self._drop_law_plan(key)

    def _drop_law_plan(self, key: tuple[str, str]) -> None:
        """A law that no longer wishes takes back its plan; a rule asks once, so that its plan stays."""
        planned = self.desk.queue.plans.get(key)
        if planned is not None and planned.rule.endswith("_law"):
            del self.desk.queue.plans[key]

    def _denied(self, track: Track, state: KnobTrack, wish: Wish, now_ms: int) -> str | None:
        """None: do it. Empty: not now, and nobody need be told. Else why the host has no room."""
        desk = self.desk
        if guard.kept_off(track.target, track.policy, desk.own_ids) or track.held(now_ms):
            return ""
        if desk.pause.stops(now_ms) or now_ms < state.not_before_ms or not track.has_original:
            return ""
        if wish.rule == ROLLBACK:
            return None  # it had it before
        if not wish.up:
            return self._lowering_waits(wish)
        return self.arbiter.refuses(track, wish, now_ms)

    def _lowering_waits(self, wish: Wish) -> str | None:
        """Nobody is squeezed while the host itself is short of memory."""
        return "" if wish.knob == "memory" and self.desk.room.short_of_memory else None

    def _use_of(self, key: str) -> float | None:
        snapshot = self.desk.snapshot
        sample = snapshot.samples.get(key) if snapshot is not None else None
        return sample.values.get("memory_working_set_bytes") if sample is not None else None

    def _advise(self, track: Track, state: KnobTrack, wish: Wish, finding: str | None, now_ms: int) -> None:
        """Show what the law would do; log it once where it only watches."""
        target = track.target
        if state.advice is None and track.policy.mode is Mode.OBSERVE:
            step = say_step(state.knob, wish.now, wish.value)
            log.info("%s: would set %s, but only watches: %s", shown(target.name), step, wish.reason)
        state.advice_seen_ms, said = now_ms, state.advice
        if said is not None and said.now == wish.now and now_ms - said.at_ms < SAID_MS and said.finding_id == finding:
            return
        state.advice = Recommendation(
            id=fingerprint((target.key, wish.knob, wish.rule)),
            at_ms=now_ms,
            host=self.desk.host(),
            container_id=target.key,
            name=target.name,
            knob=wish.knob,
            now=wish.now,
            proposed=round(wish.value, 4),
            reason=wish.reason,
            confidence=wish.confidence,
            finding_id=finding,
            risk=risk_at(track.profile, wish.knob, wish.value),
            saving=max(0.0, wish.now - wish.value),
        )

    def _advise_rule(self, track: Track, state: KnobTrack, wish: Wish, request: LimitRequest, now_ms: int) -> None:
        """A rule's wish that is not granted is kept once as a dry run, so that its alert can carry it."""
        key = (track.target.key, request.rule, request.alert_id or "")
        if key not in self._advised:
            self._advised[key] = now_ms
            reason = f"{request.reason}; watching only, since its policy is {track.policy.mode.value}"
            self._keep(track, state, wish, reason, ChangeStatus.DRY_RUN, request.finding_id, now_ms)

    def _refuse(
        self, track: Track, state: KnobTrack, denied: Denied, wish: Wish | None, finding: str | None, now_ms: int
    ) -> None:
        """Remember why; journal it once."""
        state.refusal = denied.reason
        planned = self.desk.queue.plans.get((track.target.key, state.knob))
        if planned is not None and (wish is None or planned.rule == wish.rule):
            del self.desk.queue.plans[(track.target.key, state.knob)]
        again = state.told == denied.kind and now_ms - state.told_at_ms < TOLD_MS
        if track.policy.mode is Mode.AUTO and not again:
            state.told, state.told_at_ms = denied.kind, now_ms
            self._keep(track, state, wish, denied.reason, ChangeStatus.REFUSED, finding, now_ms)

    def _keep(
        self,
        track: Track,
        state: KnobTrack,
        wish: Wish | None,
        reason: str,
        status: ChangeStatus,
        finding: str | None,
        now_ms: int,
    ) -> None:
        """Journal a change that was decided and is not made."""
        rule = wish.rule if wish is not None else f"{state.knob}_law"
        self.desk.queue.unmade[(track.target.key, state.knob)] = Change(
            id=self.desk.journal.new_id(track.target.key, rule, now_ms),
            at_ms=now_ms,
            host=self.desk.host(),
            container_id=track.target.key,
            name=track.target.name,
            status=status,
            rule=rule,
            reason=reason,
            before=knobs_for(state.knob, state.number()),
            after=knobs_for(state.knob, wish.value if wish is not None else None),
            finding_id=finding,
        )

    def forget(self, present: dict[str, Track]) -> None:
        """Drop notes about containers that are gone."""
        if len(self._advised) > 4 * len(present) + 64:
            self._advised = {key: at for key, at in self._advised.items() if key[0] in present}


def knobs_for(knob: str, value: float | None) -> Knobs:
    """Knobs with this one value."""
    if value is None:
        return Knobs()
    return Knobs(cpu_cores=round(value, 4)) if knob == "cpu" else Knobs(memory_bytes=round(value))
