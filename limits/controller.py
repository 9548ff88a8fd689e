"""The limit controller: what the daemon, the API and the tick see of this room.

The tick only decides (:meth:`Controller.consider`); the worker acts (:meth:`Controller.act`); a person's sets
and undos run in the caller's thread. See ``docs/limits.md``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from config.schema import HostSettings, LimitSettings
from limits import guard
from limits.acting import Acting
from limits.actuator.base import Actuator, Kernel
from limits.actuator.by_runtime import ByRuntime
from limits.actuator.cgroupfs import CgroupActuator
from limits.advice import right_size
from limits.airbag import Airbag
from limits.arbiter import Arbiter
from limits.between import Between, LookAt
from limits.by_hand import ByHand
from limits.desk import PAUSE, Desk, Pause, service
from limits.journal import Journal
from limits.learning import Learning
from limits.policy import checked_fields
from limits.track import DETECTOR_OF, KnobTrack, Track
from limits.undoing import Undoing
from limits.watching import Watching
from limits.weighing import Weighing
from limits.words import (
    NO_LIMIT_IS_THE_CAUSE,
    NOT_READ,
    OWNERS_ROOM,
    deed_of,
    finding_of_faults,
    finding_of_frozen,
    is_about,
    knob_of,
    undone_words,
)
from model.change import Change, LimitRequest, Mode, Policy, Recommendation
from model.errors import StoreError
from model.finding import Finding
from model.outside import rfc3339
from model.sample import Snapshot
from model.target import Target
from storage.api import StateStore

log = logging.getLogger(__name__)


class Controller:
    """Adjusts limits within what the owner allows. Every method may be called from any thread."""

    def __init__(
        self,
        settings: LimitSettings,
        label_prefix: str,
        host: HostSettings,
        state: StateStore,
        actuator: Actuator,
        wishes: Callable[[], Sequence[LimitRequest]],
        on_change: Callable[[Change], None],
        cpu_count: int,
        *,
        kernel: Kernel | None = None,
        hands: Callable[[], Mapping[tuple[str, str], str]] = dict,
        podman: Actuator | None = None,
    ) -> None:
        """``hands``: (container id, knob) → name of the user's rule that adjusts it; the laws leave it alone.
        ``actuator``: Docker's. ``podman``: None where Podman is not asked: its containers are written directly."""
        door = kernel or CgroupActuator(host)
        journal = Journal(state, ByRuntime(actuator, podman, door, self._target), door, on_change)
        self._doors = {"docker": actuator} | ({"podman": podman} if podman is not None else {})
        self._desk = Desk(settings, label_prefix, state, journal, cpu_count)
        self._wishes, self._hands = wishes, hands
        self._learning = Learning(self._desk)
        self._undoing = Undoing(self._desk)
        self._by_hand = ByHand(self._desk, self._learning)
        weighing = Weighing(self._desk, Arbiter(self._desk))
        self._watching, self._between = Watching(self._desk, weighing), Between(self._desk, weighing)
        self._airbag = Airbag(self._desk)
        self._acting = Acting(self._desk, self._learning, self._undoing, self._airbag)

    def _target(self, container_id: str) -> Target | None:
        track = self._desk.tracks.get(container_id)
        return track.target if track is not None else None

    @property
    def wake(self) -> Callable[[], None]:
        """Called when there is work for :meth:`act`; the daemon sets it."""
        return self._desk.wake

    @wake.setter
    def wake(self, call: Callable[[], None]) -> None:
        self._desk.wake = call

    def recover(self, now_ms: int) -> None:
        """At start: take over what the last run kept. Rows that a crash left PENDING are settled by the worker
        as soon as their container is seen. Until this worked nothing is decided; the worker tries again."""
        try:
            with self._desk.hand:
                self._learning.load(now_ms)
                self._airbag.lift_left_over()
        except StoreError as fault:
            log.error("limits are not changed until the state store can be read: %s", fault)

    def consider(self, snapshot: Snapshot, findings: Sequence[Finding], now_ms: int) -> None:
        """The tick's part: decide, without I/O."""
        self._watching.look(snapshot, findings, self._wishes(), self._hands(), now_ms)

    def between_ticks(self, look: LookAt, now_ms: int) -> float:
        """A look at the memory of containers under auto (cgroup v1), in a thread of its own. Seconds until the next:
        a tenth while there are any, else one."""
        return self._between.look(look, now_ms)

    def act(self, now_ms: int) -> float:
        """The worker's part: make what was decided. Seconds until it wants to be called again."""
        return self._acting.act(now_ms)

    def annotate(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings with what was done about them, or why nothing was; and one for every container whose
        labels are not understood, or from which nothing more is taken back since that hurt three times."""
        with self._desk.lock:
            told = [self._annotated(finding) for finding in findings]
            faulty = [track for track in self._desk.tracks.values() if track.fault_since_ms]
            told += [finding_of_faults(track, self._desk.host()) for track in faulty]
            frozen = [track for track in self._desk.tracks.values() if track.lowerings.frozen(track.seen_ms)]
            told += [finding_of_frozen(track, self._desk.host()) for track in frozen]
        return tuple(told)

    def _annotated(self, finding: Finding) -> Finding:
        knob, track = knob_of(finding), self._desk.tracks.get(finding.container_id)
        if knob is None:
            needless = finding.detector == "over_provisioned"
            return replace(finding, deed=OWNERS_ROOM if needless else NO_LIMIT_IS_THE_CAUSE)
        if track is None or not track.learnt:
            return replace(finding, deed=NOT_READ)
        state, proposed = track.knob(knob), finding.proposed
        if state.advice is not None and finding.detector == DETECTOR_OF[knob]:
            proposed = state.advice.proposed
        change = state.change
        if change is not None and is_about(change, finding):
            return replace(finding, deed=deed_of(change, knob), change_id=change.id, proposed=proposed)
        return replace(finding, deed=self._why_not(track, state, finding.at_ms), proposed=proposed)

    def _why_not(self, track: Track, state: KnobTrack, now_ms: int) -> str:
        desk = self._desk
        why: str | None = guard.unlimited("CPU" if state.knob == "cpu" else "memory", state.in_force)
        if track.policy.mode is Mode.AUTO:
            why = why or guard.kept_off(track.target, track.policy, desk.own_ids)
            if why is None and desk.pause.stops(now_ms):
                why = f"limits are paused{f' ({desk.pause.reason})' if desk.pause.reason else ''}"
            if why is None and (rule := desk.hands.get((track.target.key, state.knob))):
                why = f"the rule {rule} adjusts it"
            if why is None and not track.has_original:
                why = "its original limits could not be recorded yet, so that nothing could be undone"
        return undone_words(track, state, why, now_ms, self._own_weight(track.target.key))

    def _own_weight(self, key: str) -> int | None:
        """The CPU weight in force, where it is surely its owner's: nothing of ours was ever set."""
        snapshot = self._desk.snapshot
        limits = snapshot.limits.get(key) if snapshot is not None and key not in self._desk.originals else None
        return limits.cpu_weight if limits is not None else None

    def set(self, request: LimitRequest, now_ms: int) -> Change:
        """A limit set by hand. Raises NotThere, Refused."""
        with self._desk.hand:
            return self._by_hand.set(request, now_ms)

    def undo(
        self,
        actor: str,
        now_ms: int,
        *,
        change_id: str | None = None,
        container_id: str | None = None,
        everything: bool = False,
    ) -> tuple[Change, ...]:
        """Undo one change, one container, or everything; returns the changes made. Raises NotThere, Refused."""
        with self._desk.hand:
            self._learning.settle_first(now_ms, container_id)
            if change_id is not None:
                return self._undoing.change(change_id, actor, now_ms)
            if container_id is not None:
                return self._undoing.container(container_id, actor, now_ms)
            return self._undoing.everything(actor, now_ms) if everything else ()

    def recommendations(self) -> tuple[Recommendation, ...]:
        """What the laws would set and have not, by container name; and for who only watches, right sizes by what its
        service needed."""
        desk, found = self._desk, []
        with desk.lock:
            for track in desk.tracks.values():
                for state in (track.cpu, track.memory) if track.policy.mode is not Mode.OFF else ():
                    if guard.by_weight_only(state.knob, track.policy):
                        continue
                    advice = state.advice
                    if advice is None and track.policy.mode is Mode.OBSERVE:
                        advice = right_size(track, state, desk.host(), track.seen_ms)
                    if advice is not None:
                        found.append(advice)
        return tuple(sorted(found, key=lambda item: (item.name, item.knob)))

    def policies(self) -> Mapping[str, Policy]:
        """Container id → what its owner allows."""
        with self._desk.lock:
            return {key: track.policy for key, track in self._desk.tracks.items()}

    def pause(self, paused: bool, reason: str, hold_s: float | None, actor: str, now_ms: int) -> Mapping[str, object]:
        """The kill switch: laws and rules change nothing while it is on; sets and undos by hand still work."""
        until = now_ms + round(hold_s * 1000) if paused and hold_s else None
        kept = Pause(paused, reason if paused else "", until)
        value = {"paused": kept.paused, "reason": kept.reason, "until_ms": kept.until_ms, "by": actor, "at_ms": now_ms}
        self._desk.state.put_value(PAUSE, value)
        with self._desk.lock:
            self._desk.pause = kept
            if paused:
                self._desk.queue.plans.clear()
        self._desk.state.audit(now_ms, actor, "limits.pause" if paused else "limits.resume", "", {"reason": reason})
        return self.pause_state(now_ms)

    def pause_state(self, now_ms: int) -> Mapping[str, object]:
        """``{"paused", "reason", "until"}`` as the API gives it."""
        pause = self._desk.pause
        stops = pause.stops(now_ms)
        return {
            "paused": stops,
            "reason": pause.reason if stops else "",
            "until": rfc3339(pause.until_ms) if stops else None,
        }

    def set_policy(self, container_id: str, fields: Mapping[str, object], actor: str, now_ms: int) -> Policy:
        """Replace the policy that the API gave a container's service. Raises NotThere, InvalidInput."""
        kept = checked_fields(fields)
        track = self._desk.track_of(container_id)
        name = service(track.target)
        self._desk.state.put_policy(name, kept)
        return self._new_policy(track, name, kept, "policy.put", actor, now_ms)

    def delete_policy(self, container_id: str, actor: str, now_ms: int) -> Policy:
        """Forget the API's policy: labels and settings are what counts. Raises NotThere."""
        track = self._desk.track_of(container_id)
        name = service(track.target)
        self._desk.state.delete_policy(name)
        return self._new_policy(track, name, {}, "policy.delete", actor, now_ms)

    def _new_policy(
        self, track: Track, name: str, fields: Mapping[str, object], action: str, actor: str, now_ms: int
    ) -> Policy:
        desk = self._desk
        desk.state.audit(now_ms, actor, action, name, dict(fields))
        with desk.lock:
            desk.fields = {**{key: value for key, value in desk.fields.items() if key != name}, name: fields}
            desk.generation += 1
            track.policy, track.generation = desk.policy_of(track.target), desk.generation
            same_service = [key for key, other in desk.tracks.items() if service(other.target) == name]
            policy = track.policy
        for key in same_service:
            desk.release(key, now_ms, only_for_good=True)
        return policy

    def reload(self, settings: LimitSettings) -> None:
        """Take over new settings; every policy is made anew at the next tick."""
        with self._desk.lock:
            self._desk.settings = settings
            self._desk.generation += 1

    def counts(self) -> Mapping[str, float]:
        """Numbers for ``/metrics``: changes by what became of them since the start; containers under auto."""
        journal = self._desk.journal
        with self._desk.lock:
            auto = sum(1 for track in self._desk.tracks.values() if track.policy.mode is Mode.AUTO)
        return {
            "wharfinger_limit_changes_applied_total": float(journal.applied),
            "wharfinger_limit_changes_refused_total": float(journal.refused),
            "wharfinger_limit_changes_failed_total": float(journal.failed),
            "wharfinger_limit_changes_reverted_total": float(journal.reverted),
            "wharfinger_limits_auto_containers": float(auto),
        }

    def asked_for(self) -> Mapping[str, tuple[int, float]]:
        """Runtime → requests since the start, and seconds that it took to answer them. Any thread."""
        return {runtime: door.asked() for runtime, door in self._doors.items()}

    def close(self) -> None:
        """Lift every ``memory.high`` that was set, and let go of the runtime's socket."""
        with self._desk.hand:
            try:
                self._airbag.lift_all()
                if self._desk.loaded and self._desk.snapshot is not None:
                    self._desk.keep_profiles(self._desk.snapshot.at_ms)
            except StoreError as fault:
                log.error("what was lifted could not be kept; the next start lifts it again: %s", fault)
        self._desk.journal.actuator.close()
