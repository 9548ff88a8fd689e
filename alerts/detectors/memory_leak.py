"""What it keeps after each clean-up grows, for hours: a leak.

The minimum of its anonymous memory over each quarter of an hour is what garbage collection and load cannot explain; a
leak is a run of minima that rise (cf. Sor et al., "Memory leak detection in Plumbr", 2014).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from alerts.columns.roster import Roster
from alerts.detectors.suspects import fact, told
from alerts.windows import Growth, growth_of
from alerts.words import say_bytes, say_duration
from model.alert import Severity
from model.finding import Evidence, Finding
from model.limits import bounded
from model.sample import Snapshot
from model.target import Target
from storage.api import Recent

ANON = "memory_anon_bytes"
MIB = 1024 * 1024


@dataclass(slots=True)
class Minima:
    """What is remembered: the minima of the running step by place, and those of whole steps by container."""

    roster: Roster = field(default_factory=Roster)
    age: int = 0
    step: int = -1
    lowest: array[float] = field(default_factory=lambda: array("d"))
    past: dict[str, deque[tuple[int, float]]] = field(default_factory=dict)
    lives: dict[str, object] = field(default_factory=dict)
    leaks: dict[str, Growth] = field(default_factory=dict)
    seeds: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryLeak:
    """A finding while the minima of ``step_s`` rose in ``rising`` of ``least_steps`` to ``steps`` steps, by
    ``least_bytes`` and ``least_ratio`` in all, and still rise. A restart begins anew; after one of the agent
    :meth:`seed` brings the past back."""

    name: str = "memory_leak"
    step_s: float = 900.0
    steps: int = 24
    least_steps: int = 9
    rising: float = 0.8
    least_bytes: float = 16.0 * MIB
    least_ratio: float = 0.1
    minima: Minima = field(default_factory=Minima)

    def seed(self, history: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        """What was kept of the hours before the agent began: container → (end of a step in ms, minimum), oldest first.
        Taken over at the next tick, of the life that the container is in. Any thread."""
        self.minima.seeds = history

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        del recent
        known = self.minima
        back = snapshot.at_ms < known.roster.at_ms
        known.roster.update(snapshot)
        if known.roster.age != known.age:
            known.age, known.lowest = known.roster.age, array("d")
        if back:
            known.step = -1
            known.past.clear()
            known.leaks.clear()
        if known.seeds:
            self._take_seeds(snapshot)
        step = snapshot.at_ms // round(self.step_s * 1000)
        if step != known.step:
            self._close_step(snapshot)
            known.step = step
        column = known.roster.column(ANON)
        known.lowest.extend([inf] * (len(column) - len(known.lowest)))
        # min() keeps the first unless the second is less: NaN never is.
        known.lowest = array("d", map(min, known.lowest, column))
        targets = snapshot.targets
        return [self._finding(snapshot, targets[key], leak) for key, leak in known.leaks.items() if key in targets]

    def _take_seeds(self, snapshot: Snapshot) -> None:
        """The past of those whose life is known to have begun before it, and of whom nothing was seen yet."""
        known = self.minima
        seeds, known.seeds, known.step = known.seeds, {}, -1
        for key, points in seeds.items():
            target = snapshot.targets.get(key)
            started_ms = target.id.started_at_ms if target else None
            if target is None or started_ms is None or key in known.past:
                continue
            lived = [(at_ms, least) for at_ms, least in points if started_ms < at_ms <= snapshot.at_ms]
            if lived:
                known.past[key] = deque(lived, maxlen=self.steps)
                known.lives[key] = (target.id.inode, started_ms)

    def _close_step(self, snapshot: Snapshot) -> None:
        """The step that ended joins the past; what leaks is judged anew."""
        known = self.minima
        lives = {key: (t.id.inode, t.id.started_at_ms) for key, t in snapshot.targets.items()}
        for key in [key for key in known.past if lives.get(key) != known.lives.get(key)]:
            del known.past[key]
        for key, least in zip(known.roster.keys, known.lowest, strict=False):
            if least < inf and key in lives and (key not in known.lives or known.lives[key] == lives[key]):
                known.past.setdefault(key, deque(maxlen=self.steps)).append((snapshot.at_ms, least))
        known.lives = dict(lives)
        known.lowest = array("d")
        known.leaks = {key: leak for key, past in known.past.items() if (leak := self.leak_of(tuple(past)))}

    def leak_of(self, past: Sequence[tuple[int, float]]) -> Growth | None:
        """The growth of minima that make a leak; None of others. Pure."""
        past = past[1:]  # the first step holds the start-up, or began before we looked
        if len(past) < self.least_steps - 1:
            return None
        grown = past[-1][1] - past[0][1]
        if grown < max(self.least_bytes, self.least_ratio * past[0][1]):
            return None
        rises = sum(b[1] > a[1] for a, b in pairwise(past)) / (len(past) - 1)
        if rises < self.rising:
            return None
        growth = growth_of(past)
        return growth if growth and growth.low > 0 and growth.recent >= 0.3 * growth.middle else None

    def _finding(self, snapshot: Snapshot, target: Target, leak: Growth) -> Finding:
        past = self.minima.past[target.key]
        used, limits = past[-1][1], snapshot.limits.get(target.key)
        limit = bounded(limits.memory_bytes) if limits else None
        left = f" Full in about {say_duration((limit - used) / leak.middle)}." if limit and limit > used else ""
        return told(
            snapshot,
            target,
            self.name,
            Severity.WARNING,
            summary=(
                f"Leaks memory. What it keeps at the least rose from {say_bytes(past[1][1])} to {say_bytes(used)} in "
                f"{say_duration(leak.span_s)}, {say_bytes(leak.middle * 3600)} an hour.{left}"
            ),
            evidence=(
                Evidence("memory_growth_bytes_per_second", leak.middle, 0.0, leak.span_s, "bytes/s"),
                fact(ANON, used, limit, leak.span_s),
            ),
            advice="Restart it at a good time and look for what it keeps; a higher limit only puts off the end.",
            since_ms=past[1][0],
        )
