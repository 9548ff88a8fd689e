"""What the parts of the controller share: the tracks, the queue, and the doors, under one lock.

``lock`` guards everything in memory and is held for microseconds; ``hand`` is held by whoever writes limits,
so that one change is made at a time. Who needs both takes ``hand`` first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from config.schema import LimitSettings
from limits.budget import HostRoom
from limits.history import value_of
from limits.journal import Journal
from limits.policy import effective
from limits.profile import KEPT as PROFILES
from limits.profile import Profiles
from limits.track import KNOBS, Plan, Track, Value
from model.change import Change, ChangeStatus, Knobs, LimitRequest, Original, Policy
from model.errors import NotThere
from model.identity import service_of
from model.sample import Snapshot
from model.target import Target
from storage.api import StateStore

log = logging.getLogger(__name__)

HOLDS: Final = "limits.holds"
PAUSE: Final = "limits.pause"
UNDO_HOLD_S: Final = 3600.0
FOREIGN_HOLD_S: Final = 600.0
FOREIGN: Final = "someone else changed its limit"
FOREVER: Final = -1
"""In the kept holds: until the policy changes."""


@dataclass(slots=True)
class Queue:
    """What the tick left for the worker. Every mapping is bounded by the number of containers."""

    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)
    learn: dict[str, None] = field(default_factory=dict)
    foreign: dict[tuple[str, str], Value] = field(default_factory=dict)
    reverts: dict[tuple[str, str], LimitRequest] = field(default_factory=dict)
    """By container and rule: what a rule changed is to be put back."""
    unmade: dict[tuple[str, str], Change] = field(default_factory=dict)
    """By container and knob: decided and not made, to be journalled."""
    lost: dict[tuple[str, str], Value] = field(default_factory=dict)
    """By container and knob: what the host lost and is to be written again."""
    effects: dict[str, Mapping[str, float | None]] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)
    """Change id → finding that came after it."""

    def __bool__(self) -> bool:
        decided = (self.plans, self.learn, self.foreign, self.reverts, self.unmade, self.lost)
        return any((*decided, self.effects, self.findings))


@dataclass(slots=True)
class Pause:
    """The kill switch. ``until_ms`` None: until it is released."""

    paused: bool = False
    reason: str = ""
    until_ms: int | None = None

    def stops(self, now_ms: int) -> bool:
        return self.paused and (self.until_ms is None or now_ms < self.until_ms)


class Desk:
    """See the module. ``generation`` grows when settings or API policies change."""

    def __init__(
        self, settings: LimitSettings, label_prefix: str, state: StateStore, journal: Journal, cpu_count: int
    ) -> None:
        self.settings, self.prefix, self.cpu_count = settings, label_prefix, max(1, cpu_count)
        self.state, self.journal = state, journal
        self.lock, self.hand = threading.RLock(), threading.RLock()
        self.tracks: dict[str, Track] = {}
        self.queue = Queue()
        self.room = HostRoom(self.cpu_count)
        self.pause = Pause()
        self.fields: dict[str, Mapping[str, object]] = {}
        self.holds: dict[str, int] = {}
        self.originals: set[str] = set()
        self.profiles = Profiles()
        self.profiles_kept_ms = 0
        self.left_over: dict[str, list[Change]] = {}
        """Rows of a crash that still have to be settled, by container."""
        self.own_ids: tuple[str, ...] = ()
        self.generation = 0
        self.loaded = False
        self.loaded_ms = 0
        self.lowered_ms = 0
        """When a memory limit of this host was lowered last: one at a time, so that its effect is its own."""
        self.snapshot: Snapshot | None = None
        self.hands: Mapping[tuple[str, str], str] = {}
        """Knobs that a rule of the user's adjusts, with its name: one hand on one knob."""
        self.wake: Callable[[], None] = lambda: None

    def host(self) -> str:
        """Name of this host; empty before the first tick."""
        return self.snapshot.host if self.snapshot is not None else ""

    def policy_of(self, target: Target) -> Policy:
        return effective(self.settings, target, self.fields.get(service(target), {}), self.prefix)

    def track_of(self, container_id: str) -> Track:
        """Raises NotThere: it does not run on this host."""
        track = self.tracks.get(container_id)
        if track is None:
            raise NotThere(f"there is no running container {container_id[:12]} on this host")
        return track

    def draft(
        self,
        container_id: str,
        name: str,
        rule: str,
        reason: str,
        before: Knobs,
        after: Knobs,
        now_ms: int,
        *,
        finding_id: str | None = None,
        actor: str = "wharfinger",
    ) -> Change:
        """A change of this host's as it stands before anything is written: pending, with an id of its own."""
        return Change(
            id=self.journal.new_id(container_id, rule, now_ms),
            at_ms=now_ms,
            host=self.host(),
            container_id=container_id,
            name=name,
            status=ChangeStatus.PENDING,
            rule=rule,
            reason=reason,
            before=before,
            after=after,
            finding_id=finding_id,
            actor=actor,
        )

    def expect(self, container_id: str, wanted: Knobs, now_ms: int) -> None:
        """These values are about to be written: the tick that sees them first sees nothing foreign."""
        with self.lock:
            track = self.tracks.get(container_id)
            for knob in KNOBS if track is not None else ():
                value = value_of(wanted, knob)
                if track is not None and value is not None:
                    track.knob(knob).expect(value, now_ms)

    def unsure(self, change: Change) -> None:
        """The store failed while a change was made: settle it, and learn the container anew, when it works again."""
        with self.lock:
            self.left_over.setdefault(change.container_id, []).append(change)
            track = self.tracks.get(change.container_id)
            if track is not None:
                track.learnt = False

    def hold(self, container_id: str, hold_s: float, by: str, now_ms: int) -> None:
        """Keep the controller off a container: so many seconds, 0: until its policy changes. Kept on disk."""
        until = FOREVER if hold_s <= 0 else now_ms + round(hold_s * 1000)
        with self.lock:
            if self.holds.get(container_id) == FOREVER and by == FOREIGN:
                return
            self.holds[container_id] = until
            self._show_hold(container_id, by)
        self._keep_holds(now_ms)

    def release(self, container_id: str, now_ms: int, *, only_for_good: bool = False) -> None:
        """Let the controller back: the policy changed."""
        with self.lock:
            if container_id not in self.holds or (only_for_good and self.holds[container_id] != FOREVER):
                return
            del self.holds[container_id]
            track = self.tracks.get(container_id)
            if track is not None:
                track.held_until_ms, track.held_for_good, track.held_by = 0, False, ""
        self._keep_holds(now_ms)

    def show_hold(self, track: Track) -> None:
        """Give a new track the hold that was kept for its container."""
        if track.target.key in self.holds:
            self._show_hold(track.target.key, "it was set by hand, undone or changed by someone else")

    def _show_hold(self, container_id: str, by: str) -> None:
        track, until = self.tracks.get(container_id), self.holds[container_id]
        if track is not None:
            track.held_for_good, track.held_until_ms = until == FOREVER, max(0, until)
            track.held_by = "someone else changed its limit" if by == FOREIGN else by
            for knob in ("cpu", "memory"):
                self.queue.plans.pop((container_id, knob), None)

    def _keep_holds(self, now_ms: int) -> None:
        with self.lock:
            self.holds = {key: until for key, until in self.holds.items() if until == FOREVER or until > now_ms}
            kept = dict(self.holds)
        self.state.put_value(HOLDS, kept)

    def keep_profiles(self, now_ms: int) -> None:
        """Write down what was learnt about the services."""
        with self.lock:
            kept = self.profiles.kept(now_ms)
        self.state.put_value(PROFILES, kept)
        self.profiles_kept_ms = now_ms

    def original_of(self, container_id: str, now_ms: int, *, renew: bool = False) -> Original:
        """The original, recorded now if there is none."""
        original = self.journal.keep_original(container_id, now_ms, renew=renew)
        with self.lock:
            self.originals.add(container_id)
            track = self.tracks.get(container_id)
            if track is not None:
                track.has_original = True
        return original


def service(target: Target) -> str:
    """What the policy of a container is filed under."""
    return target.service or service_of(target.name, target.labels)
