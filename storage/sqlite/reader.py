"""Reader of ``series.db``: charts, containers, events; in any process and without the agent."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from model.errors import Malformed
from model.event import Event
from model.sample import HOST_KEY
from storage.api import KnownContainer, SeriesColumn, SeriesQuery, SeriesResult
from storage.grid import Filled, column, grid_of, is_summed, wanted
from storage.sqlite.buffer import KEY_EVERY
from storage.sqlite.connections import Connections
from storage.sqlite.documents import decode, decode_mapping
from storage.sqlite.ring import TickPlace, blobs, newest_ms, ticks
from storage.sqlite.scan import FOREVER, Kept, Scan, Slot
from storage.sqlite.sealing import latest_sealed, sealed_end
from storage.sqlite.shapes import scale_of
from storage.sqlite.tail import TailReader, TailRow
from storage.sqlite.tiers import SECOND, TIERS


@dataclass(frozen=True, slots=True)
class Known:
    """A row of the table ``series``."""

    id: int
    host: str
    key: str
    name: str
    service: str | None
    first_ms: int


class SqliteSeriesReader:
    """:class:`storage.api.SeriesReader`; the file may not exist yet. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._connections = Connections(path, "series")
        self._kept: tuple[int, Kept] = 0, Kept()

    def query(self, query: SeriesQuery) -> SeriesResult:
        answer = self._connections.read_file(lambda c, inode: _answer(c, query, self._of_file(inode)))
        if answer is None:
            grid = grid_of(query, SECOND)
            return SeriesResult(grid.t0_ms, grid.step_ms, ())
        return answer

    def _of_file(self, inode: int) -> Kept:
        """What is remembered of this file; nothing of another one."""
        kept_inode, kept = self._kept
        if inode != kept_inode:
            kept = Kept()
            self._kept = inode, kept
        return kept

    def hosts(self) -> tuple[str, ...]:
        rows = self._connections.read(lambda c: c.execute("SELECT DISTINCT host FROM series ORDER BY host").fetchall())
        return tuple(host for (host,) in rows or ())

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        del metrics  # the others lie in the same row
        return self._connections.read(lambda c: _containers(c, seen_since_ms)) or ()

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
        conditions, values = ["id > ?"], [after_id, since_ms, until_ms, container_id, *kinds]
        for text, value in (("at_ms >= ?", since_ms), ("at_ms < ?", until_ms), ("container_id = ?", container_id)):
            if value is not None:
                conditions.append(text)
        if kinds:
            conditions.append(f"kind IN ({','.join('?' * len(kinds))})")
        sql = (
            "SELECT at_ms, kind, host, container_id, name, service, detail, id FROM event "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?"
        )
        bound = [v for v in values if v is not None]
        rows = self._connections.read(lambda c: c.execute(sql, (*bound, limit)).fetchall()) or ()
        return tuple(_event(row) for row in rows)

    def span(self) -> tuple[int, int] | None:
        return self._connections.read(_span)

    def close(self) -> None:
        self._connections.close()


def _event(row: tuple[int, str, str, str, str, str | None, bytes, int]) -> Event:
    at_ms, kind, host, container_id, name, service, detail, number = row
    return Event(at_ms, kind, host, container_id, name, service, decode_mapping(detail), number)


def _answer(c: sqlite3.Connection, query: SeriesQuery, kept: Kept) -> SeriesResult:
    there = ticks(c)
    grid = grid_of(query, _tick_ms(there), _raw_since(c) if query.step_ms is None else None)
    metrics = [
        (number, name, scale)
        for number, name, scale in c.execute("SELECT id, name, scale FROM metric ORDER BY id")
        if wanted(name, query.metrics)
    ]
    targets = _targets(c, query)
    if not grid.count or not metrics or not targets:
        return SeriesResult(grid.t0_ms, grid.step_ms, ())
    groups: dict[str, list[Known]] = {}
    for target in targets:
        joined = query.join_service and target.service
        groups.setdefault(f"{target.host}\0{target.service if joined else target.key}", []).append(target)
    filled: dict[tuple[str, str], Filled] = {}
    series: dict[int, Mapping[int, Slot]] = {}
    for group, members in groups.items():
        for name in dict.fromkeys(name for _, name, _ in metrics):
            filled[group, name] = Filled(grid, summed=is_summed(name), mixed=len(members) > 1)
        for member in members:
            series[member.id] = {
                number: Slot(filled[group, name], (scale_of(name) or scale) / scale) for number, name, scale in metrics
            }
    Scan(c, grid, there, kept).fill(series, {target.id: target.first_ms for target in targets})
    return SeriesResult(grid.t0_ms, grid.step_ms, tuple(_columns(groups, filled)))


def _columns(groups: Mapping[str, Sequence[Known]], filled: Mapping[tuple[str, str], Filled]) -> list[SeriesColumn]:
    found = []
    for (group, metric), one in filled.items():
        lists = one.lists(scale_of(metric) or 1)
        if lists is not None:
            newest = max(groups[group], key=lambda k: (k.first_ms, k.id))
            found.append(column(newest.host, newest.key, newest.name, metric, lists))
    return sorted(found, key=lambda s: (s.host, s.name, s.container))


def _targets(c: sqlite3.Connection, query: SeriesQuery) -> list[Known]:
    conditions, values = ["key = ''" if query.of_host else "key != ''"], list[str]()
    if query.host is not None:
        conditions.append("host = ?")
        values.append(query.host)
    chosen = {"key": query.containers, "service": query.services, "grp": query.groups}
    if not query.of_host and any(chosen.values()):
        parts = [f"{name} IN ({','.join('?' * len(some))})" for name, some in chosen.items() if some]
        conditions.append(f"({' OR '.join(parts)})")
        values.extend(text for some in chosen.values() for text in some)
    rows = c.execute(
        f"SELECT id, host, key, name, service, first_ms FROM series WHERE {' AND '.join(conditions)} "  # noqa: S608
        "AND first_ms < ? AND (latest = '' OR last_ms >= ?) ORDER BY id",
        (*values, query.until_ms, query.since_ms - (query.step_ms or 0)),
    )
    return [Known(*row) for row in rows]


def _tick_ms(there: Sequence[TickPlace]) -> int:
    """Time between two ticks, as the last ones were."""
    return min((b.at_ms - a.at_ms for a, b in pairwise(there[-16:]) if b.at_ms > a.at_ms), default=SECOND)


def _raw_since(c: sqlite3.Connection) -> int | None:
    """The first second that is still kept as such; None where nothing was ever rolled up."""
    oldest = [_first(c, tier.table) for tier in TIERS]
    raw = oldest[0]
    if raw is None or all(t is None or t + max(tier.step_ms, 1) > raw for t, tier in zip(oldest, TIERS, strict=True)):
        return None
    return raw


def _first(c: sqlite3.Connection, table: str) -> int | None:
    row = c.execute(f"SELECT t0_ms FROM {table} ORDER BY id LIMIT 1").fetchone()  # noqa: S608
    return None if row is None else int(row[0])


def _span(c: sqlite3.Connection) -> tuple[int, int] | None:
    newest = newest_ms(c)
    (oldest,) = c.execute("SELECT min(at_ms) FROM tail").fetchone()
    first = [t for tier in TIERS if (t := _first(c, tier.table)) is not None]
    if oldest is None and not first:
        return None
    raw = _raw_since(c)
    if raw is None:  # a bucket begins before its first second
        first = [t for t in (_first(c, TIERS[0].table),) if t is not None] or first
    start = min([*first, oldest] if oldest is not None else first)
    if newest is None:
        ends = (
            c.execute(f"SELECT max(end_ms) FROM {tier.table}").fetchone()[0]  # noqa: S608
            for tier in TIERS
        )
        newest = (
            next((end for end in ends if end), 1) - 1
        )  # of the finest there is: a bucket ends after its last second
    return start, newest


def _containers(c: sqlite3.Connection, seen_since_ms: int | None) -> tuple[KnownContainer, ...]:
    names = {number: (name, scale) for number, name, scale in c.execute("SELECT id, name, scale FROM metric")}
    rows = c.execute(
        "SELECT id, host, key, name, runtime, image, grp, service, first_ms, last_ms, latest FROM series "
        "WHERE key != ? ORDER BY id",
        (HOST_KEY,),
    ).fetchall()
    open_ones = {row[0] for row in rows if not row[10]}
    there = ticks(c)
    last_rows = _last_rows(c, there[-KEY_EVERY - 1 :])
    if not open_ones <= last_rows.keys():
        last_rows = _last_rows(c, there)
    found = []
    for number, host, key, name, runtime, image, group, service, first_ms, last_ms, latest in rows:
        last, values = last_ms, dict[str, float]()
        if not latest and number in last_rows:
            last, row = last_rows[number]
            values = {names[m][0]: v / names[m][1] for m, v in zip(*row, strict=True) if m in names}
        elif not latest:
            last, values = (sealed_end(c, number, 0, FOREVER) or last_ms + 1) - 1, latest_sealed(c, number)
        elif seen_since_ms is None or last_ms >= seen_since_ms:
            values = decode(latest, dict[str, float])
        if seen_since_ms is None or last >= seen_since_ms:
            found.append(KnownContainer(key, host, name, runtime, image, group, service, first_ms, last, values))
    return tuple(found)


def _last_rows(c: sqlite3.Connection, there: Sequence[TickPlace]) -> dict[int, tuple[int, TailRow]]:
    """When each series was seen last in these ticks, and with what; damaged ticks are left out."""
    reader = TailReader()
    found: dict[int, tuple[int, TailRow]] = {}
    for _, at_ms, blob in blobs(c, there):
        with suppress(Malformed):
            found.update((series, (at_ms, row)) for series, row in reader.read(blob).items())
    return found
