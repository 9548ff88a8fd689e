"""Reading back: the series contract over InfluxQL, for the history of every host that pushes here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from config.schema import InfluxSettings
from model.event import Event
from model.metrics import base_name
from storage.api import KnownContainer, SeriesQuery, SeriesResult
from storage.influx import influxql as ql
from storage.influx.columns import Columns, Grid, Who
from storage.influx.events import event_query, events_of
from storage.influx.known import known_containers
from storage.influx.line import INFO_EVERY_MS
from storage.influx.lives import INFO, TAGS, Life, Lives, lives
from storage.influx.server import Server, Table

LOOKBACK_MS: Final = 30 * 86_400_000
"""How far back hosts and containers are looked for when no range is given."""
INFO_SLACK_MS: Final = INFO_EVERY_MS + 30_000
METRICS_AT_ONCE: Final = 10
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
        interval = self._interval_ms(query)
        step = ql.step_of(query.since_ms, query.until_ms, query.step_ms, query.points, interval)
        if query.join_service and not query.of_host:
            step = step or interval
        grid = Grid.over(query.since_ms, query.until_ms, step or interval, raw=step is None)
        columns = Columns(grid)
        if query.until_ms > query.since_ms and query.metrics:
            if query.of_host:
                self._fill_hosts(query, columns)
            else:
                self._fill_containers(query, columns)
        return SeriesResult(grid.t0_ms, grid.step_ms, columns.result())

    def hosts(self) -> tuple[str, ...]:
        now = _now_ms()
        found = self._server.query(
            f'SHOW TAG VALUES FROM "host_info" WITH KEY = "host" WHERE time >= {now - LOOKBACK_MS}ms'
        )
        return tuple(sorted({str(row[-1]) for table in found for row in table.rows}))

    def containers(self, *, seen_since_ms: int | None = None) -> tuple[KnownContainer, ...]:
        until = _now_ms() + INFO_EVERY_MS
        oldest = until - LOOKBACK_MS
        since = oldest if seen_since_ms is None else seen_since_ms
        found = self._lives(min(oldest, since), until)
        last = self._server.query(
            ql.select("*", "container", since, until, group_by=TAGS, tail="ORDER BY time DESC LIMIT 1")
        )
        ended = [life for life in found if life.end_ms < until and life.end_ms > since]
        for life in sorted(ended, key=lambda life: -life.end_ms)[:ENDED_AT_MOST]:
            last += self._server.query(
                ql.select(
                    "*",
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
        since = since_ms if since_ms is not None else until - LOOKBACK_MS
        text = event_query(since, until, container_id, kinds, after_id, limit)
        return events_of(self._server.query(text), after_id, limit)

    def span(self) -> tuple[int, int] | None:
        until = _now_ms() + INFO_EVERY_MS
        ends = [
            [table.rows[0][0] for table in self._server.query(text) if table.rows]
            for text in (
                ql.select('"interval_s"', "host_info", 0, until, tail="ORDER BY time ASC LIMIT 1"),
                ql.select("*", "host", until - LOOKBACK_MS, until, tail="ORDER BY time DESC LIMIT 1"),
            )
        ]
        return (min(ends[0]), max(ends[1])) if all(ends) else None

    def close(self) -> None:
        self._server.close()

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
        def owner(table: Table, _at_ms: int) -> Who:
            host = table.tags.get("host", "")
            return Who(host, "", host)

        where = ql.equal(host=query.host) if query.host else ""
        self._fill(query, columns, "host", self._host_fields(query.metrics), [where], ("host",), owner)

    def _fill_containers(self, query: SeriesQuery, columns: Columns) -> None:
        found = self._lives(query.since_ms - INFO_SLACK_MS, query.until_ms, query.host)
        found = tuple(life for life in found if life.end_ms > query.since_ms)
        wanted = _wanted(query, found)
        if not wanted:
            return
        if query.join_service:
            newest = {(life.host, life.service): life for life in sorted(wanted, key=lambda life: life.start_ms)}
            conditions = [ql.equal(host=host, service=service) for host, service in sorted(newest)]

            def of_service(table: Table, _at_ms: int) -> Who | None:
                life = newest.get((table.tags.get("host", ""), table.tags.get("service", "")))
                return Who(life.host, life.id, life.name) if life else None

            owner: Callable[[Table, int], Who | None] = of_service
            groups: tuple[str, ...] = ("host", "service")
        else:
            known, ids = Lives(found), {(life.host, life.id) for life in wanted}
            conditions = [ql.equal(host=h, container=c) for h, c in sorted({life.series for life in wanted})]

            def of_life(table: Table, at_ms: int) -> Who | None:
                life = known.at(table.tags.get("host", ""), table.tags.get("container", ""), at_ms)
                return Who(life.host, life.id, life.name) if life and (life.host, life.id) in ids else None

            owner, groups = of_life, ("host", "container")
        everything = not (query.containers or query.services or query.groups)
        pieces = [ql.equal(host=query.host) if query.host else ""] if everything else list(ql.any_of(conditions))
        self._fill(query, columns, "container", query.metrics, pieces, groups, owner)

    def _fill(
        self,
        query: SeriesQuery,
        columns: Columns,
        measurement: str,
        metrics: Sequence[str],
        pieces: Sequence[str],
        groups: tuple[str, ...],
        owner: Callable[[Table, int], Who | None],
    ) -> None:
        grid = columns.grid
        for first in range(0, len(metrics), METRICS_AT_ONCE):
            part = metrics[first : first + METRICS_AT_ONCE]
            what = ql.raw_columns(part) if grid.raw else ql.bucket_columns(part)
            step = None if grid.raw else grid.step_ms
            for where in pieces:
                text = ql.select(
                    what, measurement, query.since_ms, query.until_ms, where=where, group_by=groups, step_ms=step
                )
                for table in self._server.query(text):
                    columns.add(table, part, owner)

    def _host_fields(self, metrics: Sequence[str]) -> tuple[str, ...]:
        """The metrics, and for one that has an instance a mount point all its instances."""
        if not any(metric == "host_disk_used_ratio" for metric in metrics):
            return tuple(metrics)
        fields = [str(row[0]) for table in self._server.query('SHOW FIELD KEYS FROM "host"') for row in table.rows]
        instances = [name for name in sorted(fields) if base_name(name) == "host_disk_used_ratio" and "{" in name]
        return tuple(m for metric in metrics for m in (instances if metric == "host_disk_used_ratio" else [metric]))


def _wanted(query: SeriesQuery, found: Sequence[Life]) -> tuple[Life, ...]:
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
