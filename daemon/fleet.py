"""The dashboards of other hosts over HTTP, each with the token that its ``[[fleet]]`` entry names."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlencode, urlsplit

from config.schema import FleetSettings
from dashboard.fleet import HOP, PeerAnswer
from model.errors import AgentAway

MOST_BYTES: Final = 64 << 20
"""Of one answer: a host shall not fill the memory of another."""
CONNECT_S: Final = 3.0
SILENCE_S: Final = 45.0
"""A live stream says something every 15 s; one that was silent so long is cut."""
PIECE: Final = 65_536


class HttpPeer:
    """:class:`dashboard.fleet.Peer` over HTTP or HTTPS; a connection a request, nothing kept. Thread-safe."""

    def __init__(self, settings: FleetSettings) -> None:
        self._name = settings.name
        self._token = settings.token
        self._url = urlsplit(settings.url)
        self._where = f"{self._url.scheme}://{self._url.netloc.rpartition('@')[2]}"

    @property
    def name(self) -> str:
        return self._name

    def ask(self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float) -> PeerAnswer:
        connection = self._connection(timeout_s)
        try:
            answer = self._send(connection, method, path, query, body, {"Accept": "application/json"})
            read = answer.read(MOST_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise self._away(error) from error
        finally:
            connection.close()
        if len(read) > MOST_BYTES:
            raise AgentAway(f"{self._name} ({self._where}) answers with more than {MOST_BYTES >> 20} MiB")
        return PeerAnswer(answer.status, read, (answer.getheader("Content-Type") or "").partition(";")[0].strip())

    def stream(self, query: Mapping[str, str], last_id: str) -> HttpStream:
        connection = self._connection(SILENCE_S)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        try:
            answer = self._send(connection, "GET", "/stream", query, None, headers)
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._away(error) from error
        if answer.status != 200:
            connection.close()
            raise AgentAway(f"{self._name} ({self._where}) answers its live stream with HTTP {answer.status}")
        return HttpStream(connection, answer)

    def _connection(self, timeout_s: float) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=timeout_s)

    def _send(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> HTTPResponse:
        """Connect quickly or not at all, then wait as long as the connection's own time-out says."""
        patience, connection.timeout = connection.timeout, CONNECT_S
        connection.connect()
        connection.sock.settimeout(patience)
        words = f"?{urlencode(query)}" if query else ""
        sent = {"Authorization": f"Bearer {self._token}", HOP: "1", "Connection": "close", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        base = self._url.path.rstrip("/")
        connection.request(method, f"{base}/api/v1{path}{words}", body, sent)
        return connection.getresponse()

    def _away(self, error: OSError | HTTPException) -> AgentAway:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return AgentAway(f"{self._name} ({self._where}) does not answer: {why}; is its wharfinger running?")


class HttpStream:
    """The body of another host's live stream; it ends where that one ends or falls silent."""

    def __init__(self, connection: HTTPConnection, answer: HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._answer.read1(PIECE)
        except (OSError, HTTPException, ValueError) as error:  # ValueError: closed by another thread
            self.close()
            raise StopIteration from error
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """May be called twice."""
        with contextlib.suppress(OSError):
            self._answer.close()
        self._connection.close()
