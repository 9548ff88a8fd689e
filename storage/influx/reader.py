"""Reading back: the series contract over InfluxQL, for the history of every host that pushes here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from config.schema import InfluxSettings
from model.event import Event
from storage.api import KnownContainer, SeriesQuery, SeriesResult
from storage.grid import grid_of, wanted
from storage.influx import influxql as ql
from storage.influx.columns import Columns, Owner, Who
from storage.influx.dialect import Kind
from storage.influx.events import event_query, events_of
from storage.influx.known import known_containers
from storage.influx.line import INFO_EVERY_MS
from storage.influx.lives import FOREVER, INFO, TAGS, Life, Lives, lives
from storage.influx.rollups import SUFFIXES
from storage.influx.server import Server, Table

INFO_SLACK_MS: Final = INFO_EVERY_MS + 30_000
METRICS_AT_ONCE: Final = 6
"""Four columns each, in one URL."""
SETTLED_MS: Final = 15_000
"""A bucket that ended so long ago is on the server, where the push is not behind."""
ALWAYS: Final = ("cpu_usage_cores", "memory_usage_bytes")
"""What every container has in every tick: the newest row is looked for by these too."""
ENDED_AT_MOST: Final = 50
"""Replaced containers whose last values are looked up one by one; older ones are listed without."""


class InfluxReader:
    """:class:`storage.api.SeriesReader` over ``/query``. Thread-safe; nothing is asked before it is needed.

    Raises :class:`model.errors.StoreError` when the server does not answer; a database that does not exist
    yet is an empty one.
    """

    def __init__(self, settings: InfluxSettings) -> None:
        self._server = Server(settings)

    def query(self, query: SeriesQuery) -> SeriesResult:
        """As the contract says. A bucket in which a name changed its container counts for whom it was longer."""
        grid = grid_of(query, self._interval_ms(query))
        columns = Columns(grid, bucketed=not grid.raw or (query.join_service and not query.of_host))
        if grid.count and query.metrics:
            if query.of_host:
                self._fill_hosts(query, columns)
            else:
                self._fill_containers(query, columns)
        return SeriesResult(grid.t0_ms, grid.step_ms, columns.result())

    def hosts(self) -> tuple[str, ...]:
        now = _now_ms()
        found = self._server.query(
            f'SHOW TAG VALUES FROM "host_info" WITH KEY = "host" WHERE time >= {now - self._lookback_ms()}ms'
        )
        return tuple(sorted({str(row[-1]) for table in found for row in table.rows}))

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        """The server opens a cursor for each series and field: all of them take it five times as long as a few."""
        until = _now_ms() + INFO_EVERY_MS
        oldest = until - self._lookback_ms()
        since = oldest if seen_since_ms is None else seen_since_ms
        found = self._lives(min(oldest, since), until)
        fields = "*" if metrics is None else ql.raw_columns(sorted({*metrics, *ALWAYS}))
        last = self._server.query(
            ql.select(fields, "container", since, until, group_by=TAGS, tail="ORDER BY time DESC LIMIT 1")
        )
        ended = [life for life in found if life.end_ms < until and life.end_ms > since]
        for life in sorted(ended, key=lambda life: -life.end_ms)[:ENDED_AT_MOST]:
            last += self._server.query(
                ql.select(
                    fields,
                    "container",
                    max(since, life.start_ms),
                    life.end_ms,
                    where=ql.equal(host=life.host, container=life.tag),
                    group_by=TAGS,
                    tail="ORDER BY time DESC LIMIT 1",
                )
            )
        return known_containers(found, last, since)

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
        """Of all hosts. Ids are made of time and order, so that they grow and stay the same."""
        until = until_ms if until_ms is not None else _now_ms() + INFO_EVERY_MS
        since = since_ms if since_ms is not None else until - self._lookback_ms()
        text = event_query(since, until, container_id, kinds, after_id, limit)
        return events_of(self._server.query(text), after_id, limit)

    def span(self) -> tuple[int, int] | None:
        until = _now_ms() + INFO_EVERY_MS
        oldest = until - self._lookback_ms() if self._server.dialect().kind is Kind.V3 else 0

        def ends(column: str, measurement: str, order: str) -> list[int]:
            text = ql.select(column, measurement, oldest, until, tail=f"ORDER BY time {order} LIMIT 1")
            return [table.rows[0][0] for table in self._server.query(text) if table.rows]

        first = ends('"interval_s"', "host_info", "ASC")
        # a host that gives no figures of its own still has containers
        last = ends("*", "host", "DESC") or (ends("*", "container", "DESC") if first else [])
        return (min(first), max(last)) if first and last else None

    def close(self) -> None:
        self._server.close()

    def _lookback_ms(self) -> int:
        return self._server.dialect().lookback_ms

    def _interval_ms(self, query: SeriesQuery) -> int:
        """The shortest interval of the hosts in the range, as they say it every minute; else a second."""
        since = query.since_ms - INFO_SLACK_MS
        where = ql.equal(host=query.host) if query.host else ""
        found = self._server.query(
            ql.select('last("interval_s")', "host_info", since, query.until_ms, where=where, group_by=("host",))
        )
        seconds = [float(row[1]) for table in found for row in table.rows if row[1]]
        return max(1, round(min(seconds) * 1000)) if seconds else 1000

    def _lives(self, since_ms: int, until_ms: int, host: str | None = None) -> tuple[Life, ...]:
        where = ql.equal(host=host) if host else ""
        columns = ql.raw_columns(INFO)
        first = self._server.query(
            ql.select(
                columns,
                "container_info",
                since_ms,
                until_ms,
                where=where,
                group_by=TAGS,
                tail="ORDER BY time ASC LIMIT 1",
            )
        )
        began = self._server.query(
            ql.select(columns, "container_began", since_ms, until_ms, where=where, group_by=TAGS)
        )
        return lives(first, began)

    def _fill_hosts(self, query: SeriesQuery, columns: Columns) -> None:
        def owners(table: Table) -> Sequence[Owner]:
            host = table.tags.get("host", "")
            return (Owner(Who(host, "", host), 0, FOREVER),)

        where = ql.equal(host=query.host) if query.host else ""
        self._fill(query, columns, "host", self._host_fields(query.metrics), [where], ("host",), owners)

    def _fill_containers(self, query: SeriesQuery, columns: Columns) -> None:
        since, until = _range(query, columns)
        found = self._lives(since - INFO_SLACK_MS, until, query.host)
        found = tuple(life for life in found if life.end_ms > since)
        chosen = _chosen(query, found)
        if not chosen:
            return
        newest_first = sorted(chosen, key=lambda life: -life.start_ms)
        names = {(life.host, life.id): life.name for life in reversed(newest_first)}
        if query.join_service:
            newest = {(life.host, life.service): life for life in reversed(newest_first)}
            conditions = [ql.equal(host=host, service=service) for host, service in sorted(newest)]

            def of_service(table: Table) -> Sequence[Owner]:
                life = newest.get((table.tags.get("host", ""), table.tags.get("service", "")))
                return (Owner(Who(life.host, life.id, life.name), 0, FOREVER),) if life else ()

            owners: Callable[[Table], Sequence[Owner]] = of_service
            groups: tuple[str, ...] = ("host", "service")
        else:
            known = Lives(found)
            conditions = [ql.equal(host=h, container=c) for h, c in sorted({life.series for life in chosen})]

            def of_lives(table: Table) -> Sequence[Owner]:
                behind = known.of(table.tags.get("host", ""), table.tags.get("container", ""))
                return [
                    Owner(Who(life.host, life.id, name), life.start_ms if number else 0, life.end_ms)
                    for number, life in enumerate(behind)
                    if (name := names.get((life.host, life.id))) is not None
                ]

            owners, groups = of_lives, ("host", "container")
        everything = not (query.containers or query.services or query.groups)
        pieces = [ql.equal(host=query.host) if query.host else ""] if everything else list(ql.any_of(conditions))
        self._fill(query, columns, "container", query.metrics, pieces, groups, owners)

    def _fill(
        self,
        query: SeriesQuery,
        columns: Columns,
        measurement: str,
        metrics: Sequence[str],
        pieces: Sequence[str],
        groups: tuple[str, ...],
        owners: Callable[[Table], Sequence[Owner]],
    ) -> None:
        """Ask for all of it, each stretch of time of the widest roll-up that fits into the grid's buckets."""
        since, until = _range(query, columns)
        step = columns.grid.step_ms if columns.bucketed else None
        for start, end, widths in stretches(since, until, step, _now_ms()):
            for width in widths:
                what = (measurement + SUFFIXES.get(width, ""), start, end, bool(width))
                if self._fill_stretch(what, columns, metrics, pieces, groups, owners):
                    break

    def _fill_stretch(
        self,
        what: tuple[str, int, int, bool],
        columns: Columns,
        metrics: Sequence[str],
        pieces: Sequence[str],
        groups: tuple[str, ...],
        owners: Callable[[Table], Sequence[Owner]],
    ) -> bool:
        """Whether (measurement, since, until, rolled up) had anything at all."""
        measurement, since, until, rolled = what
        step = columns.grid.step_ms if columns.bucketed else None
        found = False
        for first in range(0, len(metrics), METRICS_AT_ONCE):
            part = metrics[first : first + METRICS_AT_ONCE]
            wanted_columns = ql.bucket_columns(part, rolled=rolled) if columns.bucketed else ql.raw_columns(part)
            for where in pieces:
                text = ql.select(wanted_columns, measurement, since, until, where=where, group_by=groups, step_ms=step)
                for table in self._server.query(text):
                    found = True
                    columns.add(table, part, owners(table))
        return found

    def _host_fields(self, metrics: tuple[str, ...]) -> tuple[str, ...]:
        """The metrics; one that has an instance a mount point stands for all its instances."""
        if not {"host_disk_used_ratio", "host_disk_inodes_used_ratio"}.intersection(metrics):
            return metrics
        fields = [str(row[0]) for table in self._server.query('SHOW FIELD KEYS FROM "host"') for row in table.rows]
        return tuple(name for name in sorted(fields) if wanted(name, metrics))


def stretches(
    since_ms: int, until_ms: int, step_ms: int | None, now_ms: int
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """What to ask where: (since, until, widths of roll-ups, widest first, 0 the seconds). Pure.

    A narrower one is asked where the wider has nothing. Buckets that may not be whole yet come from narrower ones
    and in the end from the seconds. The edges are multiples of the step, so that no bucket is counted twice.
    """
    widths = tuple(w for w in sorted(SUFFIXES, reverse=True) if step_ms is not None and step_ms % w == 0)
    start = since_ms
    for place, width in enumerate(widths):
        edge = (now_ms - width - SETTLED_MS) // (step_ms or 1) * (step_ms or 1)
        if edge > start:
            end = min(edge, until_ms)
            yield start, end, (*widths[place:], 0)
            start = end
        if start >= until_ms:
            return
    yield start, until_ms, (0,)


def _range(query: SeriesQuery, columns: Columns) -> tuple[int, int]:
    """What to ask the server for: buckets are whole, so that the range grows to their edges."""
    grid = columns.grid
    return (grid.t0_ms, grid.end_ms) if columns.bucketed else (query.since_ms, query.until_ms)


def _chosen(query: SeriesQuery, found: Sequence[Life]) -> tuple[Life, ...]:
    """The lives that the query names, by id, service or group; all of them where it names none."""
    chosen = [
        life
        for life in found
        if not (query.containers or query.services or query.groups)
        or life.id in query.containers
        or life.service in query.services
        or (life.group is not None and life.group in query.groups)
    ]
    if query.join_service:
        services = {(life.host, life.service) for life in chosen}
        chosen = [life for life in found if (life.host, life.service) in services]
    return tuple(chosen)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
