"""The web process's HTTP server: waitress, with a thread for every stream and some for the rest."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import ExitStack
from typing import Any

from waitress.server import BaseWSGIServer, create_server
from waitress.wasyncore import close_all

from model.errors import UsageError

THREADS_BESIDE_STREAMS = 16
CONNECTIONS = 400
IDLE_S = 60
BODY_IN_MEMORY = 1 << 26
"""A body is there whole before it is sent: to write large ones into a file first costs more than it saves."""


NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""What an address of a family that this machine does not speak answers: ``localhost`` names ::1 also without IPv6."""


def listening(host: str, port: int) -> list[socket.socket]:
    """A bound socket for each address of ``host`` (``*``: every address), all on one port; 0 takes a free one.

    An address that this machine does not have is passed over where another one is had. Raises OSError.
    """
    found = socket.getaddrinfo(
        None if host == "*" else host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    absent: OSError | None = None
    sockets: list[socket.socket] = []
    with ExitStack() as undone:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one_port = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(bound(socket.socket(family, kind, protocol), (address[0], one_port, *address[2:])))
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                absent = error
            else:
                undone.callback(sockets[-1].close)
        if not sockets:
            raise absent or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
        undone.pop_all()
    return sockets


def bound(opened: socket.socket, address: tuple[Any, ...]) -> socket.socket:
    """The same socket, bound; closed where that fails. Raises OSError."""
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if opened.family == socket.AF_INET6:  # the other family has a socket of its own
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


class HttpServer:
    """Serves a WSGI application on every address of one name, from threads of its own."""

    def __init__(self, app: Any, host: str, port: int, *, max_streams: int) -> None:
        """Raises UsageError where the address cannot be had."""
        try:
            sockets = listening(host, port)
            self._map: dict[int, Any] = {}
            self._server: Any = create_server(
                app,
                map=self._map,
                sockets=sockets,
                threads=max_streams + THREADS_BESIDE_STREAMS,
                connection_limit=max(CONNECTIONS, 2 * max_streams),
                channel_timeout=IDLE_S,
                ident=None,
                clear_untrusted_proxy_headers=False,
                outbuf_overflow=BODY_IN_MEMORY,
            )
        except (OSError, OverflowError, UnicodeError) as error:
            remedy = "is another wharfinger running? set web.listen to another address"
            raise UsageError(f"cannot listen on {host}:{port} ({error}); {remedy}") from error
        self._first = next(part for part in self._map.values() if isinstance(part, BaseWSGIServer))
        self.port = int(self._first.effective_port)
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def turns(self, timeout_s: float) -> bool:
        """Whether the loop that takes connections still turns: it is asked to do something, and does so in time."""
        turned = threading.Event()
        self._first.trigger.pull_trigger(turned.set)
        return turned.wait(timeout_s)

    def close(self) -> None:
        """Close every socket in the loop's own thread, then end the threads; one that waits ends with the process."""
        trigger = self._first.trigger
        with trigger.lock:  # a loop that is awake for an answer's sake closes the trigger too, but after our pull
            trigger.thunks.append(lambda: close_all(self._map, ignore_all=True))
            trigger.pull_trigger()
        self._thread.join(2)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)

    def _serve(self) -> None:
        try:
            self._server.run()
        except OSError:
            return  # the listening socket was closed under the poll: that is how waitress ends
