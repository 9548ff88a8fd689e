"""A small write endpoint that answers as a test tells it, in the words of InfluxDB 2.x and 3.x."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

HANG: Final = "hang"
RESET: Final = "reset"


@dataclass(frozen=True)
class Answer:
    """``status`` with a JSON ``body``; ``kind``: :data:`HANG` or :data:`RESET` instead of an answer."""

    status: int = 204
    body: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


STORED: Final = Answer()
UNAUTHORIZED: Final = Answer(401, {"code": "unauthorized", "message": "unauthorized access"})
NO_BUCKET: Final = Answer(404, {"code": "not found", "message": 'bucket "wharfinger" not found'})
NO_PAGE: Final = Answer(404, {"code": "not found", "message": "path not found"})
TOO_LARGE: Final = Answer(413, {"code": "request too large", "message": "cannot read data: points batch is too large"})
CONFLICT: Final = Answer(
    422,
    {
        "code": "unprocessable entity",
        "message": "failure writing points to database: partial write: field type conflict: "
        'input field "pids" on measurement "container" is type float, already exists as type integer dropped=2',
    },
)
SLOW_DOWN: Final = Answer(429, {"code": "too many requests", "message": "slow down"}, {"Retry-After": "2"})
UNAVAILABLE: Final = Answer(503, {"code": "unavailable", "message": "unavailable"}, {"Retry-After": "3600"})
INTERNAL: Final = Answer(500, {"code": "internal error", "message": "cache-max-memory-size exceeded: (1/1)"})
NO_ORG: Final = Answer(400, {"code": "invalid", "message": "Please provide either orgID or org"})


def malformed_v2(line: str) -> Answer:
    """2.x: nothing stored."""
    return Answer(400, {"code": "invalid", "message": f"unable to parse '{line}': invalid number"})


def malformed_v3(line: str, number: int) -> Answer:
    """3 Core: nothing stored, and only the first bad line is named."""
    data = {"error_message": "Could not parse", "line_number": number, "original_line": line}
    return Answer(400, {"error": "parsing failed for write_lp endpoint", "data": data})


Decide = Callable[[list[str]], Answer]


class FaultServer:
    """``decide`` answers each write by its lines; ``accepted``: lines of the writes that were answered 2xx.

    ``version`` is what ``/health`` says, so that a client finds 2.x or 3.x here.
    """

    def __init__(self) -> None:
        self.decide: Decide = lambda lines: STORED
        self.version = "v2.7.12"
        self.organisations = ["home"]
        self.accepted: list[str] = []
        self.requests: list[tuple[str, dict[str, list[str]], int]] = []
        """(path, parameters, lines) of every write."""
        self.made: list[object] = []
        """Bodies of POST /api/v2/buckets."""
        self.may_make_buckets = True
        self.authorization: list[str | None] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: FaultServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # one segment an answer: else each waits 40 ms for a delayed acknowledgement

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
            """Tests are silent."""

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/health":
                if server.version.startswith("3"):
                    self._raw(200, b"OK", {})
                else:
                    self._answer(Answer(200, {"name": "influxdb", "status": "pass", "version": server.version}))
            elif path == "/ping":
                self._raw(200, b"", {"X-Influxdb-Version": server.version})
            elif path == "/api/v2/orgs":
                orgs = [{"id": f"id-of-{name}", "name": name} for name in server.organisations]
                self._answer(Answer(200, {"orgs": orgs}))
            else:
                self._answer(NO_PAGE)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            if parts.path == "/api/v2/buckets":
                server.made.append(json.loads(body))
                denied = Answer(403, {"code": "forbidden", "message": "write:orgs/buckets is unauthorized"})
                self._answer(Answer(201, {"name": "made"}) if server.may_make_buckets else denied)
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            lines = body.decode().splitlines()
            server.requests.append((parts.path, parse_qs(parts.query), len(lines)))
            server.authorization.append(self.headers.get("Authorization"))
            answer = server.decide(lines)
            if 200 <= answer.status < 300 and not answer.kind:
                server.accepted += lines
            self._answer(answer)

        def _answer(self, answer: Answer) -> None:
            if answer.kind == HANG:
                server.released.wait(60)
                self.close_connection = True
            elif answer.kind == RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
            else:
                raw = b"" if answer.status == 204 else json.dumps(answer.body).encode()
                self._raw(answer.status, raw, answer.headers)

        def _raw(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
