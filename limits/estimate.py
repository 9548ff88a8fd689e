"""The laws: what CPU quota and what memory limit a container needs, from 1 Hz counters. Pure.

A law proposes; whoever applies it tells the law with :meth:`in_force` what really is in force. The
constants were tuned on training traces and frozen; ``docs/limits.md`` says what each is for.
"""

from __future__ import annotations

from collections import deque
from math import ceil, exp, inf, log, sqrt
from typing import Final

from limits.sizes import MIB

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
        self._wish = quota
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
        exact = throttled <= 0 and self.ONE_THREAD[0] <= usage <= self.ONE_THREAD[1]
        self._one_thread_s = self._one_thread_s + 1 if exact else 0
        target = min(self.TARGET_MAX, self.target * sqrt(min(1.0, max(self.load, self.LOAD_LEAST))))
        self.pinned_s = self.pinned_s + 1 if throttled >= self.PINNED else 0
        self.pinned = self.pinned_s >= self.PINNED_SECONDS + 10 * target
        if self.pinned:
            self._boosted_at, self.load = self.age, max(self.load, usage)
        self._loads.append(self.load)
        self._steer(throttled, target)
        self.recent_writes *= 1 - 1 / self.WRITES_TAU
        band = min(self.BAND * (1 + self.BAND_PER_WRITE * self.recent_writes), self.BAND_MAX)
        quota, warm, wanted = self.quota, self.age >= self.WARM_S, self.needed()
        if self.pinned:
            quota, self.reason = self._raised(wanted), "pinned at its quota"
        elif warm and self.needed(1 - band) > quota and not self.single_threaded:
            quota, self.reason = wanted, "load or throttling rose"
        elif contended:
            self.reason = "waits for the host's CPU, not at its quota"
        elif warm and self.needed(1 + band) < quota and self.age - self._boosted_at >= self.HOLD_S:
            quota, self.reason = wanted, "load or throttling fell"
        self._wish = min(max(ceil(quota * PER_CORE - 1e-9) / PER_CORE, self.quota_min), self.quota_max)
        self.age += 1
        return self._wish

    def in_force(self, quota: float) -> None:
        """What the kernel enforces from now on, whether it was the law's wish or not."""
        if abs(quota - self.quota) > 1e-6 * self.quota:
            self.recent_writes += 1
        self.quota = quota

    def needed(self, part: float = 1.0) -> float:
        """Quota for the present load, with ``part`` of the learnt margin."""
        return self._quota_for(self.load, part)

    def _quota_for(self, load: float, part: float = 1.0) -> float:
        load = max(load, self.LOAD_LEAST)
        return max(load + part * exp(self._log_c) * sqrt(load), self.quota_min)

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
        alike = max(0.0, self._covariance / self._variance) if self._variance > 1e-12 else 0.0
        self.load += (usage - self.load) * min(1.0, max(1 / self.LOAD_TAU, first, alike**self.FOLLOW))

    def _steer(self, share: float, target: float) -> None:
        if self.age < self.WARM_S:
            self._log_c = log(max(self.START_C * log(1 / target), 0.1))
        elif not self._frozen(share, target):
            gain = self.GAIN * max(1.0, self.SETTLE / (self.age + 1))
            self._log_c += gain * (share - target) / sqrt(target)
        self._log_c = min(max(self._log_c, log(self.C_MIN)), log(self.C_MAX))

    def _frozen(self, share: float, target: float) -> bool:
        """At the floor, and while it waits for others' CPU, silence teaches nothing; at the ceiling, and while
        its wish is not granted (watching only, no room on the host), throttling says nothing about the margin."""
        if self.contended and share <= target:
            return True
        if self.quota <= self.quota_min * 1.001 and share <= 0:
            return True
        ungranted = self._wish > self.quota * (1 + 1e-6)
        return share > target and (self.quota >= self.quota_max or ungranted)


class MemoryLaw:
    """Limit = peak + headroom: raised at once, lowered (where asked for) after quiet minutes. Bytes.

    ``headroom`` is what must be left for a container bigger than it: 192 MiB where memory is looked
    at once a second without an airbag; a small container keeps a small one. :meth:`tick` is called
    every ``tick_s`` seconds. ``peak_minutes``: how far back the peak is looked for before lowering;
    with ``whole_window`` nothing is lowered before that much was seen.
    """

    HEADROOM = 0.10
    LEFT = 0.80
    LEAD_S = 3.0
    QUIET_S = 120.0
    AGAIN_S = 60.0
    BAND = 0.10
    STEP_DOWN = 0.20
    STALL_RAISE = 1.25
    AIRBAG_ROOM = 64.0 * MIB
    OOM_RAISE, OOM_ADD, OOM_FLOOR = 1.5, 128.0 * MIB, 1.2

    def __init__(
        self,
        limit: float,
        headroom: float = 192.0 * MIB,
        *,
        tick_s: float = 1.0,
        limit_min: float = 32.0 * MIB,
        limit_max: float = inf,
        lowering: bool = False,
        peak_minutes: int = 10,
        whole_window: bool = False,
    ) -> None:
        self.limit, self.headroom, self.tick_s = limit, headroom, tick_s
        self.limit_min, self.limit_max = limit_min, limit_max
        self.lowering, self.whole_window = lowering, whole_window
        self.reason = "enough room"
        self.age = self.floor = 0.0
        self._raised_at = -inf
        self._minute_peak, self._next_minute = 0.0, 60.0
        self._peaks: deque[float] = deque(maxlen=peak_minutes)
        self._last: deque[float] = deque(maxlen=5)

    def bound(self, least: float, most: float) -> None:
        """The owner's bounds, which may change while the law runs."""
        self.limit_min, self.limit_max = least, max(least, most)

    def tick(self, used: float, *, oom: bool = False, stalled: bool = False) -> float:
        """Working set; killed, or stalled at ``memory.high``, since the last tick → the limit that should be."""
        self._minute_peak = max(self._minute_peak, used)
        self._last.append(used)
        if self.age >= self._next_minute:
            self._peaks.append(self._minute_peak)
            self._minute_peak, self._next_minute = used, self._next_minute + 60
        head, slope = self.room_for(used), self.slope()
        safe, limit = used + max(head, slope * self.LEAD_S), self.limit
        if oom:
            self.floor = max(self.floor, limit * self.OOM_FLOOR)
            limit, self.reason = max(limit * self.OOM_RAISE, limit + self.OOM_ADD), "was killed for lack of memory"
            self._raised_at = self.age
        elif stalled:
            limit, self.reason = max(limit * self.STALL_RAISE, safe), "was stalled at memory.high"
            self._raised_at = self.age
        elif self.lacks_room(used, slope):
            limit, self.reason = max(limit, safe), "too little room is left"
        elif self.lowering and self._quiet():
            limit = self._lowered(limit, used)
        self.age += self.tick_s
        return min(limit, self.limit_max)

    def between(self, used: float, slope: float) -> float:
        """The same from a look between two ticks, which only raises. ``slope``: bytes a second over the last looks."""
        if not self.lacks_room(used, slope):
            return self.limit
        self._minute_peak = max(self._minute_peak, used)
        self.reason = "too little room is left"
        return min(max(self.limit, used + max(self.room_for(used), slope * self.LEAD_S)), self.limit_max)

    def lacks_room(self, used: float, slope: float) -> bool:
        """Less than most of the headroom is left, or growth would use up the rest within seconds."""
        left = self.limit - used
        return left < self.LEFT * self.room_for(used) or left < slope * self.LEAD_S

    def in_force(self, limit: float) -> None:
        """What the kernel enforces from now on."""
        if limit > self.limit:
            self._raised_at = self.age - self.tick_s
        elif limit < self.limit:
            self._raised_at = self.age - self.tick_s - self.QUIET_S + self.AGAIN_S
        self.limit = limit

    def room_for(self, used: float) -> float:
        """Headroom that a working set of this size needs."""
        return max(min(self.headroom, used), self.HEADROOM * used)

    def high_for(self, limit: float) -> float:
        """Where ``memory.high`` stands under a limit: at half the headroom, not below nine tenths."""
        return max(limit - 0.5 * max(self.AIRBAG_ROOM, self.HEADROOM * limit), 0.9 * limit)

    def slope(self) -> float:
        """Bytes per second: the last step or the mean of four, whichever is steeper; never negative."""
        if len(self._last) < 2:
            return 0.0
        rise = (self._last[-1] - self._last[-2]) / self.tick_s
        mean = (self._last[-1] - self._last[0]) / ((len(self._last) - 1) * self.tick_s)
        return max(rise, mean, 0.0)

    def _quiet(self) -> bool:
        seen = not self.whole_window or len(self._peaks) == self._peaks.maxlen
        return seen and self.age >= self.QUIET_S and self.age - self._raised_at >= self.QUIET_S

    def _lowered(self, limit: float, used: float) -> float:
        peak = max(self._minute_peak, used, *self._peaks, 0.0)
        wanted = max(peak + max(self.headroom, self.HEADROOM * peak), self.floor, self.limit_min)
        if wanted >= (1 - self.BAND) * limit:
            return limit
        self.reason = "more room than its peak needs"
        return max(wanted, limit * (1 - self.STEP_DOWN))
