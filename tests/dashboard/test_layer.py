"""Bad input of every kind: the right status, one form, all faults at once, and nothing reaches the agent."""

from __future__ import annotations

from typing import Any

import pytest

from model.live import Reply
from model.outside import change_json
from tests.dashboard.conftest import Site
from tests.dashboard.scripted import ID_A, change

LIMITS = "/api/v1/containers/api/limits"


def put(site: Site, data: bytes, content_type: str | None = "application/json") -> Any:
    return site.client().put(LIMITS, data=data, content_type=content_type, headers=site.headers("operator"))


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"cpu_cores": NaN}', 400),
        (b'{"cpu_cores": 1e999}', 422),
        (b'{"cpu_cores": Infinity}', 400),
        (b"{'cpu_cores': 1}", 400),
        (b'{"cpu_cores": 1} x', 400),
        (b'{"reason": "\\ud800"}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b"1", 422),
        (b"{}", 422),
        (b'{"cpu_cores": true}', 422),
        (b'{"cpu_cores": "1"}', 422),
        (b'{"cpu_cores": -1}', 422),
        (b'{"cpu_cores": 0}', 422),
        (b'{"memory_bytes": 67108864.5}', 422),
        (b'{"memory_bytes": -1}', 422),
        (b'{"memory_bytes": 99999999999999999999999}', 422),
        (b'{"memory_bytes": "unlimited"}', 422),
        (b'{"memory_bytes": 1048576}', 422),
        (b'{"cpu_weight": 0}', 422),
        (b'{"cpu_cores": 1, "cpus": 2}', 422),
        (b'{"cpu_cores": 1, "hold_s": -1}', 422),
        (b'{"cpu_cores": 1, "dry_run": "yes"}', 422),
        (b"[" * 100_000, 400),
    ],
)
def test_a_bad_body_is_refused_and_reaches_nobody(site: Site, data: bytes, status: int) -> None:
    answer = put(site, data)
    assert answer.status_code == status, answer.json
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["detail"]
    assert site.agent.commands == []


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_only_json_is_taken(site: Site, content_type: str | None) -> None:
    answer = put(site, b'{"cpu_cores": 1}', content_type)
    assert answer.status_code == 415
    assert site.agent.commands == []


def test_a_body_that_is_too_large(site: Site) -> None:
    answer = put(site, b'{"reason": "' + b"x" * (1 << 20) + b'"}')
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_all_faults_are_told_at_once_with_the_nearest_key(site: Site) -> None:
    answer = put(site, b'{"cpu_core": 1, "memory_bytes": "x", "cpu_weight": 0}')
    errors = {e["path"]: e["message"] for e in answer.json["errors"]}
    assert errors["cpu_core"] == "is not known; did you mean cpu_cores?"
    assert "int" in errors["memory_bytes"]
    assert "cpu_weight" in errors


def test_a_fault_inside_a_list_names_its_place(site: Site) -> None:
    answer = site.send("POST", "/api/v1/silences", {"rules": ["a", 1], "duration_s": 60})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["path"] == "rules[1]"


def test_integral_floats_are_integers(site: Site) -> None:
    site.agent.answers["limits.set"] = change_json(change())
    answer = put(site, b'{"memory_bytes": 134217728.0, "cpu_cores": 1}')
    assert answer.status_code == 200
    arguments = site.agent.commands[-1].arguments
    assert arguments["memory_bytes"] == 134217728
    assert isinstance(arguments["memory_bytes"], int)
    assert arguments["container_id"] == ID_A


def test_charset_in_the_content_type_is_fine(site: Site) -> None:
    site.agent.answers["limits.set"] = change_json(change())
    assert put(site, b'{"cpu_cores": 1}', "application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("nonsense=1", "nonsense"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("state=nan", "state"),
        ("sort=colour", "sort"),
        ("cursor=%%%", "cursor"),
        ("cursor=e30", "cursor"),
    ],
)
def test_a_bad_query_is_refused(site: Site, query: str, path: str) -> None:
    answer = site.get(f"/api/v1/containers?{query}")
    assert answer.status_code == 422
    assert [e["path"] for e in answer.json["errors"]] == [path]


def test_an_empty_parameter_is_as_good_as_none(site: Site) -> None:
    assert len(site.get("/api/v1/containers?host=&group=&q=&cursor=").json["items"]) == 3


def test_unknown_address_and_method(site: Site) -> None:
    answer = site.get("/api/v1/nope")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    answer = site.send("DELETE", "/api/v1/containers")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    answer = site.get(LIMITS)
    assert answer.status_code == 405
    assert "PUT" in answer.headers["Allow"]


def test_the_agents_refusal_is_passed_on(site: Site) -> None:
    site.agent.replies["limits.set"] = Reply(409, detail="memory below what is in use")
    answer = put(site, b'{"memory_bytes": 67108864}')
    assert answer.status_code == 409
    assert answer.json["detail"] == "memory below what is in use"


def test_an_agent_that_is_away_is_503_with_a_time(site: Site) -> None:
    site.agent.frame_now = None
    answer = site.get("/api/v1/alerts")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_failure_of_ours_is_a_problem_too(site: Site) -> None:
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    site.app.testing = False
    site.agent.answers["alerts.list"] = 5
    answer = site.get("/api/v1/alerts", headers={"X-Request-Id": "abc"})
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["X-Request-Id"] == "abc"


def test_request_ids_are_ours_when_the_brought_one_is_bad(site: Site) -> None:
    assert site.get("/healthz", headers={"X-Request-Id": "a b<c>"}).headers["X-Request-Id"] != "a b<c>"
    first, second = (site.get("/healthz").headers["X-Request-Id"] for _ in range(2))
    assert first != second
