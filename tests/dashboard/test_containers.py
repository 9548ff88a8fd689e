"""Containers, services and hosts: where they come from, how they are found, sorted and paged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from dashboard.api.forms import ContainerDetailForm, ContainersForm, HostsForm, MatchForm, ServiceForm
from model.alert import Severity
from model.live import Frame
from model.outside import change_json
from model.sample import Gap
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import (
    BARE,
    HOST,
    HOSTILE,
    ID_A,
    ID_B,
    NOW_MS,
    ScriptedAgent,
    ScriptedSeries,
    change,
    finding,
    frame,
    known,
    target,
)

GONE = "c" * 64
FAR = "d" * 64


def names(answer: Any) -> list[str]:
    return [item["name"] for item in answer.json["items"]]


def many(count: int) -> Frame:
    """``count`` containers with equal and unequal figures, and names that do not sort as numbers do."""
    keys = [f"{n:064x}" for n in range(count)]
    return frame(
        targets={key: target(key, f"c{n}", image="" if n % 3 else "img") for n, key in enumerate(keys)},
        values={key: {"cpu_usage_cores": float(n % 4)} for n, key in enumerate(keys) if n % 5},
        limits={},
        policies={},
        findings=tuple(finding(key, f"c{n}") for n, key in enumerate(keys) if n % 7 == 0),
    )


def test_items_have_their_form_and_figures(site: Site) -> None:
    answer = site.get("/api/v1/containers")
    msgspec.convert(answer.json, ContainersForm)
    api = answer.json["items"][0]
    assert api["id"] == ID_A, "worst first: the one with a finding"
    assert api["latest"]["cpu_usage_cores"] == 0.2
    assert api["limits"]["cpu_cores"] == 0.2
    assert api["policy"]["mode"] == "observe"
    assert (api["findings"], api["worst"], api["host"], api["state"]) == (1, "warning", HOST, "running")
    db = next(item for item in answer.json["items"] if item["name"] == "db")
    assert db["limits"]["memory_bytes"] == "unlimited"
    bare = next(item for item in answer.json["items"] if item["id"] == BARE)
    assert bare["latest"] == {}
    assert bare["limits"]["cpu_cores"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=name", ["api", "cron.service", "db"]),
        ("sort=-name", ["db", "cron.service", "api"]),
        ("sort=-cpu_usage_cores", ["db", "api", "cron.service"]),
        ("sort=cpu_usage_cores", ["api", "db", "cron.service"]),
        ("sort=group", ["api", "db", "cron.service"]),
        ("sort=-group", ["db", "api", "cron.service"]),
        ("sort=-findings", ["api", "cron.service", "db"]),
        ("sort=-worst", ["cron.service", "db", "api"]),
        ("sort=name&group=shop", ["api", "db"]),
        ("sort=name&service=shop/db", ["db"]),
        ("sort=name&q=CRON", ["cron.service"]),
        ("sort=name&q=busybox", ["api", "db"]),
        ("sort=name&host=other", []),
    ],
)
def test_sorting_and_filtering(site: Site, query: str, expected: list[str]) -> None:
    assert names(site.get(f"/api/v1/containers?{query}")) == expected


@pytest.mark.parametrize("sort", ["name", "-name", "cpu_usage_cores", "-cpu_usage_cores", "worst", "-image", "image"])
def test_pages_hold_everything_once_and_in_order(build: Builder, sort: str) -> None:
    site = build(agent=ScriptedAgent(many(40)))
    whole = names(site.get(f"/api/v1/containers?sort={sort}"))
    assert len(set(whole)) == 40
    paged: list[str] = []
    cursor = ""
    while True:
        answer = site.get("/api/v1/containers", query_string={"sort": sort, "limit": 7, "cursor": cursor})
        paged += names(answer)
        cursor = answer.json["next"]
        if cursor is None:
            break
    assert paged == whole


def test_a_cursor_of_another_sort_is_refused(build: Builder) -> None:
    site = build(agent=ScriptedAgent(many(10)))
    cursor = site.get("/api/v1/containers?sort=name&limit=2").json["next"]
    answer = site.get("/api/v1/containers", query_string={"sort": "worst", "limit": 2, "cursor": cursor})
    assert answer.status_code == 422


def test_gone_ones_are_listed_when_asked_for(build: Builder) -> None:
    site = build(series=ScriptedSeries((known(GONE, "old"), known(ID_A, "api"))))
    assert "old" not in names(site.get("/api/v1/containers"))
    listed = site.get("/api/v1/containers?state=all&sort=name").json["items"]
    assert [i["name"] for i in listed] == ["api", "cron.service", "db", "old"]
    old = listed[-1]
    assert old["state"] == "gone"
    assert old["latest"] == {"cpu_usage_cores": 0.1}


def test_an_exited_container_is_not_running(site: Site) -> None:
    now = frame()
    site.agent.frame_now = replace(now, targets={**now.targets, ID_B: target(ID_B, "db", state="exited")})
    assert "db" not in names(site.get("/api/v1/containers"))
    assert "db" in names(site.get("/api/v1/containers?state=all"))


def test_without_an_agent_the_store_answers(build: Builder) -> None:
    series = ScriptedSeries((known(ID_A, "api", last_ms=NOW_MS - 5000), known(GONE, "old")))
    site = build(agent=ScriptedAgent(None), series=series)
    assert names(site.get("/api/v1/containers")) == ["api"]
    detail = site.get("/api/v1/containers/api")
    assert detail.status_code == 200
    assert detail.json["limits"]["original"] is None
    assert site.get("/api/v1/findings").status_code == 503


def test_other_hosts_come_from_the_remote_store(build: Builder) -> None:
    remote = ScriptedSeries((known(FAR, "far", host="web-2", last_ms=NOW_MS - 1000), known(ID_A, "api")))
    site = build(remote=remote)
    assert "far" in names(site.get("/api/v1/containers"))
    assert names(site.get("/api/v1/containers?host=web-2")) == ["far"]
    assert site.get("/api/v1/containers/far").json["host"] == "web-2"
    hosts = site.get("/api/v1/hosts").json
    msgspec.convert(hosts, HostsForm)
    assert [(h["name"], h["state"], h["containers"]) for h in hosts["items"]] == [
        (HOST, "live", 3),
        ("web-2", "remote", 1),
    ]
    series = site.get("/api/v1/series?metrics=cpu_usage_cores&container=far&since=-10s")
    assert series.status_code == 200
    assert remote.queries[-1].host == "web-2"
    answer = site.send("PUT", "/api/v1/containers/far/limits", {"cpu_cores": 1}, "operator")
    assert answer.status_code == 404
    assert "web-2" in answer.json["detail"]


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        (ID_A, ID_A),
        ("api", ID_A),
        (ID_A[:12], ID_A),
        ("a", ID_A),
        (BARE, BARE),
        (BARE[1:], BARE),
        ("%2Fsystem.slice%2Fcron.service", BARE),
        ("cron.service", BARE),
    ],
)
def test_a_container_is_found_by_id_name_or_prefix(site: Site, wanted: str, key: str) -> None:
    answer = site.get(f"/api/v1/containers/{wanted}")
    assert answer.status_code == 200
    msgspec.convert(answer.json, ContainerDetailForm)
    assert answer.json["id"] == key
    page = site.client().get(f"/containers/{wanted}", headers=site.headers("viewer"))
    assert page.status_code == 200


def test_an_unclear_name_is_a_conflict_that_names_the_candidates(site: Site) -> None:
    now = frame()
    site.agent.frame_now = replace(now, targets={**now.targets, "a" * 64: target("a" * 64, "other")})
    answer = site.get("/api/v1/containers/aaa")
    assert answer.status_code == 409
    assert "api" in answer.json["detail"]
    assert "other" in answer.json["detail"]
    assert site.get("/api/v1/containers/nope").status_code == 404


def test_the_running_one_of_a_name_is_meant_else_the_latest_gone(build: Builder) -> None:
    series = ScriptedSeries((known(GONE, "api"), known("e" * 64, "job", last_ms=NOW_MS - 9000), known("f" * 64, "job")))
    site = build(series=series)
    assert site.get("/api/v1/containers/api").json["id"] == ID_A
    assert site.get("/api/v1/containers/job").json["id"] == "e" * 64
    assert site.get("/api/v1/containers/job").json["state"] == "gone"


def test_limits_show_what_is_what_was_set_and_what_was_first(site: Site) -> None:
    site.agent.answers["limits.changes"] = [change_json(change("2", 0.3, 0.45)), change_json(change("1", 0.2, 0.3))]
    limits = site.get("/api/v1/containers/api").json["limits"]
    assert limits["cpu_cores"] == limits["effective"]["cpu_cores"] == 0.2
    assert limits["set"] == {"cpu_cores": 0.45}
    assert limits["original"] == {"cpu_cores": 0.2}


def test_detail_tells_gaps_labels_and_findings(site: Site) -> None:
    site.agent.frame_now = frame(gaps=(Gap(ID_A, "io", "not readable"),))
    detail = site.get("/api/v1/containers/api").json
    assert detail["gaps"] == [{"part": "io", "reason": "not readable"}]
    assert detail["labels"] == {"com.example/owner": "anna"}
    assert detail["findings"][0]["id"] == "f-api"
    assert detail["started_at"] == "2025-11-24T15:59:00.000Z"


def test_a_service_joins_replicas_and_recreates(build: Builder) -> None:
    series = ScriptedSeries((known(GONE, "api"), known("e" * 64, "api", last_ms=NOW_MS - 9_000_000)))
    site = build(series=series)
    answer = site.get("/api/v1/services/shop/api")
    msgspec.convert(answer.json, ServiceForm)
    assert answer.json["series"] == [ID_A, GONE, "e" * 64]
    assert [r["id"] for r in answer.json["replicas"]] == [ID_A]
    assert site.get("/api/v1/services/nope").status_code == 404


def test_hosts_worst_first_with_state(site: Site) -> None:
    site.agent.frame_now = frame(findings=(finding(ID_A, "api", Severity.CRITICAL),))
    (host,) = site.get("/api/v1/hosts").json["items"]
    assert (host["state"], host["worst"], host["findings"], host["own"]) == ("live", "critical", 1, True)
    assert host["capabilities"]["memory_high"] == "cgroup v1"
    assert host["latest"]["host_load_1m"] == 2.0
    site.agent.age = 60.0
    host = site.get(f"/api/v1/hosts/{HOST}").json
    assert (host["state"], host["lag_s"]) == ("away", 60.0)
    assert site.get("/api/v1/hosts/nope").status_code == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["api", "cron.service", "db"]),
        ({"name": ["a*", "d?"]}, ["api", "db"]),
        ({"group": ["shop"], "name": ["*i"]}, ["api"]),
        ({"image": ["busy*"]}, ["api", "db"]),
        ({"host": ["web-2"]}, []),
        ({"labels": {"com.example/owner": "an*"}}, ["api"]),
    ],
)
def test_a_selector_shows_what_it_matches(site: Site, body: dict[str, object], expected: list[str]) -> None:
    answer = site.send("POST", "/api/v1/alerts/rules/preview", body, "viewer")
    msgspec.convert(answer.json, MatchForm)
    assert names(answer) == expected


def test_hostile_names_stay_text(site: Site) -> None:
    site.agent.frame_now = frame(targets={ID_A: target(ID_A, HOSTILE, labels={HOSTILE: HOSTILE})})
    answer = site.get("/api/v1/containers")
    assert answer.json["items"][0]["name"] == HOSTILE
    assert answer.mimetype == "application/json"
    assert site.get("/api/v1/containers", query_string={"q": HOSTILE}).json["items"]
