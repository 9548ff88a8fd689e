"""The sender against InfluxDB 3 Core, which stores a request whole or not at all and says why in ``error``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.schema import InfluxSettings
from storage.influx import server as server_module
from storage.influx.sender import RETRY_AT_MOST_S, Sender
from storage.influx.spool import DiskSpool
from tests.storage.hosts import START_MS, snapshot
from tests.support.influx_faults import HANG, RESET, STORED, Answer, FaultServer

UNAUTHORIZED = Answer(401, {"error": "the request was not authenticated"})
NO_DATABASE = Answer(404, {"error": "database not found: wharfinger"})
NO_PAGE = Answer(404, {"error": "not found"})
TOO_LARGE = Answer(413, {"error": "max request size (10485760 bytes) exceeded"})
TOO_MANY_COLUMNS = Answer(
    422, {"error": "update to schema would exceed number of columns per table limit of 500 columns"}
)
SLOW_DOWN = Answer(429, {"error": "too many requests"}, {"Retry-After": "4"})
UNAVAILABLE = Answer(503, {"error": "the write buffer is full"})


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DiskSpool]:
    spool = DiskSpool(tmp_path / "spool", 1 << 30)
    yield spool
    spool.close()


@pytest.fixture
def sender(fault_server: FaultServer, spool: DiskSpool) -> Iterator[Sender]:
    fault_server.version = "3.1.0"
    sender = Sender(InfluxSettings(url=fault_server.url, token="apiv3_secret"), spool)
    yield sender
    sender.close()


def fill(spool: DiskSpool, seconds: range) -> set[str]:
    """One container; the marks by which its seconds are known again."""
    for second in seconds:
        spool.append(snapshot(START_MS + second * 1000, {"a": {"pids": second}}))
    return {f" pids={second} " for second in seconds}


def run(sender: Sender) -> None:
    for _ in range(200):
        sender.job(0)
        if sender.counters()["spool_bytes"] == 0:
            return


def arrived(server: FaultServer) -> list[str]:
    return [f" {line.split(' ')[1]} " for line in server.accepted if line.startswith("container,")]


@pytest.mark.parametrize(
    ("answer", "state", "words", "pause"),
    [
        (UNAUTHORIZED, "degraded", ("not authenticated", "token"), 0.4),
        (NO_DATABASE, "degraded", ("influxdb3 create database 'wharfinger'",), 0.4),
        (NO_PAGE, "degraded", ("url",), 0.4),
        (SLOW_DOWN, "down", ("too many requests",), 3.2),
        (UNAVAILABLE, "down", ("the write buffer is full",), 0.4),
        (Answer(kind=RESET), "down", ("wait in the spool",), 0.4),
        (Answer(kind=HANG), "down", ("wait in the spool",), 0.4),
    ],
    ids=["401", "404 database", "404 page", "429", "503", "reset", "hang"],
)
def test_an_outage_loses_nothing(
    answer: Answer,
    state: str,
    words: tuple[str, ...],
    pause: float,
    fault_server: FaultServer,
    spool: DiskSpool,
    sender: Sender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "WRITE_S", 0.1)
    expected = fill(spool, range(20))
    fault_server.decide = lambda lines: answer
    pauses = [sender.job(0) for _ in range(3)]
    assert pause <= pauses[0]
    assert all(0 < each <= RETRY_AT_MOST_S for each in pauses)
    assert sender.state()[0] == state
    assert all(word in sender.state()[1] for word in words), sender.state()
    assert "secret" not in sender.state()[1]
    monkeypatch.setattr(server_module, "WRITE_S", 5.0)
    fault_server.decide = lambda lines: STORED
    expected |= fill(spool, range(20, 25))
    run(sender)
    found = arrived(fault_server)
    assert (set(found), len(found)) == (expected, len(expected))
    assert sender.state()[0] == "ok"
    assert "3.1.0" in sender.state()[1]
    assert sender.counters()["lines_rejected"] == 0
    assert fault_server.requests[-1][0] == "/api/v2/write"
    assert fault_server.authorization[-1] == "Token apiv3_secret"


def test_a_request_that_is_too_large_is_halved(fault_server: FaultServer, spool: DiskSpool, sender: Sender) -> None:
    expected = fill(spool, range(100))
    fault_server.decide = lambda lines: TOO_LARGE if len(lines) > 30 else STORED
    run(sender)
    assert sorted(arrived(fault_server)) == sorted(expected)
    assert sender.counters()["lines_rejected"] == 0


def test_a_422_stored_nothing_so_that_the_refused_line_is_looked_for(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender, tmp_path: Path
) -> None:
    expected = fill(spool, range(50))
    bad = " pids=17 "
    fault_server.decide = lambda lines: TOO_MANY_COLUMNS if any(bad in line for line in lines) else STORED
    run(sender)
    assert sorted(arrived(fault_server)) == sorted(expected - {bad})
    assert sender.counters()["lines_rejected"] == 1
    buried = (tmp_path / "spool" / "dead_letters.lp").read_text()
    assert bad in buried
    assert "500 columns" in buried
