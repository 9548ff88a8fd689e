"""The Grafana dashboard for InfluxDB: a real InfluxDB that got our lines answers each of its queries."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import urllib.request
from typing import Any

from model.event import Event
from model.metrics import METRICS
from model.sample import Sample, Snapshot
from storage.influx.line import LineEncoder
from tests.alerts.story import target
from tests.support.boards import board, filled, panel_queries
from tools.servers.influx import Influxd

DATABASE = "grafana"
KEY = "a" * 64


def lines() -> list[str]:
    """Two minutes of one container with every metric, up to now, and an event."""
    encoder, now_s = LineEncoder(), int(time.time())
    made: list[str] = []
    of = {scope: {m.name: 0.5 for m in METRICS if m.scope in (scope, "both")} for scope in ("container", "host")}
    for second in range(now_s - 120, now_s):
        targets = {KEY: target(KEY, "crane")}
        samples = {KEY: Sample(of["container"])}
        made += encoder.snapshot(
            Snapshot(second * 1000, 1.0, "harbour", "v2", Sample(of["host"]), targets, samples, {})
        )
    event = Event(at_ms=now_s * 1000, kind="oom", host="harbour", container_id=KEY, name="crane", detail={})
    return made + encoder.events((event,))


def asked(server: Influxd, path: str, body: bytes | None = None, **words: str) -> Any:
    url = f"{server.url}/{path}?{urllib.parse.urlencode(words)}"
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=20) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def series(server: Influxd, query: str) -> list[Any]:
    (result,) = asked(server, "query", db=DATABASE, q=query)["results"]
    assert "error" not in result, (query, result)
    return list(result.get("series", []))


def test_every_query_finds_what_the_agent_pushes(influxdb: Influxd) -> None:
    asked(influxdb, "query", b"", q=f"CREATE DATABASE {DATABASE}")
    try:
        asked(influxdb, "write", "\n".join(lines()).encode(), db=DATABASE, precision="ms")
        empty = [title for title, query in panel_queries("influxdb", "query") if not series(influxdb, query)]
        assert empty == []
        for variable in board("influxdb")["templating"]["list"][1:]:
            assert series(influxdb, filled(variable["query"])), variable["name"]
        (events,) = board("influxdb")["annotations"]["list"]
        assert series(influxdb, filled(events["query"]))
    finally:
        asked(influxdb, "query", b"", q=f"DROP DATABASE {DATABASE}")


def test_every_field_is_in_the_catalogue() -> None:
    known = {m.name for m in METRICS}
    for title, query in panel_queries("influxdb", "query"):
        fields = {re.sub(r"_(sum|n)$", "", f) for f in re.findall(r'(?:mean|max|sum)\("(\w+)"\)', query)}
        assert fields, title
        assert fields <= known, title
