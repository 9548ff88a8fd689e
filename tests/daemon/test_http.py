"""The HTTP server on names with several addresses."""

from __future__ import annotations

import errno
import os
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.http import HttpServer, listening
from model.errors import UsageError

BOTH = ("::1", "127.0.0.1")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_ADDR"].encode()]


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """From now on the name ``twofold`` has these addresses."""
    known = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        if host != "twofold":
            return known(host, port, *rest, **more)
        return [found for address in addresses for found in known(address, port, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def has(address: str) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    names(monkeypatch, *BOTH)
    server = HttpServer(app, "twofold", 0, max_streams=2)
    server.start()
    yield server
    server.close()


def test_a_name_with_two_addresses_is_served_on_both_by_one_port(server: HttpServer) -> None:
    assert server.turns(5)
    reached = [address for address in BOTH if has(address)]
    assert "127.0.0.1" in reached
    for address in reached:
        place = f"[{address}]" if ":" in address else address
        with urllib.request.urlopen(f"http://{place}:{server.port}/", timeout=10) as answer:
            assert answer.read().decode() == address


def test_after_the_end_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, *BOTH)
    server = HttpServer(app, "twofold", 0, max_streams=2)
    server.start()
    assert server.turns(5)
    server.close()
    again = listening("127.0.0.1", server.port)
    assert again[0].getsockname()[1] == server.port
    again[0].close()


def test_a_loop_that_is_awake_already_does_not_close_the_trigger_under_our_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = HttpServer(app, "127.0.0.1", 0, max_streams=2)
    server.start()
    pull = server._first.trigger._physical_pull

    def after_another() -> None:
        pull()  # an answer that is ready wakes the loop
        server._thread.join(0.2)
        pull()

    monkeypatch.setattr(server._first.trigger, "_physical_pull", after_another)
    server.close()
    assert not server._thread.is_alive()


def test_an_address_that_is_not_here_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "192.0.2.1", "127.0.0.1")
    (only,) = listening("twofold", 0)
    assert only.getsockname()[0] == "127.0.0.1"
    only.close()
    names(monkeypatch, "192.0.2.1")
    with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
        listening("twofold", 0)


def test_a_port_that_is_taken_on_one_address_is_said_and_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        names(monkeypatch, "127.0.0.2", "127.0.0.1")
        with pytest.raises(UsageError, match=rf"cannot listen on twofold:{port}.*set web\.listen"):
            HttpServer(app, "twofold", port, max_streams=2)
    (free,) = listening("127.0.0.2", port)
    free.close()


def test_a_name_that_nobody_knows_is_said() -> None:
    with pytest.raises(UsageError, match=r"cannot listen on nowhere\.invalid:0"):
        HttpServer(app, "nowhere.invalid", 0, max_streams=2)
