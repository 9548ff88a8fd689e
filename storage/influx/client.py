"""The wire: one request through ``influxdb_client``, its many exceptions made one. The only HTTP of this room."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from model.errors import StoreError
from storage.influx.dialect import Reply, is_basic

CONNECT_S: Final = 3.0
_NO_HEADER: Final = "the token holds characters that HTTP can't carry; check store.influxdb.token"


class Unreachable(StoreError):
    """No answer: refused, reset, timed out, or no such name. ``timed_out``: the request may have been done."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


def shown(url: str) -> str:
    """The URL as it may stand in logs: without user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "store.influxdb.url"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


class Wire:
    """A small pool of connections to one server. Thread-safe; nothing is opened before the first call.

    Status codes are answers, not exceptions; what is not an answer raises :class:`Unreachable`.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._client: Any = None
        self._guard = threading.Lock()

    @property
    def name(self) -> str:
        return shown(self._url)

    def call(
        self,
        method: str,
        path: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        body: bytes | dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 5.0,
    ) -> Reply:
        """One request, never repeated here, redirects not followed. ``timeout_s``: for each read; connecting has a
        limit of its own. A dict as body goes as JSON."""
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        try:
            answer, status, heads = self._open().api_client.call_api(
                path,
                method,
                query_params=list(parameters),
                header_params=dict(headers or {}),
                body=body,
                auth_settings=[],
                _preload_content=False,
                _return_http_data_only=False,
                _request_timeout=(int(CONNECT_S * 1000), int(timeout_s * 1000)),
                urlopen_kw={"redirect": False},
            )
            return Reply(status, {k.lower(): v for k, v in heads.items()}, answer.data)
        except ApiException as error:
            if not error.status:
                raise Unreachable(f"{self.name}: {_one_line(error.reason)}") from error
            raw = error.body if isinstance(error.body, bytes) else str(error.body or "").encode()
            return Reply(int(error.status), {k.lower(): v for k, v in (error.headers or {}).items()}, raw)
        except (HTTPError, OSError) as error:
            late = isinstance(error, ReadTimeoutError)
            raise Unreachable(f"{self.name}: {_one_line(error)}", timed_out=late) from error
        except ValueError as error:
            # http.client's words hold the header, and with it the token.
            raise Unreachable(f"{self.name}: {_NO_HEADER}") from error

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open(self) -> Any:
        with self._guard:
            if self._client is None:
                from influxdb_client.client.influxdb_client import InfluxDBClient

                self._client = InfluxDBClient(self._url, self._token, auth_basic=is_basic(self._token))
            return self._client


def _one_line(error: object) -> str:
    """The last cause of a chain of network errors, short: ``connection refused``."""
    inner: object = error
    while isinstance(inner, BaseException) and (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    text = " ".join(str(inner).split()) or type(inner).__name__
    return text[:200]
