"""The live stream: framing, topics, resume, heartbeat, the cap, and places given back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from config.schema import WebSettings
from daemon.http import HttpServer
from dashboard.live import Hub, Stream, Tick
from model.event import Event
from model.live import Frame
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import HOST, HOSTILE, ID_A, NOW_MS, ScriptedAgent, change, frame, target, transition
from tests.support.wait import wait_until

TOPICS = frozenset({"snapshot", "alert", "change", "event"})


def rich(at_ms: int) -> Frame:
    event = Event(at_ms, "oom", HOST, ID_A, "api", id=at_ms)
    return frame(at_ms, transitions=(transition(),), changes=(change(),), events=(event,))


@pytest.fixture
def agent() -> ScriptedAgent:
    return ScriptedAgent(frame())


def stream(agent: ScriptedAgent, hub: Hub | None = None, **more: Any) -> Stream:
    arguments: dict[str, Any] = {"topics": TOPICS, "metrics": (), "after_ms": None, "still": lambda: True}
    return Stream(hub or Hub(agent, 4), **(arguments | {"heartbeat_s": 5.0} | more))


def parsed(data: bytes) -> list[dict[str, str]]:
    """Messages of a piece of stream, each as its fields."""
    assert data.endswith(b"\n\n")
    parts = data.decode().removesuffix("\n\n").split("\n\n")
    return [dict(line.split(": ", 1) for line in part.splitlines()) for part in parts]


def test_the_first_words_say_when_to_come_again_and_then_comes_the_newest_tick(agent: ScriptedAgent) -> None:
    live = stream(agent)
    assert next(live) == b"retry: 2000\n\n"
    (message,) = parsed(next(live))
    assert message["event"] == "snapshot"
    assert message["id"] == str(NOW_MS)
    said = json.loads(message["data"])
    assert said["host"] == HOST
    assert said["at"] == "2025-11-24T16:00:00.000Z"
    assert said["containers"][ID_A]["cpu_usage_cores"] == 0.2
    assert said["host_metrics"]["host_load_1m"] == 2.0
    assert said["findings"] == ["f-api"]
    live.close()


def test_a_tick_brings_its_news_before_its_snapshot_and_one_id_at_the_end(agent: ScriptedAgent) -> None:
    live = stream(agent)
    next(live), next(live)
    agent.publish(rich(NOW_MS + 1000))
    messages = parsed(next(live))
    assert [m["event"] for m in messages] == ["alert", "change", "event", "snapshot"]
    assert [m.get("id") for m in messages] == [None, None, None, str(NOW_MS + 1000)]
    assert json.loads(messages[0]["data"])["before"] == "pending"
    assert json.loads(messages[1]["data"])["finding_id"] == "f-api"
    assert json.loads(messages[2]["data"])["kind"] == "oom"
    live.close()


def test_topics_and_metrics_narrow_it(agent: ScriptedAgent) -> None:
    live = stream(agent, topics=frozenset({"snapshot"}), metrics=("cpu_usage_cores",))
    next(live), next(live)
    agent.publish(rich(NOW_MS + 1000))
    (message,) = parsed(next(live))
    said = json.loads(message["data"])
    assert said["containers"][ID_A] == {"cpu_usage_cores": 0.2}
    assert said["host_metrics"] == {"cpu_usage_cores": 1.5}
    live.close()


def test_a_cut_client_gets_what_it_missed_but_only_the_newest_snapshot(agent: ScriptedAgent) -> None:
    hub = Hub(agent, 4)
    watcher = stream(agent, hub)
    next(watcher), next(watcher)
    for second in (1, 2, 3):
        agent.publish(rich(NOW_MS + second * 1000))
        next(watcher)
    late = stream(agent, hub, after_ms=NOW_MS + 1000)
    next(late)
    messages = parsed(next(late))
    assert [m["event"] for m in messages] == ["alert", "change", "event"] * 2 + ["snapshot"]
    assert [m["id"] for m in messages if "id" in m] == [str(NOW_MS + 2000), str(NOW_MS + 3000)]
    fresh = stream(agent, hub)
    next(fresh)
    assert len(parsed(next(fresh))) == 4, "a new page gets the newest tick alone"
    for open_one in (watcher, late, fresh):
        open_one.close()


def test_silence_is_filled_with_comments(agent: ScriptedAgent) -> None:
    agent.frame_now = None
    live = stream(agent, heartbeat_s=0.01)
    next(live)
    assert next(live) == b": heartbeat\n\n"
    live.close()


def test_a_stream_ends_when_its_login_ends(agent: ScriptedAgent) -> None:
    allowed = [True]
    hub = Hub(agent, 4)
    live = stream(agent, hub, still=lambda: allowed[0], heartbeat_s=1.0)
    next(live), next(live)
    allowed[0] = False
    agent.publish(rich(NOW_MS + 5000))
    assert list(live) == []
    assert hub.numbers()["wharfinger_web_streams"] == 0


def test_one_tick_is_encoded_once_for_all() -> None:
    tick = Tick(rich(NOW_MS))
    assert tick.snapshot(()) is tick.snapshot(())
    assert tick.snapshot(("pids",)) is not tick.snapshot(())
    assert tick.news("alert") is tick.news("alert")


def test_hostile_names_cannot_break_the_framing() -> None:
    hostile = replace(
        frame(), targets={ID_A: target(ID_A, HOSTILE)}, events=(Event(NOW_MS, "start", HOST, ID_A, HOSTILE),)
    )
    (data,) = Tick(hostile).news("event")
    (message,) = parsed(data)
    assert json.loads(message["data"])["name"] == HOSTILE


def test_the_cap_answers_503_and_a_closed_stream_gives_its_place_back(build: Builder) -> None:
    site = build(WebSettings(max_streams=2))
    first, second = site.get("/api/v1/stream"), site.get("/api/v1/stream")
    assert first.headers["Content-Type"].startswith("text/event-stream")
    assert first.headers["X-Accel-Buffering"] == "no"
    refused = site.get("/api/v1/stream")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    first.close()
    third = site.get("/api/v1/stream")
    assert third.status_code == 200
    for open_one in (second, third):
        open_one.close()
    numbers = site.get("/metrics").get_data(as_text=True)
    assert "wharfinger_web_streams 0" in numbers
    assert "wharfinger_web_streams_refused_total 1" in numbers


def test_head_takes_no_place(build: Builder) -> None:
    site = build(WebSettings(max_streams=1))
    for _ in range(3):
        assert site.client().head("/api/v1/stream", headers=site.headers("viewer")).status_code == 200


@pytest.mark.parametrize(
    ("query", "status"), [("topics=snapshot,colour", 422), ("metrics=nope", 422), ("host=other", 404)]
)
def test_a_bad_wish_is_refused(site: Site, query: str, status: int) -> None:
    answer = site.get(f"/api/v1/stream?{query}")
    assert answer.status_code == status


def test_last_event_id_is_read_and_nonsense_is_ignored(site: Site) -> None:
    for value in ("1763999999000", "nonsense", "²", "9" * 40):
        with site.get("/api/v1/stream", headers={"Last-Event-ID": value}) as answer:
            assert answer.status_code == 200


@pytest.fixture
def served(build: Builder) -> Iterator[tuple[Site, int]]:
    site = build(WebSettings(max_streams=3))
    server = HttpServer(site.app, "127.0.0.1", 0, max_streams=3)
    server.start()
    yield site, server.port
    server.close()


def opened(site: Site, port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    token = site.headers("viewer")["Authorization"]
    link.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n".encode())
    return link


def read_until(link: socket.socket, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        piece = link.recv(65536)
        assert piece, data
        data += piece
    return data


def test_over_a_real_server_ticks_arrive_and_a_lost_client_frees_its_place(served: tuple[Site, int]) -> None:
    site, port = served
    links = [opened(site, port) for _ in range(3)]
    for link in links:
        assert b"200 OK" in read_until(link, b"event: snapshot")
    site.agent.publish(rich(NOW_MS + 1000))
    for link in links:
        assert b"event: alert" in read_until(link, b"id: %d" % (NOW_MS + 1000))
    over = opened(site, port)
    assert b"503" in read_until(over, b"\r\n\r\n")
    over.close()
    for link in links:
        link.close()
    moment = iter(range(2, 10_000))

    def all_gone() -> bool:
        site.agent.publish(rich(NOW_MS + next(moment) * 1000))
        threading.Event().wait(0.02)
        return b"wharfinger_web_streams 0" in site.get("/metrics").data

    wait_until(all_gone, 10, "the places of lost clients")
