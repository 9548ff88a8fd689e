"""Pushing to real servers: InfluxDB 1.6 as it is, behind the 2.x front, and VictoriaMetrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from config.schema import InfluxSettings
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tests.storage.hosts import snapshot, target
from tests.storage.influx.real import drained, execute, push, recently, rows, settings
from tests.support.wait import wait_until
from tools.servers.influx import Influxd, InfluxV2Front, VictoriaMetrics

pytestmark = pytest.mark.influxdb

HOSTILE = ["web, two=2", 'qu"ote', "back\\", "slash\\,comma", "per%cent", "münster ☃", "line\nbreak", "-", "a'b", "$x"]


def ticks(seconds: int, start: int) -> list[object]:
    return [
        snapshot(start + second * 1000, {"a" * 64: {"pids": second, "cpu_usage_cores": second / 10000}})
        for second in range(seconds)
    ]


def test_a_url_alone_pushes_to_influxdb_1(influxdb: Influxd, database: str, tmp_path: Path) -> None:
    start = recently()
    sender = push(settings(influxdb.url, database), tmp_path, ticks(120, start))  # type: ignore[arg-type]
    assert sender.state()[0] == "ok"
    found = rows(influxdb.url, database, 'SELECT "pids", "cpu_usage_cores" FROM "container"')
    assert found == [[start + s * 1000, s, s / 10000] for s in range(120)]
    assert sender.counters()["lines_rejected"] == 0


def test_a_wrong_token_keeps_all_lines(influx_v2_front: InfluxV2Front, database: str, tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, 1 << 30)
    sender = Sender(settings(influx_v2_front.url, database, token="wrong", org="any"), spool)
    spool.append(ticks(1, recently())[0])  # type: ignore[arg-type]
    waiting = spool.size_bytes()
    assert sender.job(0) > 0
    assert sender.state()[0] == "degraded"
    assert "store.influxdb.token" in sender.state()[1]
    assert spool.size_bytes() == waiting
    sender.close()
    spool.close()


@dataclass(frozen=True)
class Place:
    """A server to write to; ``stored()``: what it has of the metric ``pids``, as (ms, value)."""

    settings: InfluxSettings
    said: str
    """What the sender calls it."""
    stored: Callable[[], list[tuple[int, float]]]


@pytest.fixture(params=["InfluxDB 1.6", "2.x front", "VictoriaMetrics"])
def place(request: pytest.FixtureRequest, database: str) -> Place:
    if request.param == "VictoriaMetrics":
        victoria: VictoriaMetrics = request.getfixturevalue("victoriametrics")
        return Place(settings(victoria.url, database), "VictoriaMetrics", lambda: exported(victoria.url, database))
    influxdb: Influxd = request.getfixturevalue("influxdb")

    def stored() -> list[tuple[int, float]]:
        return [(int(r[0]), float(r[1])) for r in rows(influxdb.url, database, 'SELECT "pids" FROM "container"')]  # type: ignore[call-overload, arg-type]

    if request.param == "InfluxDB 1.6":
        return Place(settings(influxdb.url, database), "InfluxDB 1.6", stored)
    front: InfluxV2Front = request.getfixturevalue("influx_v2_front")
    execute(influxdb.url, f'CREATE DATABASE "{database}"')
    return Place(settings(front.url, database, token=front.token, org="any"), "2.7.12", stored)


def exported(url: str, database: str) -> list[tuple[int, float]]:
    """What VictoriaMetrics has, once it shows it."""
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", "/internal/force_flush")
    connection.getresponse().read()
    query = urlencode({"match[]": f'container_pids{{db="{database}",host="web-1"}}'})
    connection.request("GET", f"/api/v1/export?{query}")
    body = connection.getresponse().read()
    connection.close()
    series = json.loads(body) if body else {"timestamps": [], "values": []}
    return list(zip(series["timestamps"], series["values"], strict=True))


def test_every_second_arrives_once_wherever_it_is_written(place: Place, tmp_path: Path) -> None:
    start = recently()
    sender = push(place.settings, tmp_path, ticks(60, start))  # type: ignore[arg-type]
    assert sender.state()[0] == "ok"
    assert place.said in sender.state()[1]
    assert sender.counters()["lines_rejected"] == 0
    expected = [(start + s * 1000, float(s)) for s in range(60)]
    assert wait_until(lambda: place.stored() or None, 10, "the points are there") == expected


def test_a_batch_cut_small_is_the_same_points(place: Place, tmp_path: Path) -> None:
    start = recently()
    push(replace(place.settings, batch_lines=7), tmp_path, ticks(30, start))  # type: ignore[arg-type]
    expected = [(start + s * 1000, float(s)) for s in range(30)]
    assert wait_until(lambda: place.stored() or None, 10, "the points are there") == expected


def test_hostile_names_arrive_as_they_are(influxdb: Influxd, database: str, tmp_path: Path) -> None:
    start = recently()
    targets = {f"{n:064x}": target(f"{n:064x}", name, service=name) for n, name in enumerate(HOSTILE)}
    tick = snapshot(
        start,
        {key: {"pids": n, 'host_disk_used_ratio{/m, n=\\ "o"}': 0.5} for n, key in enumerate(targets)},
        targets=targets,
    )
    sender = push(settings(influxdb.url, database), tmp_path, [tick])
    assert sender.counters()["lines_rejected"] == 0
    found = rows(influxdb.url, database, 'SELECT "pids", "container" FROM "container"')
    stored = {str(row[2]): row[1] for row in found}
    plain = {name: n for n, name in enumerate(HOSTILE) if name not in ("back\\", "slash\\,comma", "line\nbreak")}
    assert stored == {**plain, "back/": 2, "slash/,comma": 3, "line?break": 6}


def test_a_type_conflict_costs_the_lines_it_concerns(influxdb: Influxd, database: str, tmp_path: Path) -> None:
    execute(influxdb.url, f'CREATE DATABASE "{database}"')
    connection = HTTPConnection(urlsplit(influxdb.url).netloc)
    connection.request("POST", f"/write?db={database}", b"host,host=other pids=1i")
    assert connection.getresponse().status == 204
    connection.close()
    start = recently()
    tick = snapshot(start, {"a" * 64: {"pids": 5}}, host_values={"pids": 7.0})
    sender = push(settings(influxdb.url, database), tmp_path, [tick])
    assert rows(influxdb.url, database, 'SELECT "pids" FROM "container"') == [[start, 5]]
    assert sender.counters()["lines_rejected"] == 1
    assert "field type conflict" in (tmp_path / "dead_letters.lp").read_text()


def test_user_and_password_of_influxdb_1(influxdb_with_auth: Influxd, database: str, tmp_path: Path) -> None:
    execute(influxdb_with_auth.url, "CREATE USER boss WITH PASSWORD 'pw:1' WITH ALL PRIVILEGES")
    spool = DiskSpool(tmp_path, 1 << 30)
    spool.append(ticks(1, recently())[0])  # type: ignore[arg-type]
    stranger = Sender(settings(influxdb_with_auth.url, database, token="boss:wrong"), spool)
    assert stranger.job(0) > 0
    assert "store.influxdb.token" in stranger.state()[1]
    stranger.close()
    sender = Sender(settings(influxdb_with_auth.url, database, token="boss:pw:1"), spool)
    wait_until(lambda: drained(sender, spool), 10, "the lines are taken")
    assert sender.state()[0] == "ok"
    sender.close()
    spool.close()


def test_without_the_right_to_make_the_database_one_line_says_how(
    influxdb_with_auth: Influxd, database: str, tmp_path: Path
) -> None:
    execute(influxdb_with_auth.url, "CREATE USER boss WITH PASSWORD 'pw' WITH ALL PRIVILEGES")
    execute(influxdb_with_auth.url, "CREATE USER me WITH PASSWORD 'pw'", u="boss", p="pw")
    spool = DiskSpool(tmp_path, 1 << 30)
    spool.append(ticks(1, recently())[0])  # type: ignore[arg-type]
    sender = Sender(settings(influxdb_with_auth.url, database, token="me:pw"), spool)
    assert sender.job(0) > 0
    state, detail = sender.state()
    assert state == "degraded"
    assert f"run: influx -execute 'CREATE DATABASE \"{database}\"'" in detail
    assert "\n" not in detail
    sender.close()
    spool.close()
