"""Autothrottle's Captain: a quota steered each second by the share of throttled periods, undone within 100 ms.

Wang et al., *Autothrottle*, NSDI 2024; constants of its public source (microsoft/autothrottle, MIT).
"""

from __future__ import annotations

from collections import deque
from math import sqrt

from backtest.simulator import Control, Seen

LEAST_CORES = 0.01


class Captain(Control):
    """The per-service controller at a fixed target."""

    def __init__(self, target: float, quota: float, quota_max: float) -> None:
        super().__init__(quota=quota, each_period=True)
        self.target, self.quota_max = target, quota_max
        self._before = quota
        self._margin = 3.0
        self._lowered = False
        self._hits: deque[bool] = deque([False] * 10, maxlen=10)
        self._usage: deque[float] = deque([0.0] * 50, maxlen=50)

    def period(self, usage: float, throttled: bool) -> None:
        self._hits.append(throttled)
        self._usage.append(usage)
        if throttled and self._lowered:
            share = sum(self._hits) / 10
            if share > 3 * self.target:
                self.quota = 2 * self._before - self.quota
                self._margin += share - self.target
                self._hits.extend([False] * 10)
                self._lowered = False

    def second(self, seen: Seen) -> None:
        del seen  # it looks ten times a second
        self._before, share = self.quota, sum(self._hits) / 10
        self._margin = max(0.0, self._margin + share - self.target)
        if share > 3 * self.target:
            self._lowered = False
            self.quota *= 1 + share - 3 * self.target
        else:
            wanted = max(self._usage) + (deviation(self._usage) * self._margin if self._margin else 0.0)
            self._lowered = wanted <= 0.9 * self.quota
            if self._lowered:
                self.quota = max(0.5 * self.quota, wanted)
        self._hits.extend([False] * 10)
        self.quota = min(max(self.quota, LEAST_CORES), self.quota_max)


def deviation(values: deque[float]) -> float:
    """Of a sample. (``statistics.stdev`` is exact, and fifty times slower.)"""
    count = len(values)
    mean = sum(values) / count
    return sqrt(sum([(value - mean) ** 2 for value in values]) / (count - 1))
