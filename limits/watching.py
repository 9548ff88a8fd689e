"""The tick's part of the controller: looks, lets the laws decide, queues. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from limits import guard
from limits.desk import Desk, service
from limits.foreign import compare
from limits.planner import cpu_wish, memory_wish, note_ratios
from limits.track import DETECTOR_OF, KNOBS, RATIO_OF, KnobTrack, Track, Watch
from limits.weighing import Weighing
from model.change import LimitRequest, Mode
from model.finding import Finding
from model.sample import Snapshot
from model.target import Target

GONE_MS = 60_000
"""A container that is not seen for so long is forgotten; until then a missing tick costs nothing."""
LATE_FINDING_MS = 10_000
LONGEST_TICK_S = 10.0
CPU_NEED_EVERY = 5
"""Seconds of the CPU law between two looks at what it needs: it changes over minutes."""


class Watching:
    """Turns one snapshot into plans, recommendations and refusals. Called by the tick thread alone."""

    def __init__(self, desk: Desk, weighing: Weighing) -> None:
        self._desk, self._weighing = desk, weighing
        self._last_ms: int | None = None

    def look(
        self,
        snapshot: Snapshot,
        findings: Sequence[Finding],
        wishes: Sequence[LimitRequest],
        hands: Mapping[tuple[str, str], str],
        now_ms: int,
    ) -> None:
        """One tick. Wakes the worker where there is something to do. ``hands``: knobs that a user's rule adjusts."""
        desk = self._desk
        with desk.lock:
            desk.snapshot, desk.hands = snapshot, hands
            if not desk.loaded:
                return
            elapsed = snapshot.interval_s if self._last_ms is None else (now_ms - self._last_ms) / 1000
            elapsed = min(max(elapsed, 0.0), LONGEST_TICK_S)
            self._last_ms = now_ms
            desk.room.see(snapshot.host_sample.values, elapsed)
            found = {(f.container_id, f.detector): f.id for f in findings if f.container_id}
            for key, target in self._in_order(snapshot, now_ms):
                track = self._track(key, target, now_ms)
                if track.learnt:
                    self._tick(track, snapshot, found, elapsed, now_ms)
            for request in wishes:
                self._weighing.rule(request, now_ms)
            self._weighing.arbiter.share_out(now_ms)
            self._forget(now_ms)
            busy = bool(desk.queue)
        if busy:
            desk.wake()

    def _in_order(self, snapshot: Snapshot, now_ms: int) -> Iterable[tuple[str, Target]]:
        """Where the host is short: by priority, then whoever was killed lately for want of memory."""
        if not self._weighing.arbiter.tight(now_ms):
            return snapshot.targets.items()
        tracks = self._desk.tracks

        def rank(item: tuple[str, Target]) -> tuple[int, int]:
            track = tracks.get(item[0])
            return (0, 0) if track is None else (-track.policy.priority, -track.kills_lately(now_ms))

        return sorted(snapshot.targets.items(), key=rank)

    def _track(self, key: str, target: Target, now_ms: int) -> Track:
        desk = self._desk
        track = desk.tracks.get(key)
        if track is None or (target is not track.target and track.target.id.inode != target.id.inode):
            track = Track(target, desk.policy_of(target), desk.generation, now_ms)
            track.has_original = key in desk.originals
            track.profile = desk.profiles.of(service(target))
            track.kill_floor = track.profile.kill_floor
            desk.tracks[key] = track
            desk.show_hold(track)
        elif track.generation != desk.generation or (target is not track.target and differs(target, track.target)):
            track.policy, track.generation = desk.policy_of(target), desk.generation
        track.target, track.seen_ms = target, now_ms
        track.fault_since_ms = (track.fault_since_ms or now_ms) if track.policy.faults else 0
        if not track.learnt:
            desk.queue.learn[key] = None
        wants_original = track.policy.mode is Mode.AUTO and not track.has_original
        if wants_original and guard.excluded(target, desk.own_ids) is None and track.limited():
            desk.queue.learn[key] = None
        return track

    def _tick(
        self,
        track: Track,
        snapshot: Snapshot,
        found: Mapping[tuple[str, str], str],
        elapsed: float,
        now_ms: int,
    ) -> None:
        key, desk = track.target.key, self._desk
        sample, limits = snapshot.samples.get(key), snapshot.limits.get(key)
        values: Mapping[str, float] = sample.values if sample is not None else {}
        cpu_finding = found.get((key, DETECTOR_OF["cpu"])) if found else None
        memory_finding = found.get((key, DETECTOR_OF["memory"])) if found else None
        if limits is not None:
            compare(desk, track, limits, now_ms)
        note_ratios(track, values, now_ms)
        if track.watches:
            self._measure(track, values, now_ms)
        if track.policy.mode is Mode.OFF:
            track.forget_laws()
            return
        cpu = cpu_wish(track, values, elapsed, desk.cpu_count, now_ms, desk.room.idle)
        memory = memory_wish(track, values, elapsed, desk.settings.memory_peak_window, now_ms)
        self._learn_needs(track, values, now_ms)
        if desk.hands:
            cpu = None if (key, "cpu") in desk.hands else cpu
            memory = None if (key, "memory") in desk.hands else memory
        self._weighing.law(track, track.cpu, cpu, cpu_finding, now_ms)
        self._weighing.law(track, track.memory, memory, memory_finding, now_ms)
        if cpu_finding is not None:
            self._find_late(track.cpu, cpu_finding, now_ms)
        if memory_finding is not None:
            self._find_late(track.memory, memory_finding, now_ms)

    @staticmethod
    def _learn_needs(track: Track, values: Mapping[str, float], now_ms: int) -> None:
        """What this second says about the needs of its service; of CPU every fifth, once the law is warm."""
        law = track.cpu_law
        cpu = law.needed_without_floor() if law is not None and law.warm and law.age % CPU_NEED_EVERY == 0 else 0.0
        if track.profile is not None:
            track.minute.see(cpu, values.get("memory_working_set_bytes", 0.0), track.profile, now_ms)

    def _measure(self, track: Track, values: Mapping[str, float], now_ms: int) -> None:
        """Effects of changes made in the last seconds."""
        for watch in list(track.watches):
            ratio = values.get(RATIO_OF[watch.knob])
            if ratio is not None:
                watch.total, watch.count = watch.total + ratio, watch.count + 1
            watch.kills += values.get("memory_oom_kills", 0.0)
            if now_ms >= watch.ends_ms:
                track.watches.remove(watch)
                self._desk.queue.effects[watch.change_id] = effect_of(watch)

    def _find_late(self, state: KnobTrack, finding: str, now_ms: int) -> None:
        """A change made in the very second in which its finding began names it afterwards."""
        change = state.change
        if change is not None and change.finding_id is None and now_ms - change.at_ms <= LATE_FINDING_MS:
            self._desk.queue.findings[change.id] = finding

    def _forget(self, now_ms: int) -> None:
        desk = self._desk
        for key in [key for key, track in desk.tracks.items() if now_ms - track.seen_ms > GONE_MS]:
            del desk.tracks[key]
            for knob in KNOBS:
                desk.queue.plans.pop((key, knob), None)
        self._weighing.forget(desk.tracks)


def differs(one: Target, other: Target) -> bool:
    """Do two descriptions of a container grant different things?"""
    return (
        one.labels != other.labels
        or one.image_labels != other.image_labels
        or one.service != other.service
        or one.name != other.name
    )


def effect_of(watch: Watch) -> dict[str, float | None]:
    """What a change did: the ratio before and after it."""
    after = watch.total / watch.count if watch.count else None
    name = RATIO_OF[watch.knob].removeprefix("cpu_").removeprefix("memory_")
    effect: dict[str, float | None] = {
        f"{name}_before": None if watch.before is None else round(watch.before, 4),
        f"{name}_after": None if after is None else round(after, 4),
    }
    if watch.knob == "memory":
        effect["oom_kills_after"] = watch.kills
    return effect
