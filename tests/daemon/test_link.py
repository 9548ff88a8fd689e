"""The link over a real Unix socket: frames, commands, snapshots, and peers that do not behave."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.link import ENCODER, LinkServer, Request, connect, may_connect
from daemon.link_client import LinkClient
from daemon.worker import Worker
from model.errors import AgentAway, UsageError
from model.limits import UNLIMITED, Limits
from model.live import Command, Frame, Reply
from model.reading import CgroupReading
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from tests.support.wait import wait_until

TARGET = Target(TargetId("docker", "a" * 64, 7), "/docker/a", "we\nb\u202e", labels={"x": "y"})
SNAPSHOT = Snapshot(
    at_ms=1_000,
    interval_s=1.0,
    host="h",
    cgroup="hybrid",
    host_sample=Sample({"cpu_usage_cores": 0.5}),
    targets={TARGET.key: TARGET},
    samples={TARGET.key: Sample({"cpu_usage_cores": 0.25})},
    limits={TARGET.key: Limits(cpu_cores=UNLIMITED, memory_bytes=64 << 20)},
    readings={TARGET.key: CgroupReading(5, 7, cpu_usage_ns=12)},
)
FRAME = Frame(
    at_ms=1_000,
    interval_s=1.0,
    host="h",
    cgroup="hybrid",
    host_values=SNAPSHOT.host_sample.values,
    targets=SNAPSHOT.targets,
    values={TARGET.key: {"cpu_usage_cores": 0.25}},
    limits=SNAPSHOT.limits,
    policies={},
    findings=(),
    transitions=(),
    changes=(),
    events=(),
    gaps=(),
    parts=(),
)


def answer(command: Command) -> Reply:
    return Reply(200, {"name": command.name, "actor": command.actor, **command.arguments})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LinkServer]:
    server = LinkServer(tmp_path / "run" / "agent.sock", answer)
    server.start()
    yield server
    server.close()


@pytest.fixture
def path(server: LinkServer, tmp_path: Path) -> Path:
    return tmp_path / "run" / "agent.sock"


@pytest.fixture
def client(path: Path) -> Iterator[LinkClient]:
    client = LinkClient(path)
    worker = Worker("follow", client.follow)
    worker.start()
    yield client
    client.close()
    assert worker.stop()


def test_every_frame_arrives_as_it_was_sent(server: LinkServer, client: LinkClient) -> None:
    server.publish(FRAME, SNAPSHOT)
    frame = client.wait(0, 5.0)
    assert frame == FRAME
    server.publish(replace(FRAME, at_ms=2_000), SNAPSHOT)
    later = client.wait(1_000, 5.0)
    assert later is not None
    assert later.at_ms == 2_000


def test_a_frame_is_decoded_when_somebody_looks(
    server: LinkServer, client: LinkClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.publish(FRAME, SNAPSHOT)
    wait_until(lambda: client._unread is not None, 5, "the frame")
    assert client._frame is None
    assert client.frame() == FRAME
    assert client._unread is None
    assert client.frame() is client.frame()
    client._unread = b"\xc1"
    assert client.frame() == FRAME, "one of another version leaves the one before"
    client._unread = b"\xc1"
    assert client.frame() == FRAME
    assert caplog.text.count("both of one version") == 1


def test_a_client_that_comes_late_gets_the_newest_frame_at_once(server: LinkServer, path: Path) -> None:
    server.publish(FRAME, SNAPSHOT)
    server.publish(replace(FRAME, at_ms=2_000), SNAPSHOT)
    client = LinkClient(path)
    worker = Worker("follow", client.follow)
    worker.start()
    frame = client.wait(0, 5.0)
    assert frame is not None
    assert frame.at_ms == 2_000
    client.close()
    assert worker.stop()


def test_a_question_is_answered_and_a_snapshot_is_given_whole(server: LinkServer, client: LinkClient) -> None:
    reply = client.ask(Command("limits.set", {"cpu_cores": 1.5}, "ann", "operator"))
    assert reply == Reply(200, {"name": "limits.set", "actor": "ann", "cpu_cores": 1.5})
    server.publish(FRAME, SNAPSHOT)
    assert client.snapshot() == SNAPSHOT


def test_without_an_agent_every_question_says_so(tmp_path: Path) -> None:
    client = LinkClient(tmp_path / "none.sock")
    with pytest.raises(AgentAway, match="is wharfinger running"):
        client.ask(Command("status", {}, "ann", "viewer"))
    assert client.frame() is None
    assert client.age_s() is None
    assert client.wait(0, 0.0) is None


def test_the_client_comes_back_when_the_agent_does(server: LinkServer, client: LinkClient, path: Path) -> None:
    server.publish(FRAME, SNAPSHOT)
    assert client.wait(0, 5.0) is not None
    server.close()
    again = LinkServer(path, answer)
    again.start()
    again.publish(replace(FRAME, at_ms=9_000), SNAPSHOT)
    frame = client.wait(1_000, 10.0)
    assert frame is not None
    assert frame.at_ms == 9_000
    again.close()


def test_what_is_no_request_ends_that_connection_alone(server: LinkServer, client: LinkClient, path: Path) -> None:
    for garbage in (b"", b"\xc1\xff", b"GET / HTTP/1.1\r\n\r\n", ENCODER.encode({"kind": 3})):
        peer = connect(path)
        peer.send_bytes(garbage)
        with pytest.raises(EOFError):
            peer.recv_bytes()
        peer.close()
    raw = socket.socket(socket.AF_UNIX)
    raw.connect(str(path))
    raw.sendall(b"\x7f\xff\xff\xff")  # promises two gigabytes
    raw.close()
    assert client.ask(Command("status", {}, "ann", "viewer")).status == 200
    wait_until(lambda: server.connections() == 1, 5, "only the stream is left open")


def test_another_version_is_told(path: Path) -> None:
    peer = connect(path)
    peer.send_bytes(ENCODER.encode(Request("ask", version=99, command=Command("status", {}, "a", "viewer"))))
    assert b"different versions" in peer.recv_bytes()
    peer.close()


def test_the_socket_is_not_for_everybody(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    assert mode == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0


def test_peers_are_known_by_the_kernel(path: Path) -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        assert may_connect(left, os.getegid())


def test_a_second_agent_is_refused(path: Path, server: LinkServer) -> None:
    with pytest.raises(UsageError, match="another agent"):
        LinkServer(path, answer).start()


def test_a_socket_left_behind_by_a_crash_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    server = LinkServer(path, answer)
    server.start()
    assert LinkClient(path).ask(Command("status", {}, "a", "viewer")).status == 200
    server.close()
    assert not path.exists()


def test_a_group_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no group 'wharfingers'"):
        LinkServer(tmp_path / "a.sock", answer, "wharfingers").start()
