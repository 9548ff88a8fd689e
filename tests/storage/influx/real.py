"""What the tests against real servers share: pushing ticks as the agent does, and asking the server itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from config.schema import InfluxSettings
from model.sample import Snapshot
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tests.support.wait import wait_until


def recently(seconds_ago: int = 3600) -> int:
    """A whole minute some time ago, in ms: old enough that a test may fill the hour behind it."""
    now = time.time_ns() // 1_000_000_000 - seconds_ago
    return (now - now % 60) * 1000


def settings(url: str, database: str, **more: object) -> InfluxSettings:
    return InfluxSettings(url=url, bucket=database, **more)  # type: ignore[arg-type]


def drained(sender: Sender, spool: DiskSpool) -> bool:
    sender.job(0)
    return spool.size_bytes() == 0


def push(target: InfluxSettings, folder: Path, ticks: Iterable[Snapshot]) -> Sender:
    """Spool the ticks, send them all, and close; the sender for a look at its counters."""
    spool = DiskSpool(folder, 1 << 30)
    sender = Sender(target, spool)
    for tick in ticks:
        spool.append(tick)
    spool.finish()
    wait_until(lambda: drained(sender, spool), 30, f"all is sent ({sender.state()})")
    sender.close()
    spool.close()
    return sender


def ask(url: str, path: str, **parameters: str) -> object:
    """GET a JSON answer without any of our own code between."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", f"{path}?{urlencode(parameters)}")
        body = connection.getresponse().read()
    finally:
        connection.close()
    return json.loads(body) if body else None


def rows(url: str, database: str, query: str) -> list[list[object]]:
    """Rows of the first series of an InfluxQL answer; empty where there is none."""
    answer = ask(url, "/query", db=database, q=query, epoch="ms")
    assert isinstance(answer, dict)
    series = answer["results"][0].get("series") or [{"values": []}]
    return list(series[0]["values"])


def execute(url: str, statement: str, **parameters: str) -> None:
    """POST one InfluxQL statement; a failure fails the test."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("POST", f"/query?{urlencode({'q': statement, **parameters})}")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    assert answer.status == 200, body
    assert b'"error"' not in body, body
