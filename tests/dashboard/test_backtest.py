"""What if: the question that the route makes of a request, and what it answers when it cannot run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.change import Policy
from model.errors import Refused, StoreError
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import ID_A, ScriptedAgent, ScriptedSeries, frame, known

PATH = "/api/v1/backtest"


def test_the_question_begins_where_the_container_is_and_keeps_to_its_policy(build: Builder) -> None:
    policy = Policy(cpu_min=0.1, cpu_max=1.5, memory_max=1 << 28, shrink_memory=True)
    site = build(agent=ScriptedAgent(frame(policies={ID_A: policy}, cgroup="v2", host_values={"host_cpu_count": 8.0})))
    answer = site.send("POST", PATH, {"container": "api", "since": "-2h", "policies": ["static", "dense"]}, "viewer")
    assert answer.status_code == 200
    (asked,) = site.agent.tried
    assert (asked.container_id, asked.policies, asked.seeds) == (ID_A, ("static", "dense"), 1)
    assert (asked.since_ms, asked.until_ms) == (site.clock.ms - 7_200_000, site.clock.ms)
    assert (asked.cpu_start, asked.memory_start, asked.cores, asked.v2) == (0.2, float(1 << 26), 8.0, True)
    assert (asked.cpu_min, asked.cpu_max, asked.memory_min, asked.memory_max) == (0.1, 1.5, None, float(1 << 28))
    assert asked.shrink_memory
    assert answer.json["policies"].keys() == {"static", "dense"}
    assert answer.json["bounds"]["cpu_max"] == 1.5
    assert answer.json["measured"]["throttled_period_ratio"] == 0.25


def test_bounds_may_be_others_for_the_question_alone(site: Site) -> None:
    body = {"container": "db", "cpu_min": 0.05, "cpu_max": 2, "memory_min": 64 << 20, "shrink_memory": True}
    assert site.send("POST", PATH, body, "viewer").status_code == 200
    (asked,) = site.agent.tried
    assert (asked.cpu_start, asked.memory_start) == (None, None), "it has no limit"
    assert (asked.cpu_min, asked.cpu_max, asked.memory_min, asked.shrink_memory) == (0.05, 2.0, float(64 << 20), True)
    assert site.agent.commands == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"container": "api", "since": "-3d"},
        {"container": "api", "since": "-10s"},
        {"container": "api", "since": "now"},
        {"container": "api", "policies": []},
        {"container": "api", "policies": ["static"] * 7},
        {"container": "api", "policies": ["rm -rf"]},
        {"container": "api", "seeds": 6},
        {"container": "api", "cpu_min": 3, "cpu_max": 2},
        {"container": "api", "memory_min": 1 << 30, "memory_max": 1 << 29},
        {"container": "api", "polices": ["static"]},
    ],
)
def test_nonsense_never_starts_a_run(site: Site, body: dict[str, object]) -> None:
    assert site.send("POST", PATH, body).status_code == 422
    assert site.agent.tried == []


def test_one_at_a_time_and_within_a_limit(site: Site) -> None:
    site.agent.backtest_fault = Refused("another backtest is running: try again when it is done")
    busy = site.send("POST", PATH, {"container": "api"})
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "10")
    site.agent.backtest_fault = StoreError("the backtest took more than 120 s: choose a shorter range")
    late = site.send("POST", PATH, {"container": "api"})
    assert late.status_code == 503
    assert "shorter range" in late.json["detail"]


def test_a_container_of_elsewhere_or_nowhere_has_no_seconds_here(build: Builder) -> None:
    remote = ScriptedSeries((replace(known("c" * 64, "far"), host="web-9"),))
    site = build(remote=remote)
    answer = site.send("POST", PATH, {"container": "far"})
    assert answer.status_code == 404
    assert "web-9" in answer.json["detail"]
    assert site.send("POST", PATH, {"container": "nobody"}).status_code == 404


def test_a_container_that_is_gone_begins_with_its_last_limits(build: Builder) -> None:
    gone = replace(known("d" * 64, "old"), latest={"cpu_limit_cores": 0.5, "memory_limit_bytes": float(1 << 27)})
    site = build(series=ScriptedSeries((gone,)))
    assert site.send("POST", PATH, {"container": "old", "since": "-1h"}).status_code == 200
    (asked,) = site.agent.tried
    assert (asked.cpu_start, asked.memory_start) == (0.5, float(1 << 27))
