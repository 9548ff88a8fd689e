"""What was seen, what was kept, what was sent: the books of a soak, compared."""

from __future__ import annotations

import json
import sqlite3
import statistics
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from alerts.outbox import Dispatcher
from daemon.link import ENCODER, FRAMES, Request, connect
from model.alert import Receiver
from model.errors import WharfingerError
from model.outside import rfc3339
from storage.api import SeriesQuery
from storage.factory import open_series_reader, open_state
from tests.alerts.storm import HalfFailing

HOST_METRIC, OWN_METRIC = "host_memory_available_bytes", "memory_usage_bytes"
RULE = "Busy"
RECEIVER = "webhook"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report. ``bar``: the most it may be; None: told, not judged."""

    name: str
    value: float
    bar: float | None
    help: str

    @property
    def ok(self) -> bool:
        return self.bar is None or self.value <= self.bar


class Watcher:
    """Sees every tick that the agent publishes, from the first to the last, over kills: ``ticks`` of the host and
    ``own`` of each of these containers."""

    def __init__(self, socket: Path, containers: Sequence[str]) -> None:
        self._socket = socket
        self.ticks: set[int] = set()
        self.own: dict[str, set[int]] = {key: set() for key in containers}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                stream = connect(self._socket)
            except WharfingerError:
                self._stop.wait(0.1)
                continue
            with stream:
                try:
                    stream.send_bytes(ENCODER.encode(Request("stream")))
                    while not self._stop.is_set():
                        if stream.poll(0.5):
                            self._see(stream.recv_bytes())
                except (EOFError, OSError, msgspec.MsgspecError):
                    continue

    def _see(self, data: bytes) -> None:
        frame = FRAMES.decode(data)
        self.ticks.add(frame.at_ms)
        for key, seen in self.own.items():
            if OWN_METRIC in frame.values.get(key, {}):
                seen.add(frame.at_ms)


def kept(path: Path, since_ms: int, until_ms: int, containers: Sequence[str] = ()) -> set[int]:
    """Milliseconds of every second that ``series.db`` has of the host, or of one container."""
    reader = open_series_reader(path)
    try:
        metric = OWN_METRIC if containers else HOST_METRIC
        query = SeriesQuery((metric,), since_ms, until_ms, tuple(containers), of_host=not containers, step_ms=1000)
        result = reader.query(query)
        values = result.series[0].avg if result.series else ()
        return {result.t0_ms + i * result.step_ms for i, value in enumerate(values) if value is not None}
    finally:
        reader.close()


def pushed(url: str, host: str) -> set[int]:
    """Milliseconds of every second of the host that InfluxDB has."""
    words = {"db": "wharfinger", "epoch": "ms", "q": f"SELECT {HOST_METRIC} FROM host WHERE host = '{host}'"}
    with urllib.request.urlopen(f"{url}/query?{urllib.parse.urlencode(words)}", timeout=60) as answer:
        (result,) = json.load(answer)["results"]
    return {row[0] for series in result.get("series", ()) for row in series["values"]}


def drain(path: Path, url: str, host: str, secret: str = "") -> None:
    """Deliver all that still waits, the hours of its retries passing as an argument."""
    state, receiver = open_state(path), Receiver(RECEIVER, "webhook", url, secret)
    dispatcher = Dispatcher(state, lambda: (receiver,), host)
    now_ms = time.time_ns() // 1_000_000
    for _ in range(24):
        now_ms += 3_600_000
        while dispatcher.deliver(RECEIVER, now_ms) == 0:
            pass
        if not state.undelivered():
            break
    dispatcher.close()
    state.close()


def alerts(path: Path, inbox: HalfFailing) -> dict[str, int]:
    """Transitions of our rule in the agent's history against what the receiver took."""
    told = set()
    for request, status in inbox.answers:
        if status == 200:
            (alert,) = request.json()["alerts"]
            told.add((alert["fingerprint"], alert["startsAt"], alert["status"]))
    state = open_state(path)
    history = state.alert_history(since_ms=0, limit=1_000_000)
    waiting = sum(state.undelivered().values())
    state.close()
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT alert_id, doc FROM notification WHERE state = 'dropped'").fetchall()
    dropped = {
        (alert_id, rfc3339(document["alert"]["started_at_ms"]), document["status"])
        for alert_id, document in ((alert_id, json.loads(doc)) for alert_id, doc in rows)
    }
    expected = {
        (t.alert.id, rfc3339(t.alert.started_at_ms or 0), t.alert.state.value)
        for t in history
        if t.alert.rule == RULE and t.alert.started_at_ms and t.alert.state.value in ("firing", "resolved")
    }
    return {"expected": len(expected), "lost": len(expected - told - dropped), "waiting": waiting}


def growth(rows: Sequence[tuple[float, int, int, int]], column: int) -> float:
    """By how many per cent the middle of the last quarter is above that of the second, over all processes. Pure.

    Processes that were just begun (their first 5 s) are left out: they have not yet what they need.
    """
    began: dict[int, float] = {}
    for second, pid, *_ in rows:
        began.setdefault(pid, second)
    settled = [row[column] for row in rows if row[0] - began[row[1]] >= 5]
    if len(settled) < 8:
        return 0.0
    quarter = len(settled) // 4
    early, late = statistics.median(settled[quarter : 2 * quarter]), statistics.median(settled[-quarter:])
    return round(100 * (late / early - 1), 1)


def wrong(originals: Mapping[str, tuple[object, ...]], now: Callable[[str], tuple[object, ...]]) -> int:
    """Containers whose limits, after the undo of everything, are not those that they were made with."""
    return sum(now(key) != original for key, original in originals.items())
