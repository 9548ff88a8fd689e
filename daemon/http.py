"""The web process's HTTP server: waitress, with a thread for every stream and some for the rest."""

from __future__ import annotations

import threading
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import close_all

from model.errors import UsageError

THREADS_BESIDE_STREAMS = 16
CONNECTIONS = 400
IDLE_S = 60
BODY_IN_MEMORY = 1 << 26
"""A body is there whole before it is sent: to write large ones into a file first costs more than it saves."""


class HttpServer:
    """Serves a WSGI application on one address from threads of its own."""

    def __init__(self, app: Any, host: str, port: int, *, max_streams: int) -> None:
        """Raises UsageError where the address cannot be had."""
        try:
            self._server: Any = create_server(
                app,
                host=host,
                port=port,
                threads=max_streams + THREADS_BESIDE_STREAMS,
                connection_limit=max(CONNECTIONS, 2 * max_streams),
                channel_timeout=IDLE_S,
                ident=None,
                clear_untrusted_proxy_headers=False,
                outbuf_overflow=BODY_IN_MEMORY,
            )
        except (OSError, OverflowError) as error:
            remedy = "is another wharfinger running? set web.listen to another address"
            raise UsageError(f"cannot listen on {host}:{port} ({error}); {remedy}") from error
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def turns(self, timeout_s: float) -> bool:
        """Whether the loop that takes connections still turns: it is asked to do something, and does so in time."""
        turned = threading.Event()
        self._server.trigger.pull_trigger(turned.set)
        return turned.wait(timeout_s)

    def close(self) -> None:
        """Close every socket in the loop's own thread, then end the threads; one that waits ends with the process."""
        self._server.trigger.pull_trigger(lambda: close_all(self._server._map, ignore_all=True))
        self._thread.join(2)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)

    def _serve(self) -> None:
        try:
            self._server.run()
        except OSError:
            return  # the listening socket was closed under the poll: that is how waitress ends
