"""The series stores under one contract: memory, SQLite, InfluxDB as it is and behind the write API of 2.x."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from model.event import Event
from model.sample import Snapshot
from storage.api import KnownContainer, SeriesQuery, SeriesResult
from storage.influx.reader import InfluxReader
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tests.storage.conftest import Store, opened
from tests.storage.influx.real import drained, execute, settings
from tests.support.wait import wait_until
from tools.servers.influx import Influxd, InfluxV2Front

Answer = TypeVar("Answer")


class Pushed:
    """Spool, sender and reader as one store: what was written is on the server before anything is read."""

    def __init__(self, url: str, database: str, folder: Path, **more: object) -> None:
        where = settings(url, database, **more)
        self._spool = DiskSpool(folder, 1 << 30)
        self._sender = Sender(where, self._spool)
        self._reader = InfluxReader(where)

    def append(self, snapshot: Snapshot) -> None:
        self._spool.append(snapshot)

    def record(self, events: Sequence[Event]) -> None:
        self._spool.record(events)

    def query(self, query: SeriesQuery) -> SeriesResult:
        return self._sent(lambda: self._reader.query(query))

    def hosts(self) -> tuple[str, ...]:
        return self._sent(self._reader.hosts)

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        return self._sent(lambda: self._reader.containers(seen_since_ms=seen_since_ms, metrics=metrics))

    def events(self, **asked: object) -> tuple[Event, ...]:
        return self._sent(lambda: self._reader.events(**asked))  # type: ignore[arg-type]

    def span(self) -> tuple[int, int] | None:
        return self._sent(self._reader.span)

    def close(self) -> None:
        self._reader.close()
        self._sender.close()
        self._spool.close()

    def _sent(self, ask: Callable[[], Answer]) -> Answer:
        self._spool.finish()
        wait_until(lambda: drained(self._sender, self._spool), 30, f"all is sent ({self._sender.state()})")
        return ask()


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("influxdb 1.6", marks=pytest.mark.influxdb),
        pytest.param("influxdb, 2.x front", marks=pytest.mark.influxdb),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if not request.param.startswith("influxdb"):
        yield from opened(request.param, tmp_path)
        return
    server: Influxd = request.getfixturevalue("influxdb")
    database: str = request.getfixturevalue("database")
    if request.param.endswith("front"):
        front: InfluxV2Front = request.getfixturevalue("influx_v2_front")
        execute(server.url, f'CREATE DATABASE "{database}"')
        pushed = Pushed(front.url, database, tmp_path / "spool", token=front.token, org="any")
    else:
        pushed = Pushed(server.url, database, tmp_path / "spool")
    yield Store(pushed, pushed)  # type: ignore[arg-type]
    pushed.close()
