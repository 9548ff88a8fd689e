"""Events out of InfluxDB: the query and the way back from rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from model.event import Event
from storage.influx import influxql as ql
from storage.influx.fields import NOBODY
from storage.influx.server import Table

A_MILLISECOND: Final = 1000
"""Ids a millisecond: the id is ``at_ms · 1000`` and the order within it; it fits the integers of JSON."""


def event_query(
    since_ms: int, until_ms: int, container_id: str | None, kinds: Sequence[str], after_id: int, limit: int
) -> str:
    """SELECT of the events, some more than ``limit`` so that those behind ``after_id`` are among them."""
    conditions = []
    if container_id is not None:
        conditions.append(f"{ql.identifier('id')} = {ql.literal(container_id)}")
    if kinds:
        conditions.append("(" + " OR ".join(f"{ql.identifier('kind')} = {ql.literal(kind)}" for kind in kinds) + ")")
    since = max(since_ms, after_id // A_MILLISECOND)
    tail = f"ORDER BY time ASC LIMIT {limit + A_MILLISECOND}"
    return ql.select("*", "event", since, until_ms, where=" AND ".join(conditions), tail=tail)


def events_of(tables: Sequence[Table], after_id: int, limit: int) -> tuple[Event, ...]:
    """Oldest first; ids grow with time and are the same whenever the same moment is read whole."""
    rows = [dict(zip(table.columns, row, strict=False)) for table in tables for row in table.rows]
    rows.sort(key=lambda row: (row["time"], str(row.get("host")), str(row.get("container")), _number(row)))
    found: list[Event] = []
    moment, order = -1, 0
    for row in rows:
        order = order + 1 if row["time"] == moment else 0
        moment = row["time"]
        event = _event(row, moment * A_MILLISECOND + min(order, A_MILLISECOND - 1))
        if event.id > after_id:
            found.append(event)
    return tuple(found[:limit])


def _event(row: Mapping[str, Any], number: int) -> Event:
    tag = str(row.get("container") or NOBODY)
    name = str(row.get("name") or (tag if tag != NOBODY else ""))
    service = str(row.get("service") or NOBODY)
    return Event(
        at_ms=int(row["time"]),
        kind=str(row.get("kind") or ""),
        host=str(row.get("host") or ""),
        container_id=str(row.get("id") or ""),
        name=name,
        service=None if service == NOBODY else service,
        detail=_detail(row.get("detail")),
        id=number,
    )


def _detail(text: object) -> Mapping[str, object]:
    try:
        found = msgspec.json.decode(text) if isinstance(text, str) else {}
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(row: Mapping[str, Any]) -> int:
    text = str(row.get("n") or "0")
    return int(text) if text.isascii() and text.isdigit() else 0
