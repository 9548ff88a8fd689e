"""Patience with the remote store: one that does not answer slows nobody down, and lists are asked for now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from model.errors import StoreError
from model.event import Event
from storage.api import KnownContainer, SeriesQuery, SeriesReader, SeriesResult

REST_MS: Final = 10_000
"""How long a store that failed is left alone."""
FRESH_MS: Final = 2_000
"""How long a list of hosts or containers is as good as new: many browsers ask for the same."""
KEPT: Final = 8

Answer = TypeVar("Answer")


class PatientReader:
    """A :class:`storage.api.SeriesReader` in front of one that is far away. Thread-safe.

    After a StoreError every question fails at once for ten seconds, with the same words.
    """

    def __init__(self, reader: SeriesReader, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: tuple[int, str] | None = None
        self._hosts: tuple[str, ...] = ()
        self._lists: dict[object, tuple[int, object]] = {}

    def query(self, query: SeriesQuery) -> SeriesResult:
        return self._ask(lambda: self._reader.query(query))

    def hosts(self) -> tuple[str, ...]:
        """While the store is away, those that it named last: a host does not vanish because a store did."""
        try:
            self._hosts = self._listed("hosts", self._reader.hosts)
        except StoreError:
            if not self._hosts:
                raise
        return self._hosts

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        key = None if seen_since_ms is None else seen_since_ms // FRESH_MS
        return self._listed(
            ("containers", key, metrics),
            lambda: self._reader.containers(seen_since_ms=seen_since_ms, metrics=metrics),
        )

    def events(
        self,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        container_id: str | None = None,
        kinds: tuple[str, ...] = (),
        after_id: int = 0,
        limit: int = 1000,
    ) -> tuple[Event, ...]:
        return self._ask(
            lambda: self._reader.events(
                since_ms=since_ms,
                until_ms=until_ms,
                container_id=container_id,
                kinds=kinds,
                after_id=after_id,
                limit=limit,
            )
        )

    def span(self) -> tuple[int, int] | None:
        return self._ask(self._reader.span)

    def close(self) -> None:
        self._reader.close()

    def _listed(self, key: object, ask: Callable[[], tuple[Answer, ...]]) -> tuple[Answer, ...]:
        now_ms = self._clock()
        with self._lock:
            kept = self._lists.get(key)
        if kept is not None and 0 <= now_ms - kept[0] < FRESH_MS:
            return kept[1]  # type: ignore[return-value] # filed under the key of the same question
        answer = self._ask(ask)
        with self._lock:
            if len(self._lists) >= KEPT:
                self._lists.clear()
            self._lists[key] = (now_ms, answer)
        return answer

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        now_ms = self._clock()
        failed = self._failed
        if failed is not None and 0 <= now_ms - failed[0] < REST_MS:
            raise StoreError(failed[1])
        try:
            answer = ask()
        except StoreError as error:
            self._failed = (self._clock(), str(error))
            raise
        self._failed = None
        return answer
