"""A real HTTP receiver on loopback: keeps what it is sent and answers as the test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One POST as it came, and when (seconds since the epoch). Header names are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at_s: float = field(default_factory=time.time)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer. ``hang``: wait for this event before answering."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    hang: threading.Event | None = None


class WebhookServer(ThreadingHTTPServer):
    """``requests`` are in the order of arrival; ``script`` is answered in order, then 200 for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Sequence[Scripted] = ()) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.requests: list[Request] = []
        self._script = list(script)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def taken(self, request: Request) -> Scripted:
        """Keep the request; what to answer."""
        with self._lock:
            self.requests.append(request)
            return self._script.pop(0) if self._script else Scripted()

    def script(self, *answers: Scripted) -> None:
        """Answer these next."""
        with self._lock:
            self._script = list(answers)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault of the test."""


class Post(BaseHTTPRequestHandler):
    server: WebhookServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.taken(Request(self.path, headers, body))
        if answer.hang is not None:
            answer.hang.wait(30)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Quiet."""


@contextmanager
def receiving(*script: Scripted) -> Iterator[WebhookServer]:
    """A running receiver."""
    server = WebhookServer(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
