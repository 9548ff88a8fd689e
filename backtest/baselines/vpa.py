"""Kubernetes' vertical pod autoscaler: a percentile of decaying histograms, applied gated or each minute in place.

kubernetes/autoscaler, ``vertical-pod-autoscaler/pkg/recommender`` and ``updater`` (Apache-2.0); idealised in its
favour: applied without a restart. Memory: the peak of the day, its own bump after a kill.
"""

from __future__ import annotations

from math import inf, log

from backtest.simulator import Control, Seen
from limits.sizes import MIB

RATIO = 1.05
MARGIN = 1.15
CPU_FIRST, CPU_LEAST, CPU_BUCKETS = 0.01, 0.025, 176
MEMORY_FIRST, MEMORY_LEAST = 10 * MIB, 250.0 * MIB
HALF_LIFE_S = 86_400.0
OLD_S = 43_200


class Histogram:
    """Buckets that grow by a twentieth; a percentile is the end of its bucket."""

    def __init__(self) -> None:
        self.weights = [0.0] * CPU_BUCKETS
        self.total = 0.0

    def add(self, value: float, weight: float) -> None:
        bucket = min(int(log(value / CPU_FIRST * (RATIO - 1) + 1) / log(RATIO)), CPU_BUCKETS - 1)
        self.weights[bucket] += weight
        self.total += weight

    def percentiles(self, *parts: float) -> list[float]:
        """``parts`` ascending."""
        found: list[float] = []
        reached = 0.0
        for bucket, weight in enumerate(self.weights):
            reached += weight
            while len(found) < len(parts) and reached >= parts[len(found)] * self.total - 1e-12:
                found.append(bucket_end(bucket, CPU_FIRST))
            if len(found) == len(parts):
                break
        return found


def bucket_end(bucket: int, first: float) -> float:
    return first * (RATIO ** (bucket + 1) - 1) / (RATIO - 1)


class Vpa(Control):
    """``live`` None: the gated updater, limit = request; else limit = target × ``live``, each minute."""

    def __init__(self, live: float | None, quota: float, quota_max: float, limit: float) -> None:
        super().__init__(quota=quota, limit=limit)
        self.live, self.quota_max = live, quota_max
        self._histogram = Histogram()
        self._sum, self._seconds, self._samples = 0.0, 0, 0
        self._peak = 0.0

    def second(self, seen: Seen) -> None:
        self._seconds += 1
        minute = self._seconds % 60 == 0
        if seen.usage is not None:
            self._sum += seen.usage
            if minute:
                self._cpu()
        if seen.memory is not None:
            self._memory(seen.memory, seen.oom, minute)

    def _cpu(self) -> None:
        self._histogram.add(self._sum / 60, 0.1 * 2 ** (self._seconds / HALF_LIFE_S))
        self._sum, self._samples = 0.0, self._samples + 1
        low, target, high = self._histogram.percentiles(0.5, 0.9, 0.95)
        wanted = max(MARGIN * target, CPU_LEAST)
        if self.live is not None:
            self.quota = min(wanted * self.live, self.quota_max)
            return
        trust = min(self._seconds / HALF_LIFE_S, self._samples / 1440)
        least = max(MARGIN * low, CPU_LEAST) * (1 + 0.001 / trust) ** -2
        most = max(MARGIN * high, CPU_LEAST) * (1 + 1 / trust)
        old = self._seconds > OLD_S and abs(wanted - self.quota) > 0.1 * self.quota
        if old or not least <= self.quota <= most:
            self.quota = min(wanted, self.quota_max)

    def _memory(self, used: float, oom: bool, minute: bool) -> None:
        bump = max(self.limit + 100 * MIB, self.limit * 1.2) if oom else 0.0
        self._peak = max(self._peak, used, bump)
        if (minute or oom) and self.limit < inf:
            bucket = int(log(self._peak / MEMORY_FIRST * (RATIO - 1) + 1) / log(RATIO))
            self.limit = max(bucket_end(bucket, MEMORY_FIRST) * MARGIN, MEMORY_LEAST)
