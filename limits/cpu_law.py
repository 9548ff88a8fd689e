"""The CPU law: what quota a container needs, from 1 Hz counters. Pure.

A law proposes; whoever applies it tells the law with :meth:`in_force` what really is in force. The
constants were tuned on training traces and frozen; ``docs/limits.md`` says what each is for.
"""

from __future__ import annotations

from collections import deque
from math import ceil, exp, inf, log, sqrt
from typing import Final

TARGETS: Final = {"latency": 0.02, "balanced": 0.05, "dense": 0.10}
"""Share of throttled CFS periods that a class accepts."""
PER_CORE: Final = 100
"""Steps of a core: systemd rounds a quota up to the hundredth."""


class CpuLaw:
    """Quota = load + c · √load, where c is steered until the throttled share equals the target.

    The load follows usage as fast as usage resembles the second before, and no faster. A container
    pinned at its quota is raised at once; other writes wait until the margin is a fifth off.
    :meth:`tick` is called once a second.
    """

    LOAD_TAU = 30.0
    FOLLOW = 1.5
    MEAN_TAU = 60.0
    CORRELATION_TAU = 300.0
    GAIN = 0.01
    SETTLE = 300.0
    START_C = 0.25
    C_MIN, C_MAX = 0.02, 8.0
    LOG_C = log(C_MIN), log(C_MAX)
    BAND = 0.20
    BAND_PER_WRITE = 0.07
    BAND_MAX = 0.90
    WRITES_TAU = 600.0
    PINNED = 0.90
    PINNED_SECONDS = 0.5
    BOOST_CORES = 0.10
    MEMORY_S = 600
    HOLD_S = 2
    WARM_S = 10
    TARGET_MAX = 0.90
    LOAD_LEAST = 0.005
    ONE_THREAD = (0.97, 1.02)
    ONE_THREAD_S = 60
    ONE_THREAD_QUOTA = 1.2

    def __init__(self, target: float, quota: float, quota_max: float, quota_min: float = 0.02) -> None:
        self.target, self.quota = target, quota
        self.quota_max, self.quota_min = quota_max, quota_min
        self.load = 0.0
        self.age = self.pinned_s = 0
        self.recent_writes = 0.0
        self.reason = "warming up"
        self.pinned = self.contended = False
        self._one_thread_s = 0
        self.wish = quota
        """What it wished last, granted or not."""
        self._log_c = 0.0
        self._mean = self._variance = self._covariance = self._residual = 0.0
        self._boosted_at = -inf
        self._loads: deque[float] = deque(maxlen=self.MEMORY_S)

    def bound(self, least: float, most: float) -> None:
        """The owner's bounds, which may change while the law runs."""
        self.quota_min, self.quota_max = least, max(least, most)

    @property
    def single_threaded(self) -> bool:
        """It uses exactly one core, for a minute, with more allowed: a higher quota gives it nothing."""
        return self._one_thread_s >= self.ONE_THREAD_S and self.quota >= self.ONE_THREAD_QUOTA

    def tick(self, usage: float, throttled: float, *, contended: bool = False) -> float:
        """Cores used and share of throttled periods in the last second → the quota that should be in force.

        ``contended``: it waited for CPU that others had, not at its quota. Then usage that falls is not
        demand that falls, and periods that are not throttled say nothing: nothing is lowered.
        """
        self.contended = contended
        if not contended or usage > self.load:
            self._follow(usage)
        one, and_no_more = self.ONE_THREAD
        self._one_thread_s = self._one_thread_s + 1 if throttled <= 0 and one <= usage <= and_no_more else 0
        load = max(self.load, self.LOAD_LEAST)
        target = min(self.TARGET_MAX, self.target * (sqrt(load) if load < 1.0 else 1.0))
        self.pinned_s = self.pinned_s + 1 if throttled >= self.PINNED else 0
        self.pinned = self.pinned_s >= self.PINNED_SECONDS + 10 * target
        if self.pinned:
            self._boosted_at, self.load = self.age, max(self.load, usage)
        self._loads.append(self.load)
        self._steer(throttled, target)
        self.recent_writes *= 1 - 1 / self.WRITES_TAU
        quota = self._weighed()
        self.wish = min(max(ceil(quota * PER_CORE - 1e-9) / PER_CORE, self.quota_min), self.quota_max)
        self.age += 1
        return self.wish

    def _weighed(self) -> float:
        """The quota as it is, unless its margin is far enough off. Called every second for every container, so that
        the margin is worked out once."""
        load, least, factor, quota = max(self.load, self.LOAD_LEAST), self.quota_min, exp(self._log_c), self.quota
        root = sqrt(load)
        if self.pinned:
            self.reason = "pinned at its quota"
            return self._raised(max(load + factor * root, least))
        warm = self.age >= self.WARM_S
        band = min(self.BAND * (1 + self.BAND_PER_WRITE * self.recent_writes), self.BAND_MAX)
        if warm and max(load + (1 - band) * factor * root, least) > quota and not self.single_threaded:
            self.reason = "load or throttling rose"
        elif self.contended:
            self.reason = "waits for the host's CPU, not at its quota"
            return quota
        elif (
            warm
            and max(load + (1 + band) * factor * root, least) < quota
            and self.age - self._boosted_at >= self.HOLD_S
        ):
            self.reason = "load or throttling fell"
        else:
            return quota
        return max(load + factor * root, least)

    def in_force(self, quota: float) -> None:
        """What the kernel enforces from now on, whether it was the law's wish or not."""
        if abs(quota - self.quota) > 1e-6 * self.quota:
            self.recent_writes += 1
        self.quota = quota

    @property
    def warm(self) -> bool:
        """Has it seen enough to be asked?"""
        return self.age >= self.WARM_S

    def needed_without_floor(self) -> float:
        """Quota for the present load, whatever the owner's own limit is."""
        load = max(self.load, self.LOAD_LEAST)
        return load + exp(self._log_c) * sqrt(load)

    def _quota_for(self, load: float) -> float:
        load = max(load, self.LOAD_LEAST)
        return max(load + exp(self._log_c) * sqrt(load), self.quota_min)

    def _raised(self, wanted: float) -> float:
        """To what the highest load remembered needs, at most fourfold; doubled when that is no raise."""
        double = max(2 * self.quota + self.BOOST_CORES, wanted)
        height = self._quota_for(max(self._loads))
        return max(wanted, min(2 * double, height)) if height > 1.1 * self.quota else double

    def _follow(self, usage: float) -> None:
        first = 1 / (self.age + 1)
        self._mean += (usage - self._mean) * max(1 / self.MEAN_TAU, first)
        before, self._residual = self._residual, usage - self._mean
        gain = max(1 / self.CORRELATION_TAU, first)
        self._variance += (self._residual**2 - self._variance) * gain
        self._covariance += (self._residual * before - self._covariance) * gain
        follow = max(1 / self.LOAD_TAU, first)
        if self._covariance > 0 and self._variance > 1e-12:
            follow = min(1.0, max(follow, (self._covariance / self._variance) ** self.FOLLOW))
        self.load += (usage - self.load) * follow

    def _steer(self, share: float, target: float) -> None:
        if self.age < self.WARM_S:
            self._log_c = log(max(self.START_C * log(1 / target), 0.1))
        elif not self._frozen(share, target):
            gain = self.GAIN * max(1.0, self.SETTLE / (self.age + 1))
            self._log_c += gain * (share - target) / sqrt(target)
        least, most = self.LOG_C
        self._log_c = min(max(self._log_c, least), most)

    def _frozen(self, share: float, target: float) -> bool:
        """At the floor, and while it waits for others' CPU, silence teaches nothing; at the ceiling, and while
        its wish is not granted (watching only, no room on the host), throttling says nothing about the margin."""
        if self.contended and share <= target:
            return True
        if self.quota <= self.quota_min * 1.001 and share <= 0:
            return True
        ungranted = self.wish > self.quota * (1 + 1e-6)
        return share > target and (self.quota >= self.quota_max or ungranted)
