"""It waits because another container uses more than before: who, and how that is known.

Two things must fall together: this one's pressure rose, and the other's use rose with it (their correlation over the
same seconds). The container whose own use rose most is no victim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import StatisticsError, correlation

from alerts.detectors.processors import USAGE, Processors
from alerts.detectors.suspects import Suspects, above, fact, told
from alerts.windows import Points, after, mean
from alerts.words import say, say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.sample import Snapshot
from model.target import Target
from storage.api import Recent

SHARE = "cpu_throttled_periods_ratio"


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource that containers take from each other. ``least``: a rise that is too small to matter."""

    pressure: str
    usage: tuple[str, ...]
    unit: str
    least: float
    word: str
    advice: str


CPU = Kind(
    "cpu_pressure_some_ratio",
    (USAGE,),
    "cores",
    0.3,
    "CPU",
    "Limit the CPU of that one, give it a smaller weight, or move one of the two.",
)
IO = Kind(
    "io_pressure_some_ratio",
    ("io_read_bytes_per_second", "io_write_bytes_per_second"),
    "bytes/s",
    4.0 * 1024 * 1024,
    "I/O",
    "Limit the I/O of that one, or put one of the two on another disk.",
)


@dataclass(frozen=True, slots=True)
class NoisyNeighbour:
    """A finding while a container waited in ``waits_ratio`` of ``window_s``, by ``rise_ratio`` more than in the
    ``before_s`` before, its own quota did not hold it, and one other container's use rose by more than anybody's, by
    ``share`` of all that rose, and correlates with the pressure by ``least_correlation``. For CPU the host, or the
    processors that the victim is pinned to, must be ``busy_ratio`` busy, and only who may run on the same ones is
    asked."""

    name: str = "noisy_neighbour"
    window_s: float = 20.0
    before_s: float = 60.0
    waits_ratio: float = 0.3
    rise_ratio: float = 0.2
    share: float = 0.5
    least_correlation: float = 0.6
    busy_ratio: float = 0.8
    throttled_ratio: float = 0.05
    suspects: tuple[Suspects, Suspects] = field(
        default_factory=lambda: (
            Suspects(above(CPU.pressure, 0.3, 20.0)),
            Suspects(above(IO.pressure, 0.3, 20.0)),
        )
    )
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    """(resource, victim) → culprit: what was found once holds while the victim waits and the culprit goes on."""

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        found, kept = [], {}
        processors = Processors(snapshot, recent, self.window_s)
        for kind, suspects in zip((CPU, IO), self.suspects, strict=True):
            rises: dict[str, float] | None = None
            for key, target in suspects.of(snapshot, recent):
                if kind is CPU and not self._crowded(processors, key):
                    continue
                waits = recent.window(key, kind.pressure, self.window_s + self.before_s)
                since_ms = snapshot.at_ms - round(self.window_s * 1000)
                now, before = after(waits, since_ms), waits[: len(waits) - len(after(waits, since_ms))]
                if len(now) * snapshot.interval_s < self.window_s / 2 or mean(now) < self.waits_ratio:
                    continue
                if mean(recent.window(key, SHARE, self.window_s)) >= self.throttled_ratio:
                    continue
                culprit = self.known.get((kind.word, key))
                if culprit is None or not self._goes_on(kind, culprit, snapshot, recent):
                    if rises is None:
                        rises = self._rises(kind, snapshot, recent)
                    near = {other: rise for other, rise in rises.items() if kind is IO or processors.meet(key, other)}
                    culprit = self._culprit(kind, key, waits, now, before, near, snapshot, recent)
                if culprit is not None and culprit in snapshot.targets:
                    kept[kind.word, key] = culprit
                    found.append(self._finding(kind, snapshot, recent, target, culprit, mean(now)))
        self.known.clear()
        self.known.update(kept)
        return found

    def _crowded(self, processors: Processors, key: str) -> bool:
        crowd = processors.around(key)
        return crowd is not None and crowd.busy >= self.busy_ratio

    def _rises(self, kind: Kind, snapshot: Snapshot, recent: Recent) -> dict[str, float]:
        """By how much each container's use rose, of those whose present use is worth a look."""
        rises = {}
        since_ms = snapshot.at_ms - round(self.window_s * 1000)
        for key, sample in snapshot.samples.items():
            if sum(sample.values.get(metric, 0.0) for metric in kind.usage) < kind.least / 2:
                continue
            use = used(recent, key, kind, self.window_s + self.before_s)
            now = after(use, since_ms)
            before = use[: len(use) - len(now)]
            # One that was not there before used nothing then.
            rises[key] = mean(now) - mean(before)
        return rises

    def _culprit(
        self,
        kind: Kind,
        victim: str,
        waits: Points,
        now: Points,
        before: Points,
        rises: dict[str, float],
        snapshot: Snapshot,
        recent: Recent,
    ) -> str | None:
        if len(before) * snapshot.interval_s < self.window_s / 2 or mean(now) - mean(before) < self.rise_ratio:
            return None
        if not rises:
            return None
        first = max(rises, key=lambda key: rises[key])
        rose = sum(rise for key, rise in rises.items() if rise > 0 and key != victim)
        if first == victim or rises[first] < kind.least or rises[first] < self.share * rose:
            return None
        by_time = dict(used(recent, first, kind, self.window_s + self.before_s))
        pairs = [(value, by_time.get(at_ms, 0.0)) for at_ms, value in waits]
        try:
            together = correlation([a for a, _ in pairs], [b for _, b in pairs])
        except StatisticsError:
            return None  # one of the two never changed
        return first if together >= self.least_correlation else None

    def _goes_on(self, kind: Kind, culprit: str, snapshot: Snapshot, recent: Recent) -> bool:
        return culprit in snapshot.targets and mean(used(recent, culprit, kind, self.window_s)) >= kind.least

    def _finding(
        self, kind: Kind, snapshot: Snapshot, recent: Recent, target: Target, culprit: str, waits: float
    ) -> Finding:
        name = snapshot.targets[culprit].name
        use = mean(used(recent, culprit, kind, self.window_s))
        return told(
            snapshot,
            target,
            self.name,
            Severity.WARNING,
            summary=(
                f"Waits for {kind.word} since {name} uses more of it. It waited in {say_ratio(waits)} of the last "
                f"{say_duration(self.window_s)}; {name} uses {say(use, kind.unit)}, and its use rose together with the "
                "waiting."
            ),
            evidence=(
                fact(kind.pressure, waits, self.waits_ratio, self.window_s),
                Evidence(f"{kind.usage[0]} of {name}", use, None, self.window_s, kind.unit),
            ),
            advice=kind.advice,
        )


def used(recent: Recent, key: str, kind: Kind, window_s: float) -> Points:
    """The use of a resource, all its metrics together."""
    points = recent.window(key, kind.usage[0], window_s)
    for metric in kind.usage[1:]:
        more = dict(recent.window(key, metric, window_s))
        points = [(at_ms, value + more.get(at_ms, 0.0)) for at_ms, value in points]
    return points
