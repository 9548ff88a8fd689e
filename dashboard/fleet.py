"""The other hosts by their own dashboards: lists put together, orders handed on, and patience with those that are away.

A host that does not answer is left alone for ten seconds; orders and questions to it alone are tried all the same.
Nothing is handed on twice: what came from another dashboard stays here (:data:`HOP`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from model.errors import AgentAway

log = logging.getLogger(__name__)

HOP: Final = "X-Wharfinger-Hop"
"""Header of a request that another dashboard handed on."""
REST_MS: Final = 10_000
FRESH_MS: Final = 2_000
"""How long a list is as good as new: many browsers ask for the same."""
LIST_S: Final = 3.0
ORDER_S: Final = 30.0
LONG_S: Final = 130.0
LONG: Final = ("/backtest", "/alerts/rules/replay")
"""These compute over there, for two minutes at most."""
KEPT: Final = 256
AT_ONCE: Final = 16

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What another dashboard answered; ``kind`` is the media type of the body."""

    status: int
    body: bytes
    kind: str = "application/json"

    def value(self) -> Any:
        """The decoded JSON; None when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


class PeerStream(Protocol):
    """The live stream of another host: an iterator of pieces of Server-Sent Events."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Peer(Protocol):
    """One other dashboard. Thread-safe. Every method raises :class:`AgentAway` when it does not answer."""

    @property
    def name(self) -> str: ...

    def ask(self, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float) -> PeerAnswer:
        """One request below ``/api/v1``; ``path`` is percent-encoded."""

    def stream(self, query: Mapping[str, str], last_id: str) -> PeerStream: ...


class Fleet:
    """The dashboards of the settings' ``[[fleet]]``, by host name. Thread-safe; starts its threads when first asked."""

    def __init__(self, peers: Sequence[Peer], clock: Callable[[], int]) -> None:
        self._peers = {peer.name: peer for peer in peers}
        self._clock = clock
        self._lock = threading.Lock()
        self._away: dict[str, tuple[int, str]] = {}
        self._lists: dict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[int, list[Item]]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def names(self) -> tuple[str, ...]:
        return tuple(self._peers)

    def away(self) -> Mapping[str, str]:
        """Hosts that did not answer when last asked, and why."""
        with self._lock:
            return {name: why for name, (_, why) in self._away.items()}

    def order(
        self, host: str, method: str, path: str, query: Mapping[str, str], body: bytes | None = None
    ) -> PeerAnswer:
        """Hand one request on. The lists kept of that host are forgotten. Raises AgentAway."""
        with self._lock:
            if method != "GET":
                self._lists = {key: kept for key, kept in self._lists.items() if key[0] != host}
        return self._ask(host, method, path, query, body, LONG_S if path in LONG else ORDER_S)

    def stream(self, host: str, query: Mapping[str, str], last_id: str) -> PeerStream:
        """The live stream of a host. Raises AgentAway."""
        return self._peers[host].stream(query, last_id)

    def items(self, host: str, path: str, query: Mapping[str, str]) -> list[Item]:
        """One list of one host, each item with its host. Raises AgentAway, at once while the host is left alone."""
        key = (host, path, tuple(sorted(query.items())))
        now_ms = self._clock()
        with self._lock:
            kept, away = self._lists.get(key), self._away.get(host)
        if kept is not None and 0 <= now_ms - kept[0] < FRESH_MS:
            return kept[1]
        if away is not None and 0 <= now_ms - away[0] < REST_MS:
            raise AgentAway(away[1])
        answer = self._ask(host, "GET", path, query, None, LIST_S)
        value = answer.value()
        if answer.status != 200 or not isinstance(value, dict) or not isinstance(value.get("items"), list):
            raise AgentAway(f"{host} answers {path} with HTTP {answer.status}; is it a wharfinger of our version?")
        found = [{**item, "host": item.get("host") or host} for item in value["items"] if isinstance(item, dict)]
        with self._lock:
            if len(self._lists) >= KEPT:
                self._lists.clear()
            self._lists[key] = (now_ms, found)
        return found

    def gather(self, path: str, query: Mapping[str, str]) -> dict[str, list[Item]]:
        """The list of every host that answers, asked at the same time; ``host`` of the query is set for each."""
        if not self._peers:
            return {}
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(min(AT_ONCE, len(self._peers)), "fleet")
            pool = self._pool

        def one(host: str) -> list[Item] | None:
            try:
                return self.items(host, path, {**query, "host": host})
            except AgentAway:
                return None

        found = zip(self._peers, pool.map(one, self._peers), strict=True)
        return {host: items for host, items in found if items is not None}

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(
        self, host: str, method: str, path: str, query: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> PeerAnswer:
        try:
            answer = self._peers[host].ask(method, path, query, body, timeout_s)
            if answer.status in (401, 403):
                raise AgentAway(
                    f"{host} refuses our token (HTTP {answer.status}); set the token of its [[fleet]] entry to one of "
                    "its own, of a role that may do this"
                )
            if answer.status >= 400 and answer.kind != "application/problem+json":
                raise AgentAway(f"{host}: something that is no wharfinger answers HTTP {answer.status} there")
        except AgentAway as error:
            with self._lock:
                known = host in self._away
                self._away[host] = (self._clock(), str(error))
            if not known:
                log.warning("fleet: %s", error)
            raise
        with self._lock:
            if self._away.pop(host, None) is not None:
                log.info("fleet: %s answers again", host)
        return answer
