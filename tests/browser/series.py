"""History of the made-up world, computed when it is asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from model.event import Event
from storage.api import KnownContainer, SeriesColumn, SeriesQuery, SeriesResult
from tests.browser.fleet import HOST, SUMMED, host_sample

if TYPE_CHECKING:
    from tests.browser.world import World


class WorldSeries:
    """History of the same world, computed when asked: :class:`storage.api.SeriesReader`."""

    FIRST_AGO_S = 6 * 3600

    def __init__(self, world: World) -> None:
        self._world = world

    def query(self, query: SeriesQuery) -> SeriesResult:
        step_ms = query.step_ms or 1000
        if query.points:
            step_ms = max(1000, -(-(query.until_ms - query.since_ms) // query.points // 1000) * 1000)
        first = query.since_ms // step_ms * step_ms
        moments = range(first, query.until_ms, step_ms)
        now_s, begin = int(time.time()), self._world.story.now_s - self.FIRST_AGO_S
        seconds = [max(ms // 1000, begin) if ms // 1000 + step_ms // 1000 > begin else 0 for ms in moments]
        columns: list[SeriesColumn] = []
        world = self._world
        wanted = [] if query.of_host else query.containers or list(world.ships)
        if query.services:
            wanted = [k for k, ship in world.ships.items() if ship.target.service in query.services]
        for key in wanted:
            ship = world.ships[key]
            rows = [world.values(ship, s) if begin <= s <= now_s else {} for s in seconds]
            columns += [self._column(query, key, ship.target.name, metric, rows) for metric in query.metrics]
        if query.of_host:
            rows = []
            for s in seconds:
                values = [world.values(ship, s) for ship in world.ships.values()] if begin <= s <= now_s else []
                sums = {name: sum(v.get(name, 0.0) for v in values) for name in SUMMED}
                rows.append(host_sample(sums, s) if values else {})
            columns += [self._column(query, "", HOST, metric, rows) for metric in query.metrics]
        return SeriesResult(first, step_ms, tuple(c for c in columns if any(v is not None for v in c.avg)))

    def _column(
        self, query: SeriesQuery, key: str, name: str, metric: str, rows: list[dict[str, float]]
    ) -> SeriesColumn:
        del query
        values = [row.get(metric) for row in rows]
        return SeriesColumn(HOST, key, name, metric, "", values, values, values)

    def hosts(self) -> tuple[str, ...]:
        return (HOST,)

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        del seen_since_ms, metrics
        if self._world.states.empty:
            return ()
        now_s = int(time.time())
        past = now_s - 3600
        return tuple(
            KnownContainer(
                key, HOST, ship.target.name, "docker", ship.target.image, ship.target.group, ship.target.service,
                (self._world.story.now_s - self.FIRST_AGO_S) * 1000,
                (past if ship.target.name in self._world.states.hidden else now_s) * 1000,
                self._world.values(ship, past),
            )
            for key, ship in self._world.ships.items()
        )  # fmt: skip

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
        found = [
            e
            for e in self._world.events_past
            if e.id > after_id
            and e.at_ms >= (since_ms or 0)
            and (until_ms is None or e.at_ms < until_ms)
            and container_id in (None, e.container_id)
            and (not kinds or e.kind in kinds)
        ]
        return tuple(found[:limit])

    def span(self) -> tuple[int, int] | None:
        return ((self._world.story.now_s - self.FIRST_AGO_S) * 1000, int(time.time()) * 1000)

    def close(self) -> None:
        return
