"""What the controller remembers of one container between ticks. Plain state; guarded by the controller's lock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from limits import guard
from limits.cpu_law import CpuLaw
from limits.leak import LeakWatch
from limits.memory_law import MemoryLaw
from limits.probe import Probe
from limits.profile import Minute, Profile
from limits.rollback import Lowerings
from limits.weight_law import CpuNeed
from model.change import Change, Policy, Recommendation, WorkClass
from model.limits import Unlimited, bounded
from model.target import Target

KNOBS: Final = ("cpu", "memory")
FIELD_OF: Final = {"cpu": "cpu_cores", "memory": "memory_bytes"}
DETECTOR_OF: Final = {"cpu": "cpu_throttled", "memory": "memory_near_limit"}
RATIO_OF: Final = {"cpu": "cpu_throttled_periods_ratio", "memory": "memory_working_set_of_limit_ratio"}
"""What shows whether a change of the knob did any good."""
LAG_MS: Final = 5_000
"""A reading may be this old: until then it may show the value before our last write."""
WRITING_MS: Final = 30_000
"""A write that goes on may show for this long before its end is known."""
EFFECT_MS: Final = 10_000
OOM_WINDOW_MS: Final = 3_600_000
KILL_FLOOR_MS: Final = 86_400_000
KILL_FLOOR_LONGEST_MS: Final = 16 * KILL_FLOOR_MS
Value = float | Unlimited | None


@dataclass(slots=True)
class KnobTrack:
    """One knob: ``in_force`` is what the kernel enforces as far as we know, ``floor`` the owner's own
    limit, ``saved`` what the runtime has on disk (None: not asked)."""

    knob: str
    in_force: Value = None
    floor: Value = None
    saved: Value = None
    resting: Value = None
    """What the host puts back by itself (a restart, systemd's daemon-reload) where no runtime keeps what we set."""
    lost_ms: deque[int] = field(default_factory=lambda: deque(maxlen=3))
    """When the host did so."""
    superseded: deque[tuple[Value, int]] = field(default_factory=lambda: deque(maxlen=16))
    rule_floor: tuple[float, int] | None = None
    """What a rule raised it to, and until when it stays."""
    owed: bool = False
    """The runtime does not know yet what we wrote into the kernel."""
    api_next_ms: int = 0
    not_before_ms: int = 0
    refusal: str = ""
    """Why the last wish was not granted; empty when it was."""
    told: str = ""
    """Kind of the refusal that was journalled."""
    told_at_ms: int = 0
    advice: Recommendation | None = None
    advice_seen_ms: int = 0
    change: Change | None = None
    """The last one applied by a law or a rule."""
    bounds: tuple[Policy, Value, int, tuple[float, float]] | None = None
    """Least and most that the owner allows, with what they were made of: policy, floor, cores of the host."""

    def wrote(self, value: Value, now_ms: int) -> None:
        """We changed it: the value before may still be shown by a late reading."""
        self.superseded.append((self.in_force, now_ms + LAG_MS))
        self.in_force = value

    def expect(self, value: Value, now_ms: int) -> None:
        """We are about to write this: who sees it before we are done sees nothing foreign."""
        self.superseded.append((value, now_ms + WRITING_MS))

    def is_late_reading(self, seen: Value, now_ms: int) -> bool:
        return any(until > now_ms and alike(self.knob, seen, value) for value, until in self.superseded)

    def number(self) -> float | None:
        return bounded(self.in_force)


@dataclass(slots=True)
class Watch:
    """The effect of a change, measured while time passes: mean of a ratio before and after."""

    change_id: str
    knob: str
    ends_ms: int
    before: float | None
    total: float = 0.0
    count: int = 0
    kills: float = 0.0


@dataclass(slots=True)
class Track:
    """One container, for as long as its cgroup lives."""

    target: Target
    policy: Policy
    generation: int
    """Of settings and API fields that ``policy`` was made of."""
    seen_ms: int
    cpu: KnobTrack = field(default_factory=lambda: KnobTrack("cpu"))
    memory: KnobTrack = field(default_factory=lambda: KnobTrack("memory"))
    cpu_law: CpuLaw | None = None
    cpu_class: WorkClass = WorkClass.BALANCED
    """For which the CPU law was made."""
    cpu_need: CpuNeed = field(default_factory=CpuNeed)
    """What it uses of the CPU, where that is shared by weight alone."""
    memory_law: MemoryLaw | None = None
    learnt: bool = False
    has_original: bool = False
    held_until_ms: int = 0
    held_for_good: bool = False
    """Until the policy changes."""
    held_by: str = ""
    start_memory: float | None = None
    """Memory limit when this process was first seen."""
    start_sized: str | None = None
    """What of it sized itself by that limit (``java``, ``node``…): it never gets less than it had then."""
    lowerings: Lowerings = field(default_factory=Lowerings)
    leak: LeakWatch = field(default_factory=LeakWatch)
    probe: Probe | None = None
    """A lowering that is tried with ``memory.high`` first."""
    kill_floor: tuple[float, int, int] = (0.0, 0, 0)
    """After a kill for lack of memory: least limit, until when, and how long that lasts, in ms."""
    ooms: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    ratios: dict[str, deque[float]] = field(default_factory=lambda: {knob: deque(maxlen=10) for knob in KNOBS})
    watches: list[Watch] = field(default_factory=list)
    carried: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Seconds, usage · seconds, throttled · seconds that the CPU law has not seen yet."""
    profile: Profile | None = None
    """What its service needs, shared by all its containers."""
    minute: Minute = field(default_factory=Minute)
    asked_until_ms: int = 0
    """Until then others need the memory that it was given and does not use."""
    airbag: int = 0
    """``memory.high`` as we set it; 0: we did not."""
    looked_ms: int = 0
    """When its memory was last looked at between two ticks; 0: never."""
    contended: bool = False
    """It waits for CPU that others have, and not at its own quota."""
    fault_since_ms: int = 0
    """Since when its policy has faults; 0: it has none."""

    def knob(self, name: str) -> KnobTrack:
        return self.cpu if name == "cpu" else self.memory

    def held(self, now_ms: int) -> bool:
        return self.held_for_good or now_ms < self.held_until_ms

    def limited(self) -> bool:
        return self.cpu.number() is not None or self.memory.number() is not None

    def kills_lately(self, now_ms: int) -> int:
        return sum(1 for at in self.ooms if now_ms - at < OOM_WINDOW_MS)

    def note_kill(self, limit: float, now_ms: int) -> None:
        """A limit that killed is not gone back to for a day; after another kill in that time for two, and so on."""
        least, until, lasts = self.kill_floor
        again = now_ms < until
        lasts = min(2 * lasts, KILL_FLOOR_LONGEST_MS) if again else KILL_FLOOR_MS
        self.kill_floor = (max(least if again else 0.0, limit * MemoryLaw.OOM_FLOOR), now_ms + lasts, lasts)
        if self.profile is not None:
            self.profile.kill_floor = self.kill_floor

    def least_after_kill(self, now_ms: int) -> float:
        return self.kill_floor[0] if now_ms < self.kill_floor[1] else 0.0

    def forget_laws(self) -> None:
        """Somebody else decided: what was learnt about the old limit is no use."""
        self.cpu_law = self.memory_law = self.probe = None
        self.lowerings.last = None
        self.carried = (0.0, 0.0, 0.0)
        for knob in (self.cpu, self.memory):
            knob.advice, knob.refusal, knob.told, knob.rule_floor = None, "", "", None


def alike(knob: str, one: Value, other: Value) -> bool:
    """The same value, both without a bound, or both unknown."""
    if one == other:
        return True
    if isinstance(one, Unlimited) or isinstance(other, Unlimited) or one is None or other is None:
        return one is other
    return guard.same(knob, one, other)


class Plan(NamedTuple):
    """A change that was decided in the tick and is to be made by the worker."""

    container_id: str
    knob: str
    value: float
    rule: str
    reason: str
    finding_id: str | None = None
    actor: str = "wharfinger"
    hold_s: float | None = None
    up: bool = True
