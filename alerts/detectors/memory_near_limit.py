"""Memory near its limit, or on its way there: the next allocation may be answered by the OOM killer.

Kernel: Documentation/admin-guide/cgroup-v2.rst (memory.max, memory.stat). The working set is usage without inactive
file cache; active file cache is in it and can still be given back: what is mostly cache is said, but is no danger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.windows import Growth, growth_of
from alerts.words import handy_bytes, say_bytes, say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.limits import bounded
from model.sample import Sample, Snapshot
from model.target import Target
from storage.api import Recent

WORKING_SET = "memory_working_set_bytes"


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds until the limit: the likely one and the interval from the slope's quartiles."""

    likely_s: float
    soonest_s: float
    latest_s: float

    def __str__(self) -> str:
        return f"about {say_duration(self.likely_s)} ({say_duration(self.soonest_s)} to {say_duration(self.latest_s)})"


@dataclass(frozen=True, slots=True)
class MemoryNearLimit:
    """A finding while the working set is at least ``near_ratio`` of the limit, or predicted there in ``horizon_s``.

    A prediction needs steady growth (the lower quartile of the slopes above 0, and growth in the last third), a working
    set of at least ``look_ratio`` of the limit (``early_ratio`` while less than ``early_s`` was seen: a heap not yet
    collected looks the same), and reaches no further than ``reach`` times what was seen.
    Critical: full within ``critical_s``, or ``full_ratio`` of the limit used by what cannot be given back.
    """

    name: str = "memory_near_limit"
    near_ratio: float = 0.9
    look_ratio: float = 0.5
    full_ratio: float = 0.97
    horizon_s: float = 900.0
    critical_s: float = 60.0
    window_s: float = 300.0
    reach: float = 5.0
    early_s: float = 60.0
    early_ratio: float = 0.75
    fixed_ratio: float = 0.75
    """Share of the limit held by anonymous, shared and kernel memory, below which cache is what fills it."""
    again_s: float = 5.0
    """A growth is worked out anew after so long, or when the use moved by ``moved_ratio`` of the limit."""
    moved_ratio: float = 0.02
    known: dict[str, tuple[int, float, Growth | None]] = field(default_factory=dict)
    """Container → when its growth was worked out, at which use, and the growth."""

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        found = []
        for key in [key for key in self.known if key not in snapshot.targets]:
            del self.known[key]
        for key, target in snapshot.targets.items():
            sample, limits = snapshot.samples.get(key), snapshot.limits.get(key)
            limit = bounded(limits.memory_bytes) if limits else None
            if sample is None or not limit:
                continue
            used = sample.values.get(WORKING_SET)
            if used is None or used < self.look_ratio * limit:
                continue
            growth = self.growth(key, used, limit, snapshot, recent)
            prediction = self.predict(limit - used, growth)
            fixed = unreclaimable(sample, used)
            comes = prediction is not None and prediction.likely_s < self.horizon_s and fixed >= 0.6 * used
            if growth is not None and growth.span_s < self.early_s:
                comes = comes and used >= self.early_ratio * limit
            if comes or used >= self.near_ratio * limit:
                found.append(self._finding(snapshot, target, used, fixed, limit, growth, prediction))
        return found

    def growth(self, key: str, used: float, limit: float, snapshot: Snapshot, recent: Recent) -> Growth | None:
        """How fast it grows, at most a few seconds old."""
        known = self.known.get(key)
        if known is not None and used < self.near_ratio * limit:
            fresh = 0 <= snapshot.at_ms - known[0] < self.again_s * 1000
            if fresh and abs(used - known[1]) < self.moved_ratio * limit:
                return known[2]
        growth = growth_of(recent.window(key, WORKING_SET, self.window_s))
        self.known[key] = (snapshot.at_ms, used, growth)
        return growth

    def predict(self, room: float, growth: Growth | None) -> Prediction | None:
        """Time until ``room`` bytes are used up; None where the growth is not steady or too short to say. Pure."""
        if growth is None or growth.low <= 0 or growth.recent < 0.5 * growth.middle:
            return None
        room = max(0.0, room)
        likely = room / growth.middle
        if likely > self.reach * growth.span_s:
            return None
        return Prediction(likely, room / growth.high, room / growth.low)

    def _finding(
        self,
        snapshot: Snapshot,
        target: Target,
        used: float,
        fixed: float,
        limit: float,
        growth: Growth | None,
        prediction: Prediction | None,
    ) -> Finding:
        ratio = used / limit
        near = ratio >= self.near_ratio
        uses = f"{say_bytes(used)} of {say_bytes(limit)} ({say_ratio(ratio)})"
        cached = near and fixed < self.fixed_ratio * limit
        window_s = growth.span_s if prediction and growth else snapshot.interval_s
        facts = [
            Evidence("memory_working_set_of_limit_ratio", ratio, self.near_ratio, snapshot.interval_s, "ratio"),
            Evidence(WORKING_SET, used, limit, snapshot.interval_s, "bytes"),
        ]
        if near:
            summary = f"Close to its memory limit. Uses {uses}."
        else:
            summary = f"Running towards its memory limit. Uses {uses}."
        if prediction and growth and prediction.likely_s < self.horizon_s:
            facts.append(Evidence("memory_growth_bytes_per_second", growth.middle, None, window_s, "bytes/s"))
            facts.append(Evidence("memory_time_to_limit_s", prediction.likely_s, self.horizon_s, window_s, "s"))
            summary += f" Full in {prediction}: it grows by {say_bytes(growth.middle)}/s."
        proposed = propose(used, limit, growth if prediction else None)
        return Finding(
            id="",
            at_ms=snapshot.at_ms,
            since_ms=snapshot.at_ms,
            host=snapshot.host,
            container_id=target.key,
            name=target.name,
            detector=self.name,
            severity=self._severity(fixed / limit, cached, prediction),
            summary=summary,
            evidence=tuple(facts),
            advice=advice(cached=cached, grows=prediction is not None),
            knob="memory",
            proposed=proposed,
        )

    def _severity(self, fixed_ratio: float, cached: bool, prediction: Prediction | None) -> Severity:
        if cached:
            return Severity.INFO
        soon = prediction is not None and prediction.likely_s < self.critical_s
        return Severity.CRITICAL if soon or fixed_ratio >= self.full_ratio else Severity.WARNING


def unreclaimable(sample: Sample, used: float) -> float:
    """Anonymous, shared and kernel memory; where the host does not tell them apart, all of the working set. Pure."""
    anon = sample.values.get("memory_anon_bytes")
    if anon is None:
        return used
    return min(
        used, anon + sample.values.get("memory_shmem_bytes", 0.0) + sample.values.get("memory_kernel_bytes", 0.0)
    )


def propose(used: float, limit: float, growth: Growth | None) -> float:
    """A limit with a quarter of room, and with a quarter of an hour of growth where it grows; at most double. Pure."""
    wanted = 1.25 * max(used, limit)
    if growth is not None:
        wanted = max(wanted, used + 900 * growth.middle)
    return handy_bytes(min(wanted, 2 * limit))


def advice(*, cached: bool, grows: bool) -> str:
    """What to do, in plain words. Pure."""
    if cached:
        return "Most of it is file cache that the kernel takes back when needed: watch memory pressure and refaults."
    if grows:
        return "Raise its memory limit. If it grows without more work, it leaks: restart it and look for what it keeps."
    return "Raise its memory limit, or let it keep less in memory."
