"""OOM kills of containers whose cgroup was gone before its own counter could be read.

What stands above a container goes on counting when the container is gone. On cgroup v2 that is ``memory.events`` of
the parent, which counts the kills of all that is below it (Documentation/admin-guide/cgroup-v2.rst; with the mount
option ``memory_localevents`` its own alone). On v1 ``memory.oom_control`` counts the kills of its own cgroup only
(mm/memcontrol.c ``memcg_memory_event``), so that nothing is left but ``oom_kill`` of ``/proc/vmstat``, which counts
those of the whole host. Kills that no living container's counter explains are those of the lives that just ended.

Tick thread only. The counters are read after the containers: a kill in the milliseconds between is seen one tick late
in the container, and could be taken for that of another one that ended at this very tick.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from collector.cgroupfs import files
from collector.cgroupfs.files import CLOSED, Descriptors, Gone, Unreadable
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.parse import Fields, Keyed
from collector.lives import Ended, Suspected
from model.errors import Malformed

HOST = "host"
"""In the place of a parent: the counter of the whole host."""
UNWATCHED = ("/", "/system.slice", "/user.slice")
"""Parents of much that is no container of ours."""


class KillCounters:
    """Counters above the containers, and what their growth says of lives that ended."""

    def __init__(self, hierarchy: Hierarchy, proc: str, descriptors: Descriptors) -> None:
        self._vmstat = f"{proc}/vmstat"
        # on v1 a parent's counter is not that of its children
        self._root = None if "memory" in hierarchy.controllers else hierarchy.unified
        self._descriptors = descriptors
        self._parse = Keyed({"oom_kill": "kills"}, optional=True)
        self._open: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._explained: Counter[str] = Counter()

    def explain(self, cgroup: str, count: int) -> None:
        """A living container's own counter grew by this much."""
        self._explained[parent_of(cgroup)] += count
        self._explained[HOST] += count

    def judge(self, parents: Collection[str], ended: Iterable[Ended]) -> tuple[list[Ended], dict[str, int]]:
        """The lives that ended since the last call, each with what is known of a kill; and by parent the kills in
        containers that are not watched or were never seen. ``parents``: of the containers whose runtime does not tell
        of kills; each is read from now on, for as long as it is there."""
        lives = list(ended)
        wanted = {HOST, *(parents if self._root is not None else ()), *self._before} if parents or self._before else ()
        now = {place: kills for place in wanted if (kills := self._read(place)) is not None}
        growth = {place: now[place] - self._before[place] for place in now if place in self._before}
        for place in [place for place in self._open if place not in now]:
            self._close(place)
        places = [next((p for p in (parent_of(life.target.cgroup), HOST) if p in growth), "") for life in lives]
        number = Counter(places)
        new = {place: max(0, grown - self._explained[place]) for place, grown in growth.items()}
        judged = [
            replace(life, suspected=Suspected(place, new[place], number[place])) if place else life
            for life, place in zip(lives, places, strict=True)
        ]
        unseen = {
            place: count
            for place, count in new.items()
            if count and not number[place] and place != HOST and place not in UNWATCHED
        }
        self._before = now
        self._explained.clear()
        return judged, unseen

    def close(self) -> None:
        for place in list(self._open):
            self._close(place)

    def _read(self, place: str) -> int | None:
        """Kills so far; None where they are not counted."""
        fields = Fields()
        try:
            text = self._text(place)
            if text is not None:
                self._parse(text, fields)
        except (Unreadable, Malformed):
            return None
        return fields.get("kills")

    def _text(self, place: str) -> bytes | None:
        if place == HOST:
            return (files.read_text(self._vmstat) or "").encode()
        path = f"{self._root}{place.rstrip('/')}/memory.events"
        if place not in self._open:
            fd = files.open_file(path)
            if fd is None:
                return None
            if not self._descriptors.take():
                files.close_file(fd)
                return files.read_once(path)
            self._open[place] = fd
        try:
            return files.read_open(self._open[place])
        except Gone:
            # gone, or made anew: then its count began anew as well
            self._close(place)
            self._before.pop(place, None)
            return None

    def _close(self, place: str) -> None:
        fd = self._open.pop(place, CLOSED)
        if fd != CLOSED:
            files.close_file(fd)
            self._descriptors.give()


def parent_of(cgroup: str) -> str:
    return cgroup.rpartition("/")[0] or "/"
