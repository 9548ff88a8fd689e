"""How the Docker client reaches a Unix socket: over one pool of connections, and leaving none open.

The library's own adapter keeps a pool for every URL it ever asked for (an idle connection a container, here and in
the daemon), and forgets its socket when a connection is refused.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import docker
import docker.utils
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

TIMEOUT_S = 5


class Tally:
    """What a client's questions cost the daemon: a hook of the library's (requests), called at each answer."""

    def __init__(self) -> None:
        self.requests, self.seconds = 0, 0.0

    def __call__(self, answer: Any, **_: Any) -> None:
        self.requests += 1
        self.seconds += answer.elapsed.total_seconds()


class Connection(UnixHTTPConnection):
    """A connection that closes its socket when it cannot connect."""

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self.unix_socket)
        except OSError:
            connection.close()
            raise
        self.sock = connection


class Pool(UnixHTTPConnectionPool):
    """Connections to one socket."""

    def __init__(self, path: str, timeout: int) -> None:
        super().__init__("http://localhost", path, timeout)
        self._path = path
        self._seconds = timeout

    def _new_conn(self) -> Any:
        return Connection("http://localhost", self._path, self._seconds)


class Adapter(UnixHTTPAdapter):
    """The adapter of one socket: every URL shares its pool."""

    def __init__(self, path: str, timeout: int) -> None:
        super().__init__(path, timeout)
        self._pool = Pool(path, timeout)

    def get_connection(self, url: bytes | str, proxies: Any = None) -> Pool:  # noqa: ARG002 - the library's form
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()


def client(address: str, environ: Mapping[str, str], version: str) -> docker.APIClient:
    """A client for one version of the API; connects to nothing yet."""
    if address.startswith("unix://"):
        made = docker.APIClient(base_url=address, version=version, timeout=TIMEOUT_S)
        made.mount("http+docker://", Adapter(address.removeprefix("unix://"), TIMEOUT_S))
        return made
    tls = docker.utils.kwargs_from_env(environment=dict(environ)).get("tls", False)
    return docker.APIClient(base_url=address, version=version, timeout=TIMEOUT_S, tls=tls)
