"""What a raise may have of the host when it is full: fair shares of CPU, memory that is not spoken for. No I/O; under
the desk's lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from limits import guard
from limits.desk import Desk
from limits.planner import Wish, slope_of
from limits.shares import Claim, fair_shares, weight_of
from limits.track import Plan, Track
from limits.words import bounds_of
from model.limits import bounded
from model.sample import Snapshot

OVERCOMMIT: Final = 1.5
"""Quotas of a full host may add up to so much of its cores: not all are used at the same moment."""
CPU_RESERVE_LEAST: Final = 0.2
CPU_RESERVE_RATIO: Final = 0.05
LOWERED: Final = 0.95
"""A quota is taken down to its share where that is a twentieth less at least."""
RULE: Final = "host_share"
TIGHT_MS: Final = 60_000
"""After a denied raise the more important containers are asked first for so long."""


@dataclass(slots=True)
class Arbiter:
    """The host's books, made up once a tick and kept while raises are granted."""

    desk: Desk
    denied_ms: int = -TIGHT_MS
    """When a raise was denied last."""
    _seen: Snapshot | None = None
    _in_use: dict[str, float] = field(default_factory=dict)
    _slopes: dict[str, float] = field(default_factory=dict)
    _limits: dict[str, float] = field(default_factory=dict)
    _shares: dict[str, float] | None = None

    def tight(self, now_ms: int) -> bool:
        return now_ms - self.denied_ms < TIGHT_MS

    def refuses(self, track: Track, wish: Wish, now_ms: int) -> str | None:
        """Why the host has no room for this raise; None: it has."""
        self._make_up()
        why = self._no_cpu(track, wish, now_ms) if wish.knob == "cpu" else self._no_memory(track, wish, now_ms)
        if why is not None:
            self.denied_ms = now_ms
        return why

    def within_share(self, track: Track, wish: Wish, now_ms: int) -> Wish:
        """A CPU raise on a full host goes as far as the container's share."""
        if wish.knob != "cpu" or not wish.up or self.desk.room.refuses_cpu() is None:
            return wish
        self._make_up()
        share = self._share(track, now_ms)
        return wish if share >= wish.value else wish._replace(value=max(share, wish.now))

    def _no_cpu(self, track: Track, wish: Wish, now_ms: int) -> str | None:
        why = self.desk.room.refuses_cpu()
        share = self._share(track, now_ms) if why is not None else 0.0
        if why is None or share > wish.now + guard.CPU_TOLERANCE:
            return None
        return f"{why}; its fair share is {share:.2f} cores"

    def _no_memory(self, track: Track, wish: Wish, now_ms: int) -> str | None:
        key, desk = track.target.key, self.desk
        names = {key: other.target.name for key, other in desk.tracks.items()}
        why = desk.room.refuses_memory(key, wish.value, self._in_use, self._slopes, self._limits, names)
        if why is None:
            self._limits[key] = wish.value
        else:
            self._ask_donors(track, now_ms)
        return why

    def _make_up(self) -> None:
        desk, snapshot = self.desk, self.desk.snapshot
        if snapshot is self._seen or snapshot is None:
            return
        uses = {key: sample.values.get("memory_working_set_bytes") for key, sample in snapshot.samples.items()}
        self._in_use = {key: used for key, used in uses.items() if used is not None}
        self._slopes = {key: slope_of(track) for key, track in desk.tracks.items()}
        limits = {key: bounded(track.memory.in_force) for key, track in desk.tracks.items()}
        self._limits = {key: limit for key, limit in limits.items() if limit is not None}
        self._shares, self._seen = None, snapshot

    def _share(self, track: Track, now_ms: int) -> float:
        """Cores that are fair for it; those whose quota we do not adjust have what they use."""
        if self._shares is None:
            self._shares = fair_shares(self._claims(now_ms), self._capacity(now_ms))
        return self._shares.get(track.target.key, 0.0)

    def _adjusted(self, track: Track, now_ms: int) -> bool:
        desk = self.desk
        if track.cpu_law is None or not track.has_original or track.held(now_ms):
            return False
        return guard.kept_off(track.target, track.policy, desk.own_ids) is None

    def _claims(self, now_ms: int) -> dict[str, Claim]:
        desk, claims = self.desk, {}
        for key, track in desk.tracks.items():
            law, bounds = track.cpu_law, bounds_of(track, track.cpu, desk.cpu_count, now_ms)
            if law is None or bounds is None or not self._adjusted(track, now_ms):
                continue
            limits = desk.snapshot.limits.get(key) if desk.snapshot is not None else None
            weight = weight_of(track.policy.priority, limits.cpu_weight if limits is not None else None)
            claims[key] = Claim(min(max(law.wish, bounds[0]), bounds[1]), bounds[0], weight)
        return claims

    def _capacity(self, now_ms: int) -> float:
        """Cores that the adjusted containers may have in all: what everybody else on the host uses is not theirs."""
        desk, snapshot = self.desk, self.desk.snapshot
        if snapshot is None:
            return 0.0
        adjusted = (key for key, track in desk.tracks.items() if self._adjusted(track, now_ms))
        samples = (snapshot.samples.get(key) for key in adjusted)
        used = sum(sample.values.get("cpu_usage_cores", 0.0) for sample in samples if sample is not None)
        others = max(0.0, snapshot.host_sample.values.get("cpu_usage_cores", 0.0) - used)
        reserve = max(CPU_RESERVE_LEAST, CPU_RESERVE_RATIO * desk.cpu_count)
        return OVERCOMMIT * max(0.0, desk.cpu_count - reserve - others)

    def share_out(self, now_ms: int) -> None:
        """After the laws of a tick: where somebody wished more on a full host, those who have more than their fair
        share give the rest back. Never below the owner's limit."""
        if self._shares is None or self._seen is not self.desk.snapshot or self.desk.pause.stops(now_ms):
            return
        for key, share in self._shares.items():
            track = self.desk.tracks[key]
            now, bounds = track.cpu.number(), bounds_of(track, track.cpu, self.desk.cpu_count, now_ms)
            if now is None or bounds is None or (key, "cpu") in self.desk.hands:
                continue
            value = max(round(share, 2), bounds[0])
            if value < LOWERED * now and not guard.same_cpu(value, now):
                reason = f"the host's CPU is full: {value:.2f} cores are its fair share, by weight and priority"
                self.desk.queue.plans[(key, "cpu")] = Plan(key, "cpu", value, RULE, reason, up=False)

    def _ask_donors(self, track: Track, now_ms: int) -> None:
        """Those who have more memory than they need give it back by their own safe procedure: first the least
        important, of them whoever has most to spare. Only what was given above the owner's own limit."""
        for key, other in self.desk.tracks.items():
            limit, law = other.memory.number(), other.memory_law
            if other is track or law is None or limit is None or other.policy.priority > track.policy.priority:
                continue
            bounds = bounds_of(other, other.memory, 1, now_ms)
            if bounds is not None and limit > bounds[0] and not other.start_sized and key in self._in_use:
                other.asked_until_ms = now_ms + TIGHT_MS
