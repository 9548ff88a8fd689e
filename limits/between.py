"""Between two ticks: memory of the containers under ``auto``, ten times a second.

On cgroup v1 nothing tells of a shortage before it is there: a container that grows by 60 MiB a second uses up the
usual headroom between two ticks. Where there is an airbag (cgroup v2) nothing is looked at here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import inf

from limits import guard
from limits.desk import Desk
from limits.journal import READ_FAULTS
from limits.memory_law import MemoryLaw
from limits.planner import memory_wish_between
from limits.sizes import shown
from limits.track import Track
from limits.weighing import Weighing
from model.sample import Snapshot

log = logging.getLogger(__name__)

EVERY_MS = 100
PHASE_MS = 50
"""Ticks begin on whole seconds: the looks stand as far from that as they can."""
IDLE_S = 1.0
STEPS = 4
"""Growth is that over so many looks."""
LATELY_MS = (STEPS + 1) * EVERY_MS

LookAt = Callable[[Collection[str]], Mapping[str, int]]
"""Container ids → bytes in use now, file cache included; empty where the host is on cgroup v2."""


@dataclass(slots=True)
class Watched:
    """One container, as the last tick left it. Below ``calm`` bytes, growth of the next seconds counted, nothing can
    be wished. ``weighed``: working sets of the last closer looks, each with its time in ms."""

    track: Track
    calm: float
    weighed: deque[tuple[int, int]]

    def slope(self, used: int, now_ms: int) -> float:
        """Growth of the working set in bytes a second since the oldest of the last closer looks; 0 at the first."""
        while self.weighed and now_ms - self.weighed[0][0] > LATELY_MS:
            self.weighed.popleft()
        at_ms, was = self.weighed[0] if self.weighed else (now_ms, used)
        self.weighed.append((now_ms, used))
        return max(0, used - was) * 1000 / (now_ms - at_ms) if now_ms > at_ms else 0.0


class Between:
    """Used by one thread. What it decides goes the way of every change: guard, room, journal, worker."""

    def __init__(self, desk: Desk, weighing: Weighing) -> None:
        self._desk, self._weighing = desk, weighing
        self._seen: Snapshot | None = None
        self._watched: dict[str, Watched] = {}
        self._looks: deque[tuple[int, Mapping[str, int]]] = deque(maxlen=STEPS)

    def look(self, look: LookAt, now_ms: int) -> float:
        """One look. Seconds until the next one."""
        fresh = self._desk.snapshot is not self._seen
        if fresh:
            self._choose(now_ms)
        usage = look(self._watched) if self._watched else {}
        if not usage:
            self._looks.clear()
            return IDLE_S
        if fresh:
            for key in usage:
                self._watched[key].track.looked_ms = now_ms
        self._compare(usage, now_ms)
        self._looks.append((now_ms, usage))
        return ((now_ms - PHASE_MS) // EVERY_MS * EVERY_MS + PHASE_MS + EVERY_MS - now_ms) / 1000

    def _choose(self, now_ms: int) -> None:
        """Once a tick: who is looked at, and from where on it matters."""
        desk = self._desk
        with desk.lock:
            self._seen = snapshot = desk.snapshot
            before, self._watched = self._watched, {}
            if snapshot is None or desk.pause.stops(now_ms):
                return
            for key, track in desk.tracks.items():
                law, sample = track.memory_law, snapshot.samples.get(key)
                if law is None or sample is None or not self._may_be_raised(key, track, now_ms):
                    continue
                used = sample.values.get("memory_usage_bytes", 0.0)
                cache = max(0.0, used - sample.values.get("memory_working_set_bytes", used))
                known = before.get(key)
                weighed = known.weighed if known is not None and known.track is track else deque(maxlen=STEPS)
                self._watched[key] = Watched(track, calm_below(law, law.limit, cache), weighed)

    def _may_be_raised(self, key: str, track: Track, now_ms: int) -> bool:
        desk = self._desk
        if track.airbag or not track.has_original or track.held(now_ms) or (key, "memory") in desk.hands:
            return False
        if now_ms < track.memory.not_before_ms or track.memory.number() is None:
            return False
        return guard.kept_off(track.target, track.policy, desk.own_ids) is None

    def _compare(self, usage: Mapping[str, int], now_ms: int) -> None:
        at_ms, before = self._looks[0] if self._looks else (now_ms, usage)
        lead = MemoryLaw.LEAD_S * 1000 / (now_ms - at_ms) if now_ms > at_ms else 0.0
        for key, used in usage.items():
            watched, was = self._watched[key], before.get(key, used)
            if used + max(0, used - was) * lead > watched.calm:
                self._look_closer(watched, now_ms)

    def _look_closer(self, watched: Watched, now_ms: int) -> None:
        """Read what of it is file cache, which the kernel takes back when it needs it; ask the law, and plan."""
        desk, track, law = self._desk, watched.track, watched.track.memory_law
        try:
            use = desk.journal.kernel.memory_use(track.target.cgroup)
        except READ_FAULTS as fault:
            log.debug("%s: not looked at between ticks: %s", shown(track.target.name), fault)
            use = None
        if use is None or law is None:
            watched.calm = inf
            return
        cache, slope = float(max(0, use.current - use.in_use)), watched.slope(use.in_use, now_ms)
        with desk.lock:
            wish = memory_wish_between(track, float(use.in_use), slope, now_ms)
            if wish is not None:
                self._weighing.law(track, track.memory, wish, None, now_ms)
            planned = wish is not None and (track.target.key, "memory") in desk.queue.plans
        if wish is not None and planned:
            watched.calm = calm_below(law, wish.value, cache)
            desk.wake()
        elif law.lacks_room(use.in_use, slope):
            watched.calm = inf  # refused: the next tick says why
        else:
            watched.calm = calm_below(law, law.limit, cache)  # it was cache that grew


def calm_below(law: MemoryLaw, limit: float, cache: float) -> float:
    """Usage below which the law has all the room that it wants under this limit. Pure."""
    return limit + cache - law.LEFT * law.room_for(limit)
