"""The airbag: ``memory.high`` below the limit, so that growth which outruns a second's look stalls for a moment
instead of being killed.

It is volatile and nobody else's: on disk stands which containers have one *before* the first write, it is lifted
when the controller may no longer raise the limit in time, and every one that a run left behind is lifted by the
next. Kernel: Documentation/admin-guide/cgroup-v2.rst, ``memory.high``.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final

from limits import guard
from limits.desk import Desk
from limits.journal import READ_FAULTS
from limits.sizes import shown
from limits.track import LAG_MS, Track
from model.errors import NotThere, StoreError
from model.limits import Bytes, Unlimited, bounded

log = logging.getLogger(__name__)

KEPT: Final = "limits.memory_high"
DENIED_MS: Final = 10_000
"""A raise that is refused so long: a clean kill and restart is better than a stall without end."""
WATCH_S: Final = 0.02
"""Between two looks while the runtime writes: at 150 MiB a second that is 3 MiB."""
CHANGE_LEAST: Final = 0.02
ABOVE_USE: Final = 1.02
"""It is never written below what is in use, cache and all (but for a trial, which is to reclaim cache), and a little
more: that would begin with a stall."""


@dataclass(slots=True)
class Bag:
    """One that we set: the last values written, since a reading may be late, and when."""

    cgroup: str
    values: deque[int] = field(default_factory=lambda: deque(maxlen=4))
    at_ms: int = 0


class Airbag:
    """Called by the worker, with the desk's hand taken. Does nothing where the kernel has no ``memory.high``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.journal.after_raise, desk.journal.around_update = self.rise, self.watched
        self._bags: dict[str, Bag] = {}
        self._denied_since: dict[str, int] = {}
        self._owners: set[str] = set()
        """Containers whose ``memory.high`` somebody else sets: it is theirs."""

    def lift_left_over(self) -> None:
        """At the start: lift what the last run left. What cannot be lifted now stays on disk."""
        kept = self._desk.state.value(KEPT)
        self._bags = bags_of(kept)
        self.lift_all()

    def lift_all(self) -> None:
        """Before the end."""
        self._drop([key for key, bag in self._bags.items() if self._lift(key, bag.cgroup)])

    def tend(self, now_ms: int) -> None:
        """Put on, raise, re-assert, or lift; after the limits were changed, so that it rises with them."""
        desk = self._desk
        try:
            if not desk.journal.kernel.has_memory_high():
                return
        except READ_FAULTS:
            return
        with desk.lock:
            seen = dict(desk.snapshot.limits) if desk.snapshot is not None else {}
            tracks = dict(desk.tracks)
            wanted = {key: value for key, track in tracks.items() if (value := self._wanted(track, now_ms)) is not None}
        gone = [key for key in self._bags if key not in wanted]
        self._drop([key for key in gone if self._lift(key, self._bags[key].cgroup)])
        for key, value in wanted.items():
            limits = seen.get(key)
            if limits is not None and limits.memory_high_bytes is not None and key not in self._owners:
                self._set(tracks[key], value, limits.memory_high_bytes, now_ms)
        if len(self._owners) > len(tracks):
            self._owners &= set(tracks)

    def rise(self, container_id: str, limit: int) -> None:
        """With the limit, and not only when the runtime knows of it: until then the container would stand still."""
        bag, kernel = self._bags.get(container_id), self._desk.journal.kernel
        with self._desk.lock:
            track = self._desk.tracks.get(container_id)
            law = track.memory_law if track is not None else None
        if bag is None or not bag.values or track is None or law is None or track.probe is not None:
            return
        value = int(law.high_for(limit)) // 4096 * 4096
        if value <= bag.values[-1]:
            return
        try:
            found = kernel.read(bag.cgroup).memory_high_bytes
            if isinstance(found, Unlimited) or found in bag.values:
                self._write(track, bag, value)
        except READ_FAULTS as fault:
            log.debug("%s: its airbag rises later: %s", container_id[:12], fault)

    @contextmanager
    def watched(self, container_id: str) -> Iterator[None]:
        """While the runtime writes: where it does so through systemd, that sets every memory limit of the unit, and
        ``memory.high`` to the one that it knows of, which is none; on a busy host long before the runtime is done."""
        ended = Event()
        watcher = Thread(target=self._watch, args=(container_id, ended), name="airbag", daemon=True)
        watches = container_id in self._bags
        if watches:
            watcher.start()
        try:
            yield
        finally:
            ended.set()
            if watches:
                watcher.join()
            self._put_back(container_id)

    def _watch(self, container_id: str, ended: Event) -> None:
        """In a thread of its own; the worker waits for the runtime meanwhile, and changes nothing here."""
        try:
            while not ended.wait(WATCH_S):
                self._put_back(container_id)
        except StoreError as fault:
            log.debug("%s: its airbag is put back later: %s", container_id[:12], fault)

    def _put_back(self, container_id: str) -> None:
        """Who stood still at it uses a little more: it is put back a little above that, as far as the limit leaves
        room."""
        bag, kernel = self._bags.get(container_id), self._desk.journal.kernel
        with self._desk.lock:
            track = self._desk.tracks.get(container_id)
        if bag is None or not bag.values or track is None:
            return
        try:
            found, use = kernel.read(bag.cgroup), kernel.memory_use(bag.cgroup)
            if not isinstance(found.memory_high_bytes, Unlimited) or use is None:
                return
            value, used = bag.values[-1], max(use.in_use, use.current)
            if value >= ABOVE_USE * used:
                kernel.write_memory_high(bag.cgroup, value)
                return
            bag.at_ms = 0  # higher, as soon as it is known how high
            limit = bounded(found.memory_bytes)
            if limit is not None and used < limit:
                self._write(track, bag, int(min(ABOVE_USE * used, (used + limit) / 2)) // 4096 * 4096)
        except READ_FAULTS as fault:
            log.debug("%s: its airbag is put back later: %s", container_id[:12], fault)

    def _wanted(self, track: Track, now_ms: int) -> int | None:
        """Where it should be; None: this container is to have none. Under the lock."""
        desk, law, limit, key = self._desk, track.memory_law, track.memory.number(), track.target.key
        if track.memory.refusal:
            denied = now_ms - self._denied_since.setdefault(key, now_ms) >= DENIED_MS
        else:
            denied = False
            self._denied_since.pop(key, None)
        if law is None or limit is None or denied or not track.has_original or track.held(now_ms):
            return None
        if desk.pause.stops(now_ms) or guard.kept_off(track.target, track.policy, desk.own_ids):
            return None
        high = law.high_for(limit)
        return int(high if track.probe is None else min(high, track.probe.target)) // 4096 * 4096

    def _set(self, track: Track, value: int, found: Bytes, now_ms: int) -> None:
        key, cgroup = track.target.key, track.target.cgroup
        bag = self._bags.get(key)
        if not isinstance(found, Unlimited) and (bag is None or found not in bag.values):
            log.info("%s: its memory.high is somebody else's: left alone", shown(track.target.name))
            self._owners.add(key)
            self._drop([key])
            return
        lost = bag is not None and (not bag.at_ms or (isinstance(found, Unlimited) and now_ms - bag.at_ms > LAG_MS))
        last = bag.values[-1] if bag is not None and bag.values else None
        if last is not None and not lost and abs(value - last) <= CHANGE_LEAST * last:
            return
        try:
            use = self._desk.journal.kernel.memory_use(cgroup)
            if use is None:
                return
            least = use.in_use if track.probe is not None else max(use.in_use, use.current)
            if value < ABOVE_USE * least:
                return
            if bag is None:
                bag = self._bags[key] = Bag(cgroup)
            bag.at_ms = now_ms
            self._write(track, bag, value)
        except READ_FAULTS as fault:
            log.debug("%s: no airbag: %s", shown(track.target.name), fault)

    def _write(self, track: Track, bag: Bag, value: int) -> None:
        """On disk first."""
        bag.values.append(value)
        self._keep()
        self._desk.journal.kernel.write_memory_high(bag.cgroup, value)
        with self._desk.lock:
            track.airbag = value

    def _lift(self, key: str, cgroup: str) -> bool:
        """True: it is off, or there is nothing left to lift it from."""
        with self._desk.lock:
            track = self._desk.tracks.get(key)
            if track is not None:
                track.airbag = 0
        try:
            found, bag = self._desk.journal.kernel.read(cgroup).memory_high_bytes, self._bags.get(key)
            if found is None or isinstance(found, Unlimited):
                return True
            if bag is None or found not in bag.values:
                return True  # somebody else's by now
            self._desk.journal.kernel.write_memory_high(cgroup, None)
        except NotThere:
            return True
        except READ_FAULTS as fault:
            log.warning("memory.high of %s is still set, and is lifted as soon as that works: %s", key[:12], fault)
            return False
        return True

    def _drop(self, keys: list[str]) -> None:
        """Forget these; on disk too."""
        before = len(self._bags)
        for key in keys:
            self._bags.pop(key, None)
            with self._desk.lock:
                track = self._desk.tracks.get(key)
                if track is not None:
                    track.airbag = 0
        if len(self._bags) != before:
            self._keep()

    def _keep(self) -> None:
        rows = {key: {"cgroup": bag.cgroup, "values": list(bag.values)} for key, bag in self._bags.items()}
        self._desk.state.put_value(KEPT, rows)


def bags_of(kept: object) -> dict[str, Bag]:
    """Bags as they were kept; what is none is left out. Pure."""
    found: dict[str, Bag] = {}
    for key, row in kept.items() if isinstance(kept, Mapping) else ():
        values = row.get("values") if isinstance(row, Mapping) else None
        if isinstance(row, Mapping) and isinstance(values, list):
            whole = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
            found[str(key)] = Bag(str(row.get("cgroup", "")), deque(whole, maxlen=4))
    return found
