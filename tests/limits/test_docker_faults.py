"""A Docker engine that misbehaves: silent, rude, torn. Every answer is a clear word, and no call hangs."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from limits.actuator.base import ActuatorAway, Unanswered
from limits.actuator.docker import DockerActuator
from model.errors import NotThere, Refused

KEY = "a" * 64


class Answers(BaseHTTPRequestHandler):
    """Answers ``/version`` properly and everything else by the script ``what``."""

    what: ClassVar[str] = ""
    stopped: ClassVar[threading.Event]

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        if self.path.endswith("/version"):
            self._send(200, {"ApiVersion": "1.41"})
        elif self.what == "silent":
            self.stopped.wait(20)
        elif self.what == "torn":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        elif self.what == "no json":
            self._raw(200, b"<html>")
        elif self.what == "a list":
            self._send(200, [])
        elif self.what == "no config":
            self._send(200, {"Id": KEY})
        elif self.what == "gone":
            self._send(404, {"message": "No such container: aaa"})
        else:
            self._send(500, {"message": "line\nline \x1b[31m" + "x" * 5000})

    def _send(self, status: int, body: object) -> None:
        self._raw(status, json.dumps(body).encode())

    def _raw(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None: ...


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerActuator]:
    Answers.stopped = threading.Event()
    server = Server(str(tmp_path / "docker.sock"), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    actuator = DockerActuator(f"unix://{tmp_path / 'docker.sock'}", timeout_s=1)
    yield actuator
    actuator.close()
    Answers.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("silent", Unanswered, "does not answer"),
        ("torn", Unanswered, "does not answer"),
        ("no json", Unanswered, "does not answer"),
        ("a list", Unanswered, "no JSON object"),
        ("gone", NotThere, "knows no container aaaaaaaaaaaa"),
        ("rude", Refused, r"Docker refused: line line"),
    ],
)
def test_an_update(
    engine: DockerActuator, monkeypatch: pytest.MonkeyPatch, what: str, kind: type[Exception], words: str
) -> None:
    monkeypatch.setattr(Answers, "what", what)
    with pytest.raises(kind, match=words) as told:
        engine.update(KEY, {"NanoCpus": 1})
    assert type(told.value) is kind
    assert "\n" not in str(told.value)
    assert "\x1b" not in str(told.value)
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("what", ["silent", "torn", "no json", "a list", "no config"])
def test_an_inspect_changes_nothing_and_is_only_away(
    engine: DockerActuator, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(Answers, "what", what)
    with pytest.raises(ActuatorAway) as told:
        engine.inspect(KEY)
    assert not isinstance(told.value, Unanswered)


def test_it_counts_what_it_asks(engine: DockerActuator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.asked() == (0, 0.0)
    monkeypatch.setattr(Answers, "what", "no config")
    with pytest.raises(ActuatorAway):
        engine.inspect(KEY)
    monkeypatch.setattr(Answers, "what", "gone")
    with pytest.raises(NotThere):
        engine.update(KEY, {"NanoCpus": 1})
    requests, seconds = engine.asked()
    assert requests == 2
    assert 0 < seconds < 10


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_an_engine_that_refuses_costs_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(path))
    actuator, before = DockerActuator(f"unix://{path}", timeout_s=1), descriptors()
    for _ in range(5):
        with pytest.raises(ActuatorAway, match="does not answer"):
            actuator.update(KEY, {"NanoCpus": 1})
    assert descriptors() <= before
    assert actuator.asked() == (0, 0.0)
