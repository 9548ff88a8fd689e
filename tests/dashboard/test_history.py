"""Series, events and findings."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from dashboard.api.forms import SeriesForm
from model.alert import Severity
from model.event import Event
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import HOST, ID_A, ID_B, NOW_MS, ScriptedSeries, finding, frame

SERIES = "/api/v1/series?metrics=cpu_usage_cores"


def test_columns_over_one_grid_with_gaps_as_null(site: Site) -> None:
    site.series.value_of = lambda at_ms: None if at_ms == NOW_MS - 3000 else float("nan") if at_ms == NOW_MS else 1.5
    answer = site.get(f"{SERIES},pids&container=api&since={NOW_MS - 4000}")
    msgspec.convert(answer.json, SeriesForm)
    assert (answer.json["t0"], answer.json["step_ms"]) == (NOW_MS - 4000, 1000)
    first = answer.json["series"][0]
    assert first["avg"] == [1.5, None, 1.5, 1.5, None]
    assert (first["container"], first["host"], first["metric"], first["unit"]) == (
        ID_A,
        HOST,
        "cpu_usage_cores",
        "cores",
    )
    assert [s["metric"] for s in answer.json["series"]] == ["cpu_usage_cores", "pids"]


def test_agg_chooses_the_columns(site: Site) -> None:
    column = site.get(f"{SERIES}&since=-5s&agg=max").json["series"][0]
    assert "max" in column
    assert "avg" not in column
    assert site.get(f"{SERIES}&agg=median").status_code == 422


def test_a_range_is_downloaded_in_other_forms(site: Site) -> None:
    site.series.value_of = lambda at_ms: None if at_ms == NOW_MS - 3000 else float("nan") if at_ms == NOW_MS else 1.5
    asked = f"{SERIES},pids&container=api&since={NOW_MS - 4000}"
    table = site.get(f"{asked}&format=csv")
    assert table.mimetype == "text/csv"
    assert "series.csv" in table.headers["Content-Disposition"]
    assert len(table.text.splitlines()) == 4
    lines = site.get(f"{asked}&format=jsonl").text.splitlines()
    assert msgspec.json.decode(lines[0])["values"] == {"cpu_usage_cores": 1.5, "pids": 1.5}
    points = site.get(f"{asked}&format=line-protocol").text.splitlines()
    assert points[0].endswith(f" cpu_usage_cores=1.5,pids=1.5 {NOW_MS - 4000}")
    assert len(lines) == len(points) == 3
    assert "series" in site.get(f"{asked}&format=json").json
    assert site.get(f"{asked}&format=xlsx").status_code == 422


def test_what_is_asked_of_the_store(site: Site) -> None:
    site.get(f"{SERIES}&container=api,db&since=-1h&until=-30m&step=10s")
    query = site.series.queries[-1]
    assert query.containers == (ID_A, ID_B)
    now_ms = site.clock.ms
    assert (query.since_ms, query.until_ms, query.step_ms) == (now_ms - 3_600_000, now_ms - 1_800_000, 10_000)
    site.get(f"{SERIES}&service=shop/api&points=100")
    query = site.series.queries[-1]
    assert (query.services, query.join_service, query.points) == (("shop/api",), True, 100)
    site.get(f"{SERIES}&group=shop")
    assert site.series.queries[-1].groups == ("shop",)


@pytest.mark.parametrize(
    ("query", "of_host"),
    [
        ("metrics=host_load_1m", True),
        ("metrics=host_load_1m,cpu_usage_cores", False),
        ("metrics=cpu_usage_cores&scope=host", True),
        (f"metrics=cpu_usage_cores&host={HOST}", False),
        ("metrics=host_disk_used_ratio{/}", True),
    ],
)
def test_when_the_host_itself_is_meant(site: Site, query: str, of_host: bool) -> None:
    assert site.get(f"/api/v1/series?{query}").status_code == 200
    assert site.series.queries[-1].of_host is of_host


def test_a_day_of_seconds_is_answered_whole(site: Site) -> None:
    column = site.get(f"{SERIES}&container=api&since=-24h&agg=avg").json["series"][0]
    assert len(column["avg"]) >= 86_400


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "metrics"),
        ("metrics=nope", "metrics"),
        ("metrics=,", "metrics"),
        ("metrics=cpu_usage_cores&since=-1h&until=-2h", "since"),
        ("metrics=cpu_usage_cores&step=100ms", "step"),
        ("metrics=cpu_usage_cores&since=-90d&step=1s", "step"),
        ("metrics=cpu_usage_cores&points=100001", "points"),
        ("metrics=cpu_usage_cores&scope=both", "scope"),
    ],
)
def test_bad_questions(site: Site, query: str, path: str) -> None:
    answer = site.get(f"/api/v1/series?{query}")
    assert answer.status_code == 422
    assert [e["path"] for e in answer.json["errors"]] == [path]
    assert site.series.queries == []


def test_an_answer_that_would_not_fit_is_refused_before_it_is_read(site: Site) -> None:
    now = frame()
    site.agent.frame_now = replace(now, targets={f"{n:064x}": now.targets[ID_A] for n in range(200)})
    answer = site.get(f"{SERIES}&since=-24h&step=1s")
    assert answer.status_code == 422
    assert "17,280" in answer.json["detail"]
    assert site.get(f"{SERIES}&since=-24h&step=1m").status_code == 200


def test_another_hosts_history_needs_a_remote_store(site: Site) -> None:
    answer = site.get(f"{SERIES}&host=web-2")
    assert answer.status_code == 404
    assert "store.influxdb.url" in answer.json["detail"]


def event(number: int, kind: str = "start", container: str = ID_A) -> Event:
    return Event(NOW_MS - 100_000 + number * 1000, kind, HOST, container, "api", detail={"exit_code": 0}, id=number)


def test_events_oldest_first_and_paged(build: Builder) -> None:
    events = tuple(event(n, "oom" if n == 4 else "start") for n in range(1, 6))
    site = build(series=ScriptedSeries(events=events))
    first = site.get("/api/v1/events?limit=3").json
    assert [e["id"] for e in first["items"]] == [1, 2, 3]
    rest = site.get(f"/api/v1/events?limit=3&cursor={first['next']}").json
    assert [e["id"] for e in rest["items"]] == [4, 5]
    assert rest["next"] is None
    assert [e["kind"] for e in site.get("/api/v1/events?kind=oom,stop").json["items"]] == ["oom"]
    assert site.get("/api/v1/events?container=db").json["items"] == []
    assert site.get("/api/v1/events?since=-1s").json["items"] == []
    assert site.get("/api/v1/events?kind=party").status_code == 422
    assert site.get("/api/v1/events?cursor=x").status_code == 422


def test_findings_worst_first(site: Site) -> None:
    old = replace(finding(ID_B, "db"), since_ms=NOW_MS - 60_000)
    site.agent.frame_now = frame(findings=(finding(ID_A, "api"), old, finding(ID_A, "worse", Severity.CRITICAL)))
    assert [f["id"] for f in site.get("/api/v1/findings").json["items"]] == ["f-worse", "f-db", "f-api"]
    assert [f["id"] for f in site.get("/api/v1/findings?container=db").json["items"]] == ["f-db"]
    assert site.get("/api/v1/findings?detector=none").json["items"] == []
    site.agent.age = 60.0
    assert site.get("/api/v1/findings").status_code == 503
