"""A hostile peer on the link's socket: whatever it sends, or does not, others are served and nothing is held for it."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.link import CONNECTIONS_MAX, ENCODER, REQUEST_MAX_BYTES, LinkServer, Request
from daemon.link_client import LinkClient
from model.live import Command, Reply
from tests.daemon.test_link import FRAME, SNAPSHOT
from tests.support.wait import wait_until

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {}, optional={"kind": st.sampled_from(["stream", "ask", "snapshot", "x"]) | JSON, "version": JSON, "command": JSON}
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LinkServer, Path]]:
    """An agent's link that has patience for a second."""
    path = tmp_path_factory.mktemp("run") / "agent.sock"
    server = LinkServer(path, lambda command: Reply(200, {"name": command.name}), patience_s=1)
    server.start()
    server.publish(FRAME, SNAPSHOT)
    yield server, path
    server.close()


def dialled(path: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(str(path))
    peer.settimeout(10)
    return peer


def well(path: Path) -> bool:
    return LinkClient(path).ask(Command("status", {}, "ann", "viewer")).status == 200


def hung_up(peer: socket.socket) -> bool:
    with contextlib.suppress(ConnectionError):
        while peer.recv(1 << 16):
            pass
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200) | REQUESTS.map(msgspec.msgpack.encode), promised=st.none() | st.integers(0, 2**31 - 1)
)
def test_made_up_requests_harm_nobody(served: tuple[LinkServer, Path], body: bytes, promised: int | None) -> None:
    _, path = served
    with dialled(path) as peer, contextlib.suppress(ConnectionError):
        peer.sendall(struct.pack("!i", len(body) if promised is None else promised) + body)
    assert well(path)


def test_a_message_beyond_the_bound_is_not_taken_in(served: tuple[LinkServer, Path]) -> None:
    _, path = served
    with dialled(path) as peer:
        peer.sendall(struct.pack("!i", REQUEST_MAX_BYTES + 1))
        assert hung_up(peer)


@pytest.mark.parametrize("said", [b"", b"\0\0", struct.pack("!i", 100) + b"half"])
def test_who_says_nothing_or_half_is_hung_up_on(served: tuple[LinkServer, Path], said: bytes) -> None:
    _, path = served
    with dialled(path) as peer:
        peer.sendall(said)
        assert hung_up(peer)


def test_who_holds_every_place_loses_them_soon(served: tuple[LinkServer, Path]) -> None:
    server, path = served

    def nobody() -> bool:
        server.publish(FRAME, SNAPSHOT)  # a stream whose reader went away is noticed at the next tick
        return server.connections() == 0

    wait_until(nobody, 10, "nobody is there")
    with contextlib.ExitStack() as crowd:
        for _ in range(CONNECTIONS_MAX):
            crowd.enter_context(dialled(path))
        wait_until(lambda: server.connections() == CONNECTIONS_MAX, 10, "every place is held")
        wait_until(lambda: server.connections() == 0, 10, "the silent ones are gone")
        assert well(path)


def test_who_asks_for_the_stream_and_does_not_read_is_dropped(served: tuple[LinkServer, Path]) -> None:
    server, path = served
    request = ENCODER.encode(Request("stream"))
    with dialled(path) as peer:
        peer.sendall(struct.pack("!i", len(request)) + request)
        wait_until(lambda: server.connections() == 1, 10, "the stream is open")

        def stuffed() -> bool:
            for _ in range(200):
                server.publish(FRAME, SNAPSHOT)
            return server.connections() == 0

        wait_until(stuffed, 30, "it is dropped")
    assert well(path)
