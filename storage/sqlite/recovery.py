"""What the last process left in ``series.db``: the tail goes back into memory, nothing is lost."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from model.errors import Malformed
from storage.sqlite.buffer import Buffer
from storage.sqlite.documents import clean
from storage.sqlite.ring import Ring, TickPlace, blobs, ticks
from storage.sqlite.sealing import sealed_seq
from storage.sqlite.tail import TailReader
from storage.sqlite.tiers import RAW, first_edge

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Recovered:
    """What the writer begins with."""

    metrics: list[tuple[int, str, int]]
    next_series: int
    ring: Ring
    buffers: list[Buffer] = field(default_factory=list)


def recovered(c: sqlite3.Connection, host: str) -> Recovered:
    """Read the tail back; damaged ticks are logged and left out."""
    (next_series,) = c.execute("SELECT coalesce(max(id), 0) + 1 FROM series").fetchone()
    (sealed_to,) = c.execute("SELECT coalesce(max(tail_seq), 0) FROM chunk_1s").fetchone()
    rows = ticks(c)
    metrics = c.execute("SELECT id, name, scale FROM metric").fetchall()
    left = Recovered(metrics, next_series, Ring(rows, sealed_to))
    by_id = _tail(c, rows)
    for series, seen_ms in _unfinished(c, host):
        if series not in by_id:
            by_id[series] = known(c, series, seen_ms)
    left.buffers.extend(by_id.values())
    return left


def _tail(c: sqlite3.Connection, ticks_there: Sequence[TickPlace]) -> dict[int, Buffer]:
    reader = TailReader()
    by_id: dict[int, Buffer] = {}
    sealed_to: dict[int, int] = {}
    for seq, at_ms, blob in blobs(c, ticks_there):
        try:
            rows = reader.read(blob)
        except Malformed as e:
            log.error("the tick at %s is lost: %s", at_ms, e)
            continue
        for series, (metrics, row) in rows.items():
            if series not in by_id:
                by_id[series] = known(c, series, at_ms)
                sealed_to[series] = sealed_seq(c, series)
            buffer = by_id[series]
            buffer.seen_ms = at_ms
            if seq > sealed_to[series]:
                buffer.take(at_ms, metrics, row)
    for buffer in by_id.values():
        buffer.seal_ms = first_edge(buffer.times[0] if buffer.times else buffer.seen_ms, RAW, buffer.id)
    return by_id


def _unfinished(c: sqlite3.Connection, host: str) -> list[tuple[int, int]]:
    """Series that are sealed and out of the tail, but whose roll-ups were still being collected: (id, last seen)."""
    return c.execute(
        """SELECT id, (SELECT end_ms FROM chunk_1s WHERE series = s.id ORDER BY t0_ms DESC LIMIT 1) AS seen
           FROM series s WHERE host = ? AND latest = '' AND seen IS NOT NULL""",
        (clean(host),),
    ).fetchall()


def known(c: sqlite3.Connection, series: int, seen_ms: int) -> Buffer:
    """An empty buffer of a series that the file knows."""
    row = c.execute("SELECT key, name, runtime, image, grp, service FROM series WHERE id = ?", (series,)).fetchone()
    key, *_ = row = row or (f"lost-{series}", "", "", None, None, None)
    identity = (row[1], row[2], row[3], row[4], row[5])
    return Buffer(series, key, identity, first_edge(seen_ms, RAW, series), seen_ms, None)
