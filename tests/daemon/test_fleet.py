"""Other hosts reached by their own dashboards: real HTTP between two of them, doubles behind each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.schema import FleetSettings, Settings, WebSettings
from daemon.fleet import HttpPeer
from daemon.http import HttpServer
from dashboard.app import create_app
from dashboard.fleet import HOP, REST_MS, Fleet
from dashboard.services import Services
from model.live import Frame, Reply
from model.outside import alert_json, change_json
from storage.factory import open_auth
from tests.dashboard.conftest import Clock
from tests.dashboard.scripted import (
    ID_A,
    ID_B,
    NOW_MS,
    ScriptedAgent,
    ScriptedSeries,
    alert,
    change,
    finding,
    frame,
    known,
    target,
)

TOKEN, OTHER = "token-of-web-2", "token-of-web-3"
FAR = "d" * 64


def far_frame() -> Frame:
    """One container ``far`` on web-2, held back."""
    held = replace(finding(FAR, "far"), host="web-2")
    return frame(
        host="web-2",
        targets={FAR: target(FAR, "far", group="shop")},
        values={FAR: {"cpu_usage_cores": 0.5}},
        limits={},
        policies={},
        findings=(held,),
    )


@dataclass
class House:
    """A dashboard with its doubles; ``url`` where it listens, once it does."""

    services: Services
    agent: ScriptedAgent
    clock: Clock
    server: HttpServer | None = None
    token: str = TOKEN

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.port}"

    def ask(self, method: str, path: str, body: object = None, token: str | None = None, **headers: str) -> Any:
        client = create_app(self.services).test_client()
        sent = {"json": body} if body is not None else {}
        bearer = {"Authorization": f"Bearer {token or self.token}", **headers}
        return client.open(f"/api/v1{path}", method=method, headers=bearer, **sent)

    def items(self, path: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return list(answer.json["items"])


def house(folder: Path, agent: ScriptedAgent, token: str, fleet: Fleet | None, clock: Clock, **more: Any) -> House:
    auth = open_auth(folder / f"{token}.db")
    settings = replace(Settings(), web=WebSettings(api_token=token))
    services = Services(more.pop("series", ScriptedSeries()), more.pop("remote", None), auth, agent, settings, clock)
    return House(replace(services, fleet=fleet), agent, clock, token=token)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def far(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """web-2, listening."""
    found = house(tmp_path, ScriptedAgent(far_frame()), TOKEN, None, clock)
    found.server = HttpServer(create_app(found.services), "127.0.0.1", 0, max_streams=4)
    found.server.start()
    yield found
    found.server.close()
    found.services.auth.close()


@pytest.fixture
def near(tmp_path: Path, far: House, clock: Clock) -> Iterator[House]:
    """web-1 with its agent; it knows web-2, and web-9 where nobody listens."""
    peers = [HttpPeer(FleetSettings("web-2", far.url, TOKEN)), HttpPeer(FleetSettings("web-9", "http://127.0.0.1:9"))]
    fleet = Fleet(peers, clock)
    found = house(tmp_path, ScriptedAgent(frame()), OTHER, fleet, clock)
    yield found
    fleet.close()
    found.services.auth.close()


def test_hosts_of_the_fleet_are_listed_as_they_are(near: House) -> None:
    states = {host["name"]: (host["state"], host["own"], host["containers"]) for host in near.items("/hosts")}
    assert states == {"web-1": ("live", True, 3), "web-2": ("live", False, 1), "web-9": ("away", False, 0)}


def test_a_web_without_an_agent_lists_and_reaches_the_others(tmp_path: Path, near: House) -> None:
    alone = replace(near.services, agent=ScriptedAgent(None))
    web = House(alone, near.agent, near.clock, token=OTHER)
    assert {host["name"]: host["state"] for host in web.items("/hosts")} == {"web-2": "live", "web-9": "away"}
    assert [item["name"] for item in web.items("/containers")] == ["far"]
    assert [item["container_id"] for item in web.items("/findings")] == [FAR]
    assert web.ask("GET", "/containers/far").json["host"] == "web-2"


def test_containers_of_all_hosts_with_their_findings(near: House) -> None:
    found = {(item["host"], item["name"]): item for item in near.items("/containers")}
    assert set(found) == {("web-1", "api"), ("web-1", "db"), ("web-1", "cron.service"), ("web-2", "far")}
    assert found["web-2", "far"]["findings"] == 1
    assert [item["name"] for item in near.items("/containers?host=web-2")] == ["far"]
    assert {item["container_id"] for item in near.items("/findings")} == {ID_A, FAR}
    assert [item["container_id"] for item in near.items("/findings?host=web-2")] == [FAR]
    assert [item["container_id"] for item in near.items("/findings?container=far")] == [FAR]


def test_limits_of_another_hosts_container_are_set_there(near: House, far: House) -> None:
    done = change_json(replace(change(), host="web-2", container_id=FAR))
    far.agent.answers["limits.set"] = done
    answer = near.ask("PUT", "/containers/far/limits", {"cpu_cores": 0.4, "reason": "slow"})
    assert (answer.status_code, answer.json) == (200, {"change": done})
    command = far.agent.commands[-1]
    assert (command.name, command.arguments["container_id"], command.role) == ("limits.set", FAR, "admin")
    assert not near.agent.commands


@pytest.mark.parametrize(
    ("method", "path", "body", "name"),
    [
        ("GET", "/containers/far/policy", None, "policy.get"),
        ("PUT", "/containers/far/policy", {"mode": "auto"}, "policy.put"),
        ("DELETE", "/containers/far/policy", None, "policy.delete"),
        ("GET", "/limits/changes?container=far", None, "limits.changes"),
        ("GET", "/limits/changes?host=web-2", None, "limits.changes"),
        ("POST", "/limits/undo", {"container": "far"}, "limits.undo"),
        ("POST", "/limits/undo?host=web-2", {"all": True}, "limits.undo"),
        ("GET", "/limits/pause?host=web-2", None, "limits.pause"),
        ("PUT", "/limits/pause?host=web-2", {"paused": True}, "limits.pause.put"),
        ("GET", "/alerts/rules?host=web-2", None, "rules.list"),
        ("POST", "/silences", {"host": ["web-2"], "duration_s": 60}, "silences.create"),
    ],
)
def test_orders_go_to_the_host_that_is_meant(
    near: House, far: House, method: str, path: str, body: object, name: str
) -> None:
    answer = near.ask(method, path, body)
    assert answer.status_code < 300, answer.text
    assert [command.name for command in far.agent.commands] == [name]
    assert not near.agent.commands


@pytest.mark.parametrize(
    ("path", "name"),
    [("/alerts/al-7/acknowledge", "alerts.acknowledge"), ("/limits/changes/ch-7/undo", "limits.undo")],
)
def test_what_this_host_does_not_know_is_asked_for_on_the_others(near: House, far: House, path: str, name: str) -> None:
    near.agent.replies[name] = Reply(404, None, "not here")
    far.agent.answers[name] = {"id": "there"}
    answer = near.ask("POST", path)
    assert (answer.status_code, answer.json) == (200, {"id": "there"})
    assert far.agent.commands[-1].name == name
    far.agent.replies[name] = Reply(404, None, "not here")
    answer = near.ask("POST", path)
    assert answer.status_code == 503, "one host could not be asked: nobody can say that there is none"
    assert "web-9" in answer.json["detail"]


def test_lists_of_alerts_changes_and_silences_are_one(near: House, far: House) -> None:
    near.agent.answers |= {"alerts.list": [alert_json(alert())], "limits.changes": [change_json(change("ch-1"))]}
    there = alert_json(replace(alert(), id="al-2", host="web-2"))
    later = change_json(replace(change("ch-2"), at_ms=NOW_MS + 1000, host="web-2"))
    far.agent.answers |= {"alerts.list": [there], "limits.changes": [later], "silences.list": [{"id": "s"}]}
    assert [item["id"] for item in near.items("/alerts")] == ["al-1", "al-2"]
    assert [item["id"] for item in near.items("/limits/changes")] == ["ch-2", "ch-1"]
    assert near.items("/silences") == [{"id": "s", "host": "web-2"}]


def test_roles_are_checked_here_before_anything_is_handed_on(near: House, far: House) -> None:
    answer = near.ask("PUT", "/containers/far/limits", {"cpu_cores": 0.4}, token="wrong")
    assert answer.status_code == 401
    assert not far.agent.commands


def test_a_refusal_there_is_told_as_it_is(near: House, far: House) -> None:
    far.agent.replies["limits.set"] = Reply(409, None, "below what is in use")
    answer = near.ask("PUT", "/containers/far/limits", {"memory_bytes": 8 << 20})
    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert "below what is in use" in answer.json["detail"]


def test_a_token_that_is_refused_is_named_as_what_to_change(tmp_path: Path, far: House, clock: Clock) -> None:
    fleet = Fleet([HttpPeer(FleetSettings("web-2", far.url, "old"))], clock)
    web = house(tmp_path, ScriptedAgent(frame()), OTHER, fleet, clock)
    answer = web.ask("GET", "/limits/pause?host=web-2")
    assert answer.status_code == 503
    assert "[[fleet]]" in answer.json["detail"]
    assert "old" not in answer.json["detail"]
    fleet.close()
    web.services.auth.close()


def test_an_order_to_a_host_that_is_away_says_so_at_once(near: House) -> None:
    answer = near.ask("GET", "/limits/pause?host=web-9")
    assert answer.status_code == 503
    assert "web-9 (http://127.0.0.1:9) does not answer" in answer.json["detail"]
    assert near.ask("GET", "/limits/pause?host=nobody").status_code == 404


def test_a_host_that_was_away_is_seen_again(near: House, far: House) -> None:
    assert far.server is not None
    far.server.close()
    near.clock.ms += REST_MS
    assert {h["name"]: h["state"] for h in near.items("/hosts")}["web-2"] == "away"
    assert near.ask("GET", "/containers").status_code == 200
    assert "web-2" in near.services.fleet.away()  # type: ignore[union-attr]
    back = HttpServer(create_app(far.services), "127.0.0.1", int(far.url.rpartition(":")[2]), max_streams=4)
    back.start()
    far.server = back
    assert {h["name"]: h["state"] for h in near.items("/hosts")}["web-2"] == "away", "left alone for a while"
    near.clock.ms += REST_MS
    assert {h["name"]: h["state"] for h in near.items("/hosts")}["web-2"] == "live"


def test_nothing_is_handed_on_twice(near: House, far: House) -> None:
    answer = near.ask("GET", "/containers", **{HOP: "1"})
    assert {item["host"] for item in answer.json["items"]} == {"web-1"}
    assert near.ask("GET", "/limits/pause?host=web-2", **{HOP: "1"}).status_code == 404
    assert not far.agent.commands


def test_history_without_influxdb_comes_from_its_own_dashboard(near: House) -> None:
    since = NOW_MS - 10_000
    answer = near.ask("GET", f"/series?metrics=cpu_usage_cores&container=far&since={since}&until={NOW_MS}")
    assert answer.status_code == 200, answer.text
    (column,) = answer.json["series"]
    assert (column["host"], column["container"], len(column["avg"])) == ("web-2", FAR, 10)


def test_a_group_is_summed_over_hosts(tmp_path: Path, clock: Clock) -> None:
    """This host's from its own store, the others' from InfluxDB, this host's there left out."""
    remote = ScriptedSeries((known(FAR, "far", host="web-2", last_ms=NOW_MS),))
    remote.value_of = lambda _: 2.0
    real = remote.query

    def both(query: Any) -> Any:
        own, other = real(query), real(replace(query, host="web-2"))
        return replace(own, series=own.series + other.series)

    remote.query = both  # type: ignore[method-assign]
    web = house(tmp_path, ScriptedAgent(frame()), OTHER, None, clock, remote=remote)
    path = f"/series?metrics=cpu_usage_cores&group=shop&since={NOW_MS - 3000}&until={NOW_MS}&step=1s"
    assert [c["host"] for c in web.ask("GET", path).json["series"]] == ["web-1", "web-2"]
    (column,) = web.ask("GET", f"{path}&total=true").json["series"]
    assert (column["host"], column["container"]) == ("", "")
    own = [float((NOW_MS - ms) // 1000 % 60) for ms in (3000, 2000, 1000)]
    assert column["avg"] == [value + 2.0 for value in own]
    web.services.auth.close()


def test_the_live_stream_of_another_host_is_passed_on(near: House, far: House) -> None:
    answer = near.ask("GET", "/stream?host=web-2&topics=snapshot&metrics=cpu_usage_cores")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    text = b""
    for piece in answer.response:
        text += piece
        if b"event: snapshot" in text and text.endswith(b"\n\n"):
            break
    answer.close()
    data = next(line for line in text.splitlines() if line.startswith(b"data: "))
    said = msgspec.json.decode(data.removeprefix(b"data: "))
    assert (said["host"], list(said["containers"])) == ("web-2", [FAR])
    assert ID_B not in text.decode()
    assert near.ask("GET", "/stream?host=nobody").status_code == 404
