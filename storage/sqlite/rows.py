"""Rows of ``series.db`` that are neither ticks nor chunks: who is measured, and what happened."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from model.errors import StoreError
from model.event import Event
from storage.sqlite.buffer import Buffer
from storage.sqlite.documents import clean, encode

log = logging.getLogger(__name__)

EventRow = tuple[int, str, str, str, str, str | None, bytes]


def event_row(event: Event) -> EventRow:
    """What is kept of an event; a detail that JSON cannot hold is left out, the event is not."""
    try:
        detail = encode(dict(event.detail))
    except StoreError as e:
        log.warning("detail of a %s event of %r: %s", event.kind, event.name, e)
        detail = b"{}"
    return (
        event.at_ms,
        clean(event.kind),
        clean(event.host),
        clean(event.container_id),
        clean(event.name),
        None if event.service is None else clean(event.service),
        detail,
    )


def write_events(c: sqlite3.Connection, rows: Sequence[EventRow]) -> None:
    c.executemany(
        "INSERT INTO event (at_ms, kind, host, container_id, name, service, detail) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
    )


def write_series(c: sqlite3.Connection, buffer: Buffer, host: str, first_ms: int) -> None:
    """Insert, or bring up to date; the series counts as running."""
    name, runtime, image, group, service = (t if t is None else clean(t) for t in buffer.identity)
    c.execute(
        """INSERT INTO series (id, host, key, name, runtime, image, grp, service, first_ms, last_ms, latest)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, '')
           ON CONFLICT (id) DO UPDATE SET name = ?4, runtime = ?5, image = ?6, grp = ?7, service = ?8, latest = '',
               first_ms = min(first_ms, ?9)""",
        (buffer.id, clean(host), clean(buffer.key), name, runtime, image, group, service, first_ms),
    )
