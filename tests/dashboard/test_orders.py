"""Questions and orders to the agent: what is sent in whose name, and how the answer looks."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from model.alert import AlertState
from model.errors import Fault
from model.live import Reply
from model.outside import alert_json, change_json
from tests.dashboard.conftest import Site
from tests.dashboard.scripted import ID_A, NOW_MS, alert, change


def sent(site: Site) -> tuple[str, dict[str, object]]:
    command = site.agent.commands[-1]
    return command.name, dict(command.arguments)


@pytest.mark.parametrize(
    ("method", "path", "body", "name", "arguments"),
    [
        ("GET", "/alerts", None, "alerts.list", {}),
        ("GET", "/alerts?state=firing", None, "alerts.list", {"state": "firing"}),
        ("GET", "/alerts/rules", None, "rules.list", {}),
        ("POST", "/alerts/al-1/acknowledge", None, "alerts.acknowledge", {"id": "al-1"}),
        ("GET", "/silences", None, "silences.list", {}),
        ("DELETE", "/silences/s1", None, "silences.delete", {"id": "s1"}),
        ("GET", "/receivers", None, "receivers.list", {}),
        ("DELETE", "/receivers/ops", None, "receivers.delete", {"name": "ops"}),
        ("POST", "/receivers/ops/test", None, "receivers.test", {"name": "ops"}),
        ("GET", "/deliveries?receiver=ops", None, "deliveries.list", {"receiver": "ops", "limit": 200}),
        ("GET", "/limits/recommendations", None, "limits.recommendations", {}),
        ("GET", "/limits/changes?container=api", None, "limits.changes", {"container_id": ID_A, "limit": 200}),
        ("POST", "/limits/changes/ch-1/undo", None, "limits.undo", {"change_id": "ch-1"}),
        ("POST", "/limits/undo", {"container": "api"}, "limits.undo", {"container_id": ID_A}),
        ("POST", "/limits/undo", {"all": True}, "limits.undo", {"everything": True}),
        ("GET", "/limits/pause", None, "limits.pause", {}),
        (
            "PUT",
            "/limits/pause",
            {"paused": True, "reason": "sale", "hold_s": 60},
            "limits.pause.put",
            {"paused": True, "reason": "sale", "hold_s": 60.0},
        ),
        ("GET", "/containers/api/policy", None, "policy.get", {"container_id": ID_A}),
        (
            "PUT",
            "/containers/api/policy",
            {"class": "dense", "cpu_max": None, "memory_max": "512m"},
            "policy.put",
            {"container_id": ID_A, "fields": {"class": "dense", "cpu_max": None, "memory_max": "512m"}},
        ),
        ("DELETE", "/containers/api/policy", None, "policy.delete", {"container_id": ID_A}),
        ("GET", "/audit?limit=5", None, "audit.list", {"limit": 5}),
    ],
)
def test_each_route_asks_the_agent_in_the_callers_name(
    site: Site, method: str, path: str, body: Any, name: str, arguments: dict[str, object]
) -> None:
    answer = site.send(method, f"/api/v1{path}", body)
    assert answer.status_code in (200, 204), answer.json
    assert sent(site) == (name, arguments)
    assert (site.agent.commands[-1].actor, site.agent.commands[-1].role) == ("token:admin", "admin")


def test_limits_by_hand(site: Site) -> None:
    site.agent.answers["limits.set"] = change_json(change())
    body = {"cpu_cores": 1.5, "reason": "sale", "hold_s": 3600, "dry_run": True}
    answer = site.send("PUT", "/api/v1/containers/api/limits", body, "operator")
    assert answer.json["change"]["after"] == {"cpu_cores": 0.3}
    assert sent(site) == ("limits.set", {"container_id": ID_A, **body})


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_a_change_that_did_not_happen_is_no_success(site: Site, status: str) -> None:
    site.agent.answers["limits.set"] = {**change_json(change()), "status": status, "reason": "no room on the host"}
    answer = site.send("PUT", "/api/v1/containers/api/limits", {"cpu_cores": 1}, "operator")
    assert answer.status_code == 409
    assert answer.json["detail"] == "no room on the host"


def test_faults_of_the_agent_keep_their_paths(site: Site) -> None:
    site.agent.replies["policy.put"] = Reply(422, detail="wrong values", faults=(Fault("cpu_min", "is above cpu_max"),))
    answer = site.send("PUT", "/api/v1/containers/api/policy", {"cpu_min": 2}, "operator")
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"path": "cpu_min", "message": "is above cpu_max"}]


def test_a_full_page_of_changes_has_a_next(site: Site) -> None:
    site.agent.answers["limits.changes"] = [change_json(change("b")), change_json(change("a"))]
    answer = site.get("/api/v1/limits/changes?limit=2")
    assert answer.json["next"] == "a"
    site.get("/api/v1/limits/changes?limit=2&cursor=a&since=-1h")
    assert sent(site)[1] == {"limit": 2, "before_id": "a", "since_ms": site.clock.ms - 3_600_000}


def test_silences_need_one_end(site: Site) -> None:
    path = "/api/v1/silences"
    assert site.send("POST", path, {"comment": "x"}, "operator").status_code == 422
    assert site.send("POST", path, {"duration_s": 60, "ends_at": "now"}, "operator").status_code == 422
    assert site.send("POST", path, {"duration_s": 0}, "operator").status_code == 422
    answer = site.send("POST", path, {"name": ["api"], "ends_at": "2025-11-24T17:00:00Z"}, "operator")
    assert answer.status_code == 201
    arguments = sent(site)[1]
    assert arguments["ends_at_ms"] == NOW_MS + 3_600_000
    assert arguments["name"] == ["api"]


def test_receivers_are_made_and_changed(site: Site) -> None:
    site.agent.answers["receivers.list"] = [{"name": "ops"}]
    body = {"kind": "webhook", "url": "https://example.com/x", "match": {"severity": ["critical"]}}
    assert site.send("POST", "/api/v1/receivers", {"name": "ops", **body}).status_code == 409
    assert site.send("PUT", "/api/v1/receivers/new", body).status_code == 404
    assert site.send("POST", "/api/v1/receivers", {"name": "new", **body, "kind": "fax"}).status_code == 422
    assert site.send("POST", "/api/v1/receivers", {"name": "new", **body}).status_code == 201
    pace = {"repeat_s": 0.0, "escalate_after_s": 0.0}
    assert sent(site) == ("receivers.put", {"name": "new", "secret": "", **body, **pace})
    assert site.send("PUT", "/api/v1/receivers/ops", {**body, "secret": "whsec_x"}).status_code == 200
    assert sent(site)[1]["secret"] == "whsec_x"


def test_a_silence_may_begin_later_and_recur(site: Site) -> None:
    hours = {"from": "02:00", "to": "04:00", "days": ["sun"], "zone": "UTC"}
    asked = {"duration_s": 60, "starts_at": "2027-01-15T08:00:00Z", "hours": hours}
    assert site.send("POST", "/api/v1/silences", asked).status_code == 201
    assert sent(site)[1]["hours"] == hours
    assert sent(site)[1]["starts_at_ms"] == 1_800_000_000_000
    bad = {"duration_s": 60, "hours": {"days": ["sunday"]}}
    assert site.send("POST", "/api/v1/silences", bad).status_code == 422


def test_rules_are_tried_on_the_past(site: Site) -> None:
    assert site.send("POST", "/api/v1/alerts/rules/replay", {"since": "-2h", "toml": "x"}).json["items"] == []
    assert site.agent.replayed == [("x", site.clock.ms - 7_200_000, site.clock.ms)]
    assert site.send("POST", "/api/v1/alerts/rules/replay", {"since": "-30d"}).status_code == 422
    assert site.send("POST", "/api/v1/alerts/rules/replay", {"since": "now"}).status_code == 422


def test_resolved_alerts_come_from_the_history(site: Site) -> None:
    row = {"at": "x", "before": "firing", "alert": alert_json(alert(AlertState.RESOLVED))}
    site.agent.answers["alerts.history"] = [row, {**row, "alert": alert_json(alert())}]
    assert [a["state"] for a in site.get("/api/v1/alerts?state=resolved&since=-2h").json["items"]] == ["resolved"]
    assert sent(site)[1]["since_ms"] == site.clock.ms - 7_200_000
    assert len(site.get("/api/v1/alerts/history").json["items"]) == 2
    assert len(site.get("/api/v1/alerts/history?state=firing").json["items"]) == 1


@pytest.mark.parametrize("body", [{}, {"container": "api", "all": True}, {"all": False}])
def test_undo_wants_one_thing(site: Site, body: dict[str, object]) -> None:
    assert site.send("POST", "/api/v1/limits/undo", body, "operator").status_code == 422
    assert site.agent.commands == []


def test_the_policy_takes_no_nonsense(site: Site) -> None:
    for body in ({"mode": "on"}, {"class": "fast"}, {"memory_max": "lots"}, {"work_class": "dense"}, {"cpu_min": 0}):
        assert site.send("PUT", "/api/v1/containers/api/policy", body, "operator").status_code == 422
    assert site.agent.commands == []


def test_recommendations_as_text_for_docker(site: Site) -> None:
    path = "/api/v1/limits/recommendations"
    row = {"host": "web-1", "container_id": ID_A, "name": "api", "reason": "was throttled", "confidence": 1.0}
    site.agent.answers["limits.recommendations"] = [
        {**row, "id": "r1", "knob": "cpu", "now": 0.5, "proposed": 1.25},
        {**row, "id": "r2", "knob": "memory", "now": 1 << 30, "proposed": float(512 << 20)},
    ]
    assert [item["id"] for item in site.get(f"{path}?format=json").json["items"]] == ["r1", "r2"]
    commands = site.get(f"{path}?format=docker")
    assert commands.text == "docker update --cpus 1.25 --memory 512m --memory-swap 1024m api\n"
    assert commands.headers["Content-Type"].startswith("text/plain")
    compose = site.get(f"{path}?format=compose")
    assert compose.headers["Content-Type"].startswith("application/yaml")
    limits = yaml.safe_load(compose.text)["services"]["api"]["deploy"]["resources"]["limits"]
    assert limits == {"cpus": "1.25", "memory": "512m"}
    refused = site.get(f"{path}?format=xml")
    assert refused.status_code == 422
    assert refused.json["errors"][0]["path"] == "format"
