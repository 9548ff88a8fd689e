"""It was given far more than it ever uses: others could have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log

from alerts.detectors.suspects import told
from alerts.words import say, say_duration
from model.alert import Severity
from model.finding import Evidence, Finding
from model.limits import bounded
from model.sample import Snapshot
from model.target import Target
from storage.api import Recent

USAGE, WORKING_SET = "cpu_usage_cores", "memory_working_set_bytes"
LEAST = {USAGE: 0.001, WORKING_SET: 1024.0 * 1024}
"""What is less than this counts as this."""
GROWTH = 1.1
"""Each bucket of a histogram is a tenth wider than the one below, so a percentile is a tenth too high at most."""
SLICES = 10
"""A container is looked at in every tenth tick: enough for a percentile over days, and a tenth of the work."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is known of a metric over ``length_s`` from ``begin_ms``: its least, mean and most."""

    begin_ms: int
    length_s: float
    least: float
    mean: float
    most: float


@dataclass(slots=True)
class Usage:
    """What one life of a container used: bucket → how often, of each metric."""

    life: object
    since_ms: int
    seen: dict[str, dict[int, int]] = field(default_factory=lambda: {USAGE: {}, WORKING_SET: {}})

    def add(self, metric: str, value: float, times: int = 1) -> None:
        least = LEAST[metric]
        bucket = 0 if value <= least else ceil(log(value / least) / log(GROWTH))
        counts = self.seen[metric]
        counts[bucket] = counts.get(bucket, 0) + times

    def add_stretch(self, metric: str, past: Stretch, look_s: float) -> None:
        """As if looked at every ``look_s``: at its most so often, else at its least, that the mean is right.
        Of all that may have been within these three numbers it is what spreads most."""
        looks = max(1, round(past.length_s / look_s))
        high = ceil(looks * (past.mean - past.least) / (past.most - past.least)) if past.most > past.least else looks
        self.add(metric, past.most, high)
        if high < looks:
            self.add(metric, past.least, looks - high)

    def p99(self, metric: str) -> float | None:
        counts, least = self.seen[metric], LEAST[metric]
        wanted, total = 0.99 * sum(counts.values()), 0
        for bucket in sorted(counts):
            total += counts[bucket]
            if total >= wanted:
                return least * GROWTH**bucket
        return None


@dataclass(frozen=True, slots=True)
class OverProvisioned:
    """A finding, for information, while a limit is ``times`` the 99th percentile of the use since its start (or as
    far as it was seen), at least ``least_days`` of it, and the difference is worth something (``worth_*``). After a
    restart of the agent :meth:`seed` brings the past back."""

    name: str = "over_provisioned"
    times: float = 4.0
    least_days: float = 2.0
    worth_cores: float = 0.5
    worth_bytes: float = 256.0 * 1024 * 1024
    usage: dict[str, Usage] = field(default_factory=dict)
    given: dict[str, Finding] = field(default_factory=dict)
    turn: list[int] = field(default_factory=lambda: [0])
    seeds: dict[str, Mapping[str, Sequence[Stretch]]] = field(default_factory=dict)

    def seed(self, history: Mapping[str, Mapping[str, Sequence[Stretch]]]) -> None:
        """What was kept of the days before the agent began: container → metric → whole stretches. One container is
        taken over a tick, so that no tick is late for it. Any thread."""
        self.seeds.update(history)

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        del recent
        if self.seeds:
            self._take_seed(snapshot, *self.seeds.popitem())
        self.turn[0] = (self.turn[0] + 1) % SLICES
        if self.turn[0] == 0:
            for key in [key for key in self.usage if key not in snapshot.targets]:
                del self.usage[key]
                self.given.pop(key, None)
        for place, (key, sample) in enumerate(snapshot.samples.items()):
            if place % SLICES == self.turn[0] and (target := snapshot.targets.get(key)) is not None:
                self._look(snapshot, key, target, sample.values.get(USAGE), sample.values.get(WORKING_SET))
        return tuple(self.given.values())

    def _take_seed(self, snapshot: Snapshot, key: str, history: Mapping[str, Sequence[Stretch]]) -> None:
        """The past of the life that the container is in; of one whose beginning is unknown, nothing."""
        target = snapshot.targets.get(key)
        if target is None or target.id.started_at_ms is None:
            return
        known, covered_s = self._usage_of(snapshot, key, target), 0.0
        for metric, stretches in history.items():
            lived = [past for past in stretches if target.id.started_at_ms <= past.begin_ms < known.since_ms]
            for past in lived:
                known.add_stretch(metric, past, SLICES * snapshot.interval_s)
            covered_s = max(covered_s, sum(past.length_s for past in lived))
        # Only what was seen counts: hours in which no agent ran are no part of the least that is asked for.
        known.since_ms -= round(covered_s * 1000)

    def _usage_of(self, snapshot: Snapshot, key: str, target: Target) -> Usage:
        life = (target.id.inode, target.id.started_at_ms)
        known = self.usage.get(key)
        if known is None or known.life != life or snapshot.at_ms < known.since_ms:
            known = self.usage[key] = Usage(life, snapshot.at_ms)
            self.given.pop(key, None)
        return known

    def _look(self, snapshot: Snapshot, key: str, target: Target, cores: float | None, memory: float | None) -> None:
        known = self._usage_of(snapshot, key, target)
        if cores is not None:
            known.add(USAGE, cores)
        if memory is not None:
            known.add(WORKING_SET, memory)
        if snapshot.at_ms - known.since_ms < self.least_days * 86_400_000:
            return
        finding = self._judged(snapshot, key, target, known)
        if finding is None:
            self.given.pop(key, None)
        else:
            self.given[key] = finding

    def _judged(self, snapshot: Snapshot, key: str, target: Target, known: Usage) -> Finding | None:
        limits = snapshot.limits.get(key)
        if limits is None:
            return None
        window_s = (snapshot.at_ms - known.since_ms) / 1000
        said, facts = [], []
        for metric, unit, limit, worth in (
            (USAGE, "cores", bounded(limits.cpu_cores), self.worth_cores),
            (WORKING_SET, "bytes", bounded(limits.memory_bytes), self.worth_bytes),
        ):
            p99 = known.p99(metric)
            if limit and p99 is not None and limit >= self.times * p99 and limit - p99 >= worth:
                said.append(f"{say(p99, unit)} of {say(limit, unit)}")
                facts.append(Evidence(metric, p99, limit / self.times, window_s, unit))
        if not said:
            return None
        return told(
            snapshot,
            target,
            self.name,
            Severity.INFO,
            summary=f"Has far more than it needs. Used in 99 % of {say_duration(window_s)} at most {', '.join(said)}.",
            evidence=facts,
            advice="Lower its limits towards twice what it uses, if the room is needed elsewhere.",
        )
