"""One POST, and what its answer means. The room's only way to the network (Apprise apart).

No redirect is followed and little of an answer is read: a receiver is a stranger. ``http.client`` and not urllib3,
since a deadline over the whole exchange must be able to shut the socket, also while a receiver sends a header a byte.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from alerts.notify.networks import Networks, is_denied
from alerts.notify.notifier import Answer, Message
from alerts.words import plain
from model.alert import DeliveryState

ANSWER_BYTES = 4096
DENIED = (
    "its address lies in a network that receivers made through the API may not reach: put the receiver into the "
    "configuration, or change alerts.denied_networks"
)
RETRIED = (408, 425, 429)


class Poster:
    """Sends messages. Any thread; :meth:`close` ends what is in flight."""

    def __init__(self, timeout_s: float = 15.0) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._in_flight: set[http.client.HTTPConnection] = set()
        self._closed = False
        self._tls: ssl.SSLContext | None = None

    def send(self, message: Message, now_ms: int, denied: Networks = ()) -> Answer:
        """POST the message; blocks at most for the time-out (a resolver may take longer). To an address in ``denied``
        nothing is sent."""
        try:
            connection = self._connection(message.url)
        except ValueError:
            return Answer(DeliveryState.REJECTED, "the URL cannot be used: correct it in the receiver")
        late = threading.Event()
        timer = threading.Timer(self._timeout_s, self._give_up, (connection, late))
        timer.daemon = True
        with self._lock:
            if self._closed:
                return Answer(DeliveryState.RETRY, "not sent: stopping")
            self._in_flight.add(connection)
        timer.start()
        try:
            if denied and peer_is_denied(connection, denied):
                return Answer(DeliveryState.REJECTED, DENIED)
            answer = self._exchange(connection, message, now_ms)
            # A socket that was shut reads like the end of the headers: what came till then is no answer.
            return Answer(DeliveryState.RETRY, self._reason(TimeoutError(), late=True)) if late.is_set() else answer
        except (OSError, http.client.HTTPException) as error:
            return Answer(DeliveryState.RETRY, self._reason(error, late=late.is_set()))
        except ValueError:
            return Answer(DeliveryState.REJECTED, "the message cannot be sent: check URL and secret for odd characters")
        finally:
            timer.cancel()
            with self._lock:
                self._in_flight.discard(connection)
            connection.close()

    def close(self) -> None:
        """End what is in flight; nothing more is sent."""
        with self._lock:
            self._closed = True
            flying = list(self._in_flight)
        for connection in flying:
            shut(connection)

    def _exchange(self, connection: http.client.HTTPConnection, message: Message, now_ms: int) -> Answer:
        parts = urlsplit(message.url)
        headers = {"User-Agent": "wharfinger", **message.headers}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, message.body, headers)
        response = connection.getresponse()
        text = response.read(ANSWER_BYTES).decode("utf-8", "replace")
        return judged(response.status, text, response.getheader("Retry-After"), now_ms)

    def _connection(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ValueError(parts.scheme)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self._timeout_s)
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self._timeout_s, context=self._tls)

    def _give_up(self, connection: http.client.HTTPConnection, late: threading.Event) -> None:
        late.set()
        shut(connection)

    def _reason(self, error: Exception, *, late: bool) -> str:
        """Why there is no answer, without the URL (it may hold a secret)."""
        if late or isinstance(error, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {plain(error.reason or str(error), 200)}"
        if isinstance(error, socket.gaierror):
            return f"the host's name is not known: {plain(error.strerror or '', 100)}"
        if isinstance(error, OSError) and error.strerror:
            return plain(error.strerror.lower(), 200)
        return "the connection was closed without an answer"


def peer_is_denied(connection: http.client.HTTPConnection, denied: Networks) -> bool:
    """Connect, and look who is there."""
    literal = connection.host.strip("[]")
    if is_address(literal) and is_denied(literal, denied):
        return True
    connection.connect()
    return is_denied(connection.sock.getpeername()[0], denied)


def is_address(text: str) -> bool:
    """Whether a host is written as an address."""
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def shut(connection: http.client.HTTPConnection) -> None:
    """Wake whoever reads from or writes to the connection."""
    sock = connection.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed by itself meanwhile


def judged(status: int, text: str, retry_after: str | None, now_ms: int) -> Answer:
    """What a status means: 2xx accepted, 410 gone, 408 425 429 3xx 5xx again later, other 4xx never. Pure."""
    detail = f"HTTP {status}" + (f": {plain(text, 200)}" if text.strip() and not 200 <= status < 300 else "")
    if 200 <= status < 300:
        return Answer(DeliveryState.ACCEPTED, detail, status)
    if status == 410:
        return Answer(DeliveryState.REJECTED, "HTTP 410: the receiver is gone and was disabled", status, gone=True)
    if 300 <= status < 400:
        return Answer(DeliveryState.RETRY, f"HTTP {status}: redirects are not followed, set the final URL", status)
    if 400 <= status < 500 and status not in RETRIED:
        return Answer(DeliveryState.REJECTED, detail, status)
    return Answer(DeliveryState.RETRY, detail, status, seconds_of(retry_after, now_ms))


def seconds_of(retry_after: str | None, now_ms: int) -> float | None:
    """``Retry-After`` as seconds from now: a number, or a date (RFC 9110, 10.2.3); None where it is neither. Pure."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_ms / 1000)
    except (ValueError, OverflowError):
        return None
