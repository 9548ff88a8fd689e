"""Reading back from a real InfluxDB what was pushed: the series contract, for every host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from config.schema import InfluxSettings
from dashboard.api.combine import summed
from model.errors import StoreError
from model.event import Event
from model.sample import Snapshot
from storage.api import SeriesColumn, SeriesQuery, SeriesResult
from storage.influx.reader import InfluxReader
from tests.storage.hosts import snapshot, target
from tests.storage.influx.real import execute, push, recently, settings
from tests.support.influx_faults import FaultServer
from tools.servers.influx import Influxd, InfluxV2Front, VictoriaMetrics

pytestmark = pytest.mark.influxdb

WEB, WEB_NEW, DB = "1" * 64, "2" * 64, "3" * 64
METRICS = ("pids", "cpu_usage_cores")


class House:
    """A database, its reader, and a way to push ticks into it."""

    def __init__(self, url: str, database: str, folder: Path, **more: object) -> None:
        self.settings = settings(url, database, **more)
        self.reader = InfluxReader(self.settings)
        self.start = recently()
        self._folder = folder
        self._pushes = 0

    def push(self, ticks: list[Snapshot]) -> None:
        self._pushes += 1
        push(self.settings, self._folder / str(self._pushes), ticks)

    def tick(self, second: int, values: Mapping[str, Mapping[str, float]], **more: object) -> Snapshot:
        return snapshot(self.start + second * 1000, values, **more)  # type: ignore[arg-type]

    def ask(self, since: int, until: int, metrics: tuple[str, ...] = ("pids",), **more: object) -> SeriesResult:
        since_ms, until_ms = self.start + since * 1000, self.start + until * 1000
        return self.reader.query(SeriesQuery(metrics, since_ms, until_ms, **more))  # type: ignore[arg-type]


@pytest.fixture(params=["1.6 as it is", "2.x front"])
def house(request: pytest.FixtureRequest, influxdb: Influxd, database: str, tmp_path: Path) -> Iterator[House]:
    if request.param == "2.x front":
        front: InfluxV2Front = request.getfixturevalue("influx_v2_front")
        execute(influxdb.url, f'CREATE DATABASE "{database}"')
        built = House(front.url, database, tmp_path, token=front.token, org="any")
    else:
        built = House(influxdb.url, database, tmp_path)
    yield built
    built.reader.close()


@pytest.fixture
def plain(influxdb: Influxd, database: str, tmp_path: Path) -> Iterator[House]:
    built = House(influxdb.url, database, tmp_path)
    yield built
    built.reader.close()


def column(result: SeriesResult, metric: str, container: str, host: str = "web-1") -> SeriesColumn:
    (found,) = [s for s in result.series if (s.metric, s.container, s.host) == (metric, container, host)]
    return found


TARGETS = {WEB: target(WEB, "web"), DB: target(DB, "db", group="data")}


def test_raw_seconds_with_gaps(house: House) -> None:
    seconds = [s for s in range(60) if s not in (7, 8, 30)]
    house.push([house.tick(s, {WEB: {"pids": s, "cpu_usage_cores": s / 100}}, targets=TARGETS) for s in seconds])
    result = house.ask(5, 35, METRICS, containers=(WEB,))
    assert (result.t0_ms, result.step_ms) == (house.start + 5000, 1000)
    pids = column(result, "pids", WEB)
    assert list(pids.avg) == [None if s in (7, 8, 30) else s for s in range(5, 35)]
    assert pids.avg is pids.min is pids.max
    assert (pids.name, pids.unit) == ("web", "1")
    assert column(result, "cpu_usage_cores", WEB).avg[0] == 0.05


def test_buckets(house: House) -> None:
    house.push([house.tick(s, {WEB: {"pids": s}}, targets=TARGETS) for s in range(60) if not 20 <= s < 30])
    result = house.ask(0, 60, containers=(WEB,), step_ms=10_000)
    found = column(result, "pids", WEB)
    assert (result.t0_ms, result.step_ms) == (house.start, 10_000)
    assert list(found.avg) == [4.5, 14.5, None, 34.5, 44.5, 54.5]
    assert list(found.min) == [0, 10, None, 30, 40, 50]
    assert list(found.max) == [9, 19, None, 39, 49, 59]


def test_a_step_that_is_no_divisor_and_a_range_off_the_grid(plain: House) -> None:
    plain.push([plain.tick(s, {WEB: {"pids": 1}}, targets=TARGETS) for s in range(60)])
    result = plain.ask(5, 50, containers=(WEB,), step_ms=7000)
    assert result.t0_ms % 7000 == 0
    assert result.t0_ms <= plain.start + 5000 < result.t0_ms + 7000
    found = column(result, "pids", WEB)
    assert len(found.avg) == len(found.min) == -(-(plain.start + 50_000 - result.t0_ms) // 7000)
    assert set(found.avg) == {1}


def test_a_number_of_things_is_added_up(plain: House) -> None:
    plain.push([plain.tick(s, {WEB: {"memory_oom_kills": s % 2}}, targets=TARGETS) for s in range(20)])
    found = column(plain.ask(0, 20, ("memory_oom_kills",), step_ms=10_000), "memory_oom_kills", WEB)
    assert list(found.avg) == list(found.min) == list(found.max) == [5, 5]


def test_replicas_of_a_service_are_joined(plain: House) -> None:
    replicas = {WEB: target(WEB, "web-1", service="s/web"), DB: target(DB, "web-2", service="s/web")}
    plain.push([plain.tick(s, {WEB: {"pids": 10}, DB: {"pids": 20}}, targets=replicas) for s in range(5)])
    (found,) = plain.ask(0, 5, services=("s/web",), join_service=True).series
    assert (list(found.avg), list(found.min), list(found.max)) == ([15] * 5, [10] * 5, [20] * 5)


def test_points(plain: House) -> None:
    plain.push([plain.tick(s, {WEB: {"pids": s}}, targets=TARGETS) for s in range(300)])
    result = plain.ask(0, 300, containers=(WEB,), points=100)
    assert result.step_ms == 3000
    assert list(column(result, "pids", WEB).max) == [3 * i + 2 for i in range(100)]
    assert plain.ask(0, 50, containers=(WEB,), points=1000).step_ms == 1000


def test_another_interval(plain: House) -> None:
    plain.push([plain.tick(s, {WEB: {"pids": s}}, targets=TARGETS, interval_s=5.0) for s in range(0, 60, 5)])
    result = plain.ask(0, 60, containers=(WEB,))
    assert result.step_ms == 5000
    assert list(column(result, "pids", WEB).avg) == list(range(0, 60, 5))


def test_by_group_service_host_and_all(plain: House) -> None:
    plain.push([plain.tick(s, {WEB: {"pids": 1}, DB: {"pids": 2}}, targets=TARGETS) for s in range(5)])
    plain.push([plain.tick(s, {"x": {"pids": 3}}, host="web-2") for s in range(5)])

    def who(**more: object) -> set[tuple[str, str]]:
        return {(s.host, s.container) for s in plain.ask(0, 5, **more).series}

    assert who() == {("web-1", WEB), ("web-1", DB), ("web-2", "x")}
    assert who(host="web-1") == {("web-1", WEB), ("web-1", DB)}
    assert who(groups=("data",)) == {("web-1", DB)}
    assert who(services=("shop/web",)) == {("web-1", WEB)}
    assert who(containers=(WEB, "x")) == {("web-1", WEB), ("web-2", "x")}
    assert who(containers=("nobody",)) == set()
    assert who(host="nowhere") == set()
    assert plain.reader.hosts() == ("web-1", "web-2")


def test_a_group_is_summed_over_its_hosts(house: House) -> None:
    """Two hosts push seconds of one group, one of them with a gap; another group is no part of the sum."""
    members = {WEB: target(WEB, "web", group="shop"), DB: target(DB, "db", group="data")}
    house.push([house.tick(s, {WEB: {"pids": 10 + s}, DB: {"pids": 1000}}, targets=members) for s in range(20)])
    other = {WEB_NEW: target(WEB_NEW, "web", group="shop")}
    house.push(
        [house.tick(s, {WEB_NEW: {"pids": 100}}, targets=other, host="web-2") for s in range(20) if s not in (3, 4)]
    )
    (seconds,) = summed(house.ask(0, 20, groups=("shop",))).series
    assert list(seconds.avg) == [10 + s + (0 if s in (3, 4) else 100) for s in range(20)]
    assert (seconds.host, seconds.container, seconds.metric) == ("", "", "pids")
    (buckets,) = summed(house.ask(0, 20, groups=("shop",), step_ms=10_000)).series
    assert list(buckets.avg) == [114.5, 124.5]
    (one,) = summed(house.ask(0, 20, groups=("shop",), host="web-2", step_ms=10_000)).series
    assert (list(one.avg), one.host) == ([100, 100], "web-2")


def test_hosts_own_metrics_and_every_mount(house: House) -> None:
    disks = {"host_disk_used_ratio{/}": 0.25, "host_disk_used_ratio{/a b}": 0.5, "host_load_1m": 1.5}
    house.push([house.tick(s, {}, host_values=disks) for s in range(10)])
    result = house.ask(0, 10, ("host_load_1m", "host_disk_used_ratio"), of_host=True, step_ms=5000)
    assert {s.metric: list(s.avg) for s in result.series} == {name: [value] * 2 for name, value in disks.items()}
    assert {(s.host, s.container, s.name) for s in result.series} == {("web-1", "", "web-1")}
    one = house.ask(0, 10, ("host_disk_used_ratio{/a b}",), of_host=True, host="web-1")
    assert [s.metric for s in one.series] == ["host_disk_used_ratio{/a b}"]


def test_a_recreated_container_is_two_ids_behind_one_name(plain: House) -> None:
    old, new = target(WEB, "web"), target(WEB_NEW, "web", image="demo:2")
    ticks = [plain.tick(s, {WEB: {"pids": s}}, targets={WEB: old}) for s in range(100)]
    ticks += [plain.tick(s, {WEB_NEW: {"pids": s}}, targets={WEB_NEW: new}) for s in range(100, 200)]
    plain.push(ticks)
    result = plain.ask(90, 110)
    assert list(column(result, "pids", WEB).avg) == [*range(90, 100), *[None] * 10]
    assert list(column(result, "pids", WEB_NEW).avg) == [*[None] * 10, *range(100, 110)]
    only_old = plain.ask(90, 110, containers=(WEB,))
    assert [s.container for s in only_old.series] == [WEB]
    late = plain.ask(150, 160)
    assert [s.container for s in late.series] == [WEB_NEW]
    joined = plain.ask(90, 110, services=("shop/web",), join_service=True)
    assert list(column(joined, "pids", WEB_NEW).avg) == list(range(90, 110))
    by_id = plain.ask(90, 110, containers=(WEB,), join_service=True, step_ms=10_000)
    assert list(column(by_id, "pids", WEB_NEW).avg) == [94.5, 104.5]
    known = {k.id: k for k in plain.reader.containers()}
    assert set(known) == {WEB, WEB_NEW}
    assert (known[WEB].first_ms, known[WEB].last_ms) == (plain.start, plain.start + 99_000)
    assert (known[WEB].latest, known[WEB].image) == ({"pids": 99}, "demo:1")
    assert (known[WEB_NEW].first_ms, known[WEB_NEW].last_ms) == (plain.start + 100_000, plain.start + 199_000)
    assert (known[WEB_NEW].latest, known[WEB_NEW].image) == ({"pids": 199}, "demo:2")


def test_an_agent_that_was_restarted_changes_nothing(plain: House) -> None:
    plain.push([plain.tick(s, {WEB: {"pids": s}}, targets=TARGETS) for s in range(50)])
    plain.push([plain.tick(s, {WEB: {"pids": s}}, targets=TARGETS) for s in range(50, 100)])
    assert list(column(plain.ask(0, 100), "pids", WEB).avg) == list(range(100))
    (known,) = plain.reader.containers()
    assert (known.first_ms, known.last_ms) == (plain.start, plain.start + 99_000)


def test_a_renamed_container_is_one(plain: House) -> None:
    before, after = target(WEB, "web"), target(WEB, "front")
    ticks = [plain.tick(s, {WEB: {"pids": s}}, targets={WEB: before}) for s in range(10)]
    plain.push(ticks + [plain.tick(s, {WEB: {"pids": s}}, targets={WEB: after}) for s in range(10, 20)])
    (known,) = plain.reader.containers()
    assert (known.name, known.first_ms, known.last_ms) == ("front", plain.start, plain.start + 19_000)
    (found,) = plain.ask(0, 20, containers=(WEB,)).series
    assert (found.name, list(found.avg)) == ("front", list(range(20)))


def test_what_is_known_of_a_container(house: House) -> None:
    who = target(WEB, "web, 'the' \"best\"", image="demo:1", group="g", service="s/web")
    house.push([house.tick(s, {WEB: {"pids": s, "cpu_usage_cores": 0.5}}, targets={WEB: who}) for s in range(3)])
    (known,) = house.reader.containers()
    assert known.name == who.name
    assert (known.host, known.runtime, known.image, known.group, known.service) == (
        "web-1",
        "docker",
        "demo:1",
        "g",
        "s/web",
    )
    assert known.latest == {"pids": 2, "cpu_usage_cores": 0.5}
    assert house.reader.containers(seen_since_ms=house.start + 60_000) == ()
    assert [k.id for k in house.reader.containers(seen_since_ms=house.start + 2000)] == [WEB]
    assert list(column(house.ask(0, 3, containers=(WEB,)), "pids", WEB).avg) == [0, 1, 2]


def test_events_come_back(house: House) -> None:
    first = Event(house.start, "start", "web-1", WEB, "web", "shop/web")
    stop = Event(
        house.start + 500,
        "stop",
        "web-1",
        WEB,
        "web",
        "shop/web",
        {"exit_code": 137, "lived_s": 0.5, "oom_killed": True},
    )
    alerts = [Event(house.start + 900, "alert", "web-1", WEB, "web", None, {"rule": f'r"{n}\\'}) for n in range(3)]
    host_event = Event(house.start + 950, "alert", "web-1", "", "", None, {"rule": "disk"})
    ticks = [replace(house.tick(1, {WEB: {"pids": 1}}, targets=TARGETS), events=(first, stop, *alerts, host_event))]
    house.push(ticks)
    found = house.reader.events()
    assert [(e.kind, e.at_ms - house.start, e.container_id) for e in found] == [
        ("start", 0, WEB),
        ("stop", 500, WEB),
        ("alert", 900, WEB),
        ("alert", 900, WEB),
        ("alert", 900, WEB),
        ("alert", 950, ""),
    ]
    assert [e.detail for e in found[1:5]] == [stop.detail, *[a.detail for a in alerts]]
    assert (found[0].name, found[0].service, found[-1].name) == ("web", "shop/web", "")
    ids = [e.id for e in found]
    assert ids == sorted(set(ids))
    assert [e.id for e in house.reader.events(after_id=ids[2])] == ids[3:]
    assert [e.id for e in house.reader.events(limit=2)] == ids[:2]
    assert [e.kind for e in house.reader.events(kinds=("start", "stop"))] == ["start", "stop"]
    assert [e.kind for e in house.reader.events(container_id="")] == ["alert"]
    assert [e.kind for e in house.reader.events(since_ms=house.start + 1, until_ms=house.start + 501)] == ["stop"]


def test_span(house: House) -> None:
    assert house.reader.span() is None
    house.push([house.tick(s, {}, host_values={"host_load_1m": 1.0}) for s in range(90)])
    assert house.reader.span() == (house.start, house.start + 89_000)


def test_an_empty_database_is_empty(house: House) -> None:
    assert house.reader.hosts() == ()
    assert house.reader.containers() == ()
    assert house.reader.events() == ()
    assert house.ask(0, 10).series == ()
    assert house.ask(10, 10).series == ()
    assert house.ask(0, 10, of_host=True, metrics=("host_disk_used_ratio",)).series == ()


def test_many_containers_and_many_metrics_take_several_requests(plain: House) -> None:
    targets = {f"{n:064x}": target(f"{n:064x}", f"a-rather-long-name-of-a-container-{n}") for n in range(200)}
    names = tuple(f"metric_{n}" for n in range(25))
    values = {key: {name: n + m for m, name in enumerate(names)} for n, key in enumerate(targets)}
    plain.push([plain.tick(0, values, targets=targets)])
    wanted = tuple(key for n, key in enumerate(targets) if n % 2)
    result = plain.ask(0, 1, names, containers=wanted)
    found = {(s.container, s.metric): s.avg[0] for s in result.series}
    assert found == {(key, m): values[key][m] for key in wanted for m in names}


def test_a_metric_of_a_hostile_name_is_quoted(plain: House) -> None:
    plain.push([plain.tick(0, {WEB: {"pids": 1}}, targets=TARGETS)])
    assert plain.ask(0, 1, ('x" FROM "host"; DROP DATABASE "y" --',)).series == ()
    assert plain.ask(0, 1, host="' OR '1'='1").series == ()
    assert [s.container for s in plain.ask(0, 1).series] == [WEB]


def test_nobody_there_is_one_clear_line() -> None:
    reader = InfluxReader(InfluxSettings(url="http://user:pw@127.0.0.1:9/x"))
    with pytest.raises(StoreError) as caught:
        reader.hosts()
    assert "http://127.0.0.1:9/x" in str(caught.value)
    assert "pw" not in str(caught.value)
    reader.close()


def test_a_wrong_token_is_one_clear_line(influx_v2_front: InfluxV2Front, database: str) -> None:
    reader = InfluxReader(settings(influx_v2_front.url, database, token="wrong"))
    with pytest.raises(StoreError, match=r"store\.influxdb\.token"):
        reader.hosts()
    reader.close()


def test_victoriametrics_says_that_it_has_no_influxql(victoriametrics: VictoriaMetrics, database: str) -> None:
    reader = InfluxReader(settings(victoriametrics.url, database))
    with pytest.raises(StoreError, match="VictoriaMetrics"):
        reader.hosts()
    reader.close()


def test_a_server_that_answers_something_else(fault_server: FaultServer) -> None:
    reader = InfluxReader(InfluxSettings(url=fault_server.url, org="home"))
    with pytest.raises(StoreError, match="404"):
        reader.hosts()
    reader.close()
