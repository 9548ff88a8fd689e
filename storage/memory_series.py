"""Series in memory, with the contracts of the store on disk; seconds alone, nothing is rolled up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import RLock

from model.event import Event
from model.sample import HOST_KEY, Snapshot
from storage.api import KnownContainer, SeriesQuery, SeriesResult
from storage.grid import Filled, column, grid_of, is_summed, wanted
from storage.sqlite.shapes import scale_of
from storage.sqlite.tiers import SECOND


@dataclass(slots=True)
class Target:
    """One container or host as it was last seen, and its values by time and name (whole units of resolution)."""

    host: str
    key: str
    name: str
    runtime: str
    image: str | None
    group: str | None
    service: str | None
    ticks: list[tuple[int, dict[str, int]]] = field(default_factory=list)


class MemorySeries:
    """:class:`storage.api.SeriesWriter` and :class:`storage.api.SeriesReader` in one. Thread-safe."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._targets: dict[tuple[str, str], Target] = {}
        self._events: list[Event] = []
        self._times: list[int] = []
        self.lost_rows = 0

    # writer

    def append(self, snapshot: Snapshot) -> None:
        with self._lock:
            if snapshot.at_ms in self._times[-1:]:
                return
            self._times.append(snapshot.at_ms)
            for key, sample in ((HOST_KEY, snapshot.host_sample), *snapshot.samples.items()):
                values = {
                    name: round(value * scale)
                    for name, value in sample.values.items()
                    if (scale := scale_of(name)) is not None
                }
                if not values:
                    continue
                known = self._targets.setdefault(
                    (snapshot.host, key), Target(snapshot.host, key, snapshot.host, "host", None, None, None)
                )
                seen = snapshot.targets.get(key)
                if seen is not None:
                    known.name, known.runtime, known.image = seen.name, seen.id.runtime, seen.image
                    known.group, known.service = seen.group, seen.service
                known.ticks.append((snapshot.at_ms, values))
            self.record(snapshot.events)

    def record(self, events: Sequence[Event]) -> None:
        with self._lock:
            for event in events:
                self._events.append(replace(event, id=len(self._events) + 1))

    def upkeep(self, now_ms: int) -> None:
        """Memory keeps everything."""

    # reader

    def query(self, query: SeriesQuery) -> SeriesResult:
        with self._lock:
            newest = self._times[-16:]
            tick_ms = min((b - a for a, b in pairwise(newest) if b > a), default=SECOND)
            grid = grid_of(query, tick_ms)
            groups: dict[tuple[str, str], list[Target]] = {}
            for target in self._targets.values():
                if _asked(query, target):
                    joined = query.join_service and target.service
                    groups.setdefault((target.host, joined or target.key), []).append(target)
            found = []
            for members in groups.values():
                newest_one = max(members, key=lambda t: t.ticks[0][0])
                names = dict.fromkeys(n for m in members for _, values in m.ticks for n in values)
                for name in sorted(n for n in names if wanted(n, query.metrics)):
                    filled = Filled(grid, summed=is_summed(name), mixed=len(members) > 1)
                    for member in members:
                        there = sorted((at, values[name]) for at, values in member.ticks if name in values)
                        filled.add_ticks([at for at, _ in there], [value for _, value in there])
                    lists = filled.lists(scale_of(name) or 1)
                    if lists is not None:
                        found.append(column(newest_one.host, newest_one.key, newest_one.name, name, lists))
        return SeriesResult(grid.t0_ms, grid.step_ms, tuple(sorted(found, key=lambda s: (s.host, s.name, s.container))))

    def hosts(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted({host for host, _ in self._targets}))

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        del metrics
        with self._lock:
            return tuple(
                KnownContainer(
                    t.key,
                    t.host,
                    t.name,
                    t.runtime,
                    t.image,
                    t.group,
                    t.service,
                    t.ticks[0][0],
                    t.ticks[-1][0],
                    {name: value / (scale_of(name) or 1) for name, value in t.ticks[-1][1].items()},
                )
                for t in self._targets.values()
                if t.key != HOST_KEY and (seen_since_ms is None or t.ticks[-1][0] >= seen_since_ms)
            )

    def events(
        self,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        container_id: str | None = None,
        kinds: tuple[str, ...] = (),
        after_id: int = 0,
        limit: int = 1000,
    ) -> tuple[Event, ...]:
        with self._lock:
            found = [
                e
                for e in self._events
                if e.id > after_id
                and (since_ms is None or e.at_ms >= since_ms)
                and (until_ms is None or e.at_ms < until_ms)
                and container_id in (None, e.container_id)
                and (not kinds or e.kind in kinds)
            ]
        return tuple(found[:limit])

    def span(self) -> tuple[int, int] | None:
        with self._lock:
            return (min(self._times), self._times[-1]) if self._times else None

    def close(self) -> None:
        """Nothing to give back."""


def _asked(query: SeriesQuery, target: Target) -> bool:
    if query.of_host != (target.key == HOST_KEY) or query.host not in (None, target.host):
        return False
    if query.of_host or not (query.containers or query.services or query.groups):
        return True
    return target.key in query.containers or target.service in query.services or target.group in query.groups
