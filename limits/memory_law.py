"""The memory law: what limit a container needs, from its working set once a second. Pure.

It proposes; whoever applies it tells it with :meth:`MemoryLaw.in_force` what really is in force. The
constants were tuned on training traces and frozen; ``docs/limits.md`` says what each is for.
"""

from __future__ import annotations

from collections import deque
from math import inf

from limits.sizes import MIB


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
        self.resting = False
        """Nothing is lowered for now: an earlier lowering failed, or the host is short itself."""
        self.age = self.floor = 0.0
        """``floor``: least limit after a kill; whoever applies the law may set it, since it outlives the law."""
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
        elif self.lowering and not self.resting and self._quiet():
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
