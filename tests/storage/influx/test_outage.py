"""InfluxDB goes away and comes back; we are killed; nothing is lost and nothing is there twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.influx import server as server_module
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tests.storage.hosts import host, snapshot
from tests.storage.influx.real import drained, recently, rows, settings
from tests.support.wait import wait_until
from tools.servers.influx import Influxd

pytestmark = pytest.mark.influxdb


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DiskSpool]:
    spool = DiskSpool(tmp_path / "spool", 1 << 30)
    yield spool
    spool.close()


@pytest.fixture
def sender(influxdb: Influxd, database: str, spool: DiskSpool) -> Iterator[Sender]:
    sender = Sender(settings(influxdb.url, database), spool)
    yield sender
    sender.close()


def append(spool: DiskSpool, start: int, seconds: range) -> None:
    for second in seconds:
        values = {f"{n:064x}": {"pids": second, "cpu_usage_cores": n / 100} for n in range(5)}
        spool.append(snapshot(start + second * 1000, values))


def per_second(influxdb: Influxd, database: str, start: int, seconds: int) -> list[object]:
    """How many points each second has, over all containers."""
    end = start + seconds * 1000
    query = (
        f'SELECT count("pids") FROM "container" WHERE time >= {start}ms AND time < {end}ms GROUP BY time(1s) fill(0)'
    )
    return [row[1] for row in rows(influxdb.url, database, query)]


def test_away_for_a_minute(influxdb: Influxd, database: str, spool: DiskSpool, sender: Sender) -> None:
    start = recently()
    append(spool, start, range(20))
    wait_until(lambda: drained(sender, spool), 20, "the first seconds are sent")
    influxdb.stop()
    for second in range(20, 80):
        append(spool, start, range(second, second + 1))
        assert 0 < sender.job(0) <= 10
    state, detail = sender.state()
    assert state == "down"
    assert "wait in the spool" in detail
    influxdb.start()
    append(spool, start, range(80, 100))
    wait_until(lambda: drained(sender, spool), 20, "all is sent")
    assert per_second(influxdb, database, start, 100) == [5] * 100
    assert sender.state()[0] == "ok"
    assert sender.counters()["lines_rejected"] == sender.counters()["lines_dropped"] == 0


def test_kill_9_of_the_server_while_it_writes(influxdb: Influxd, database: str, spool: DiskSpool) -> None:
    sender = Sender(settings(influxdb.url, database, batch_lines=50), spool)
    start = recently()
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            stop.wait(min(sender.job(0), 0.05))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for first in (0, 200, 400):
            accepted = sender.counters()["lines_accepted"]
            append(spool, start, range(first, first + 200))
            wait_until(lambda seen=accepted: sender.counters()["lines_accepted"] > seen, 20, "some of it is sent")
            influxdb.kill()
            assert spool.size_bytes() > 0, "all was sent before the kill: this shows nothing"
            influxdb.start()
        wait_until(lambda: spool.size_bytes() == 0, 30, "all is sent")
    finally:
        stop.set()
        thread.join()
        sender.close()
    assert per_second(influxdb, database, start, 600) == [5] * 600


def test_a_write_that_timed_out_and_was_done_all_the_same(
    influxdb: Influxd, database: str, spool: DiskSpool, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = recently()
    append(spool, start, range(10))
    wait_until(lambda: drained(sender, spool), 20, "the server is known")
    monkeypatch.setattr(server_module, "WRITE_S", 0.3)
    append(spool, start, range(10, 20))
    influxdb.freeze()
    assert sender.job(0) > 0
    assert "timed out" in sender.state()[1].lower()
    influxdb.start()
    wait_until(lambda: drained(sender, spool), 20, "all is sent")
    assert per_second(influxdb, database, start, 20) == [5] * 20


AGENT = """
import sys
from pathlib import Path
from config.schema import InfluxSettings
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tests.storage.hosts import snapshot
folder, url, database, start, first = sys.argv[1:]
spool = DiskSpool(Path(folder), 1 << 30)
sender = Sender(InfluxSettings(url=url, bucket=database, batch_lines=40), spool)
for second in range(int(first), 100_000):
    values = {f"{n:064x}": {"pids": second, "cpu_usage_cores": n / 100} for n in range(5)}
    spool.append(snapshot(int(start) + second * 1000, values))
    print(second, flush=True)
    if second % 10 == 9:
        sender.job(0)
"""


def test_kill_9_of_the_agent_while_it_sends(influxdb: Influxd, database: str, tmp_path: Path) -> None:
    start = recently()
    folder = tmp_path / "spool"
    appended = -1
    for length in (25, 60, 33):
        arguments = [str(folder), influxdb.url, database, str(start), str(appended + 1)]
        child = subprocess.Popen(
            [sys.executable, "-c", AGENT, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(length)]
        child.kill()
        said += child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        appended = int([line for line in said if line.strip()][-1])
    spool = DiskSpool(folder, 1 << 30)
    sender = Sender(settings(influxdb.url, database), spool)
    wait_until(lambda: drained(sender, spool), 20, "what was left is sent")
    sender.close()
    spool.close()
    assert per_second(influxdb, database, start, appended + 1) == [5] * (appended + 1)


def test_hours_without_the_server_come_out_whole(influxdb: Influxd, database: str, spool: DiskSpool) -> None:
    """Half an hour of 20 containers, spooled at once while nothing answers; live seconds do not wait for it."""
    influxdb.stop()
    sender = Sender(settings(influxdb.url, database), spool)
    assert sender.job(0) > 0
    count = 0
    for tick in host(20, 1800):
        spool.append(tick)
        count += len(tick.samples)
    assert sender.job(0) > 0
    influxdb.start()
    wait_until(lambda: drained(sender, spool), 60, "the back-fill is through")
    found = rows(influxdb.url, database, 'SELECT count("pids") FROM "container"')
    assert found[0][1] == count
    sender.close()
