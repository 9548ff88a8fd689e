"""Answers that are the same for everybody until the next tick: encoded, tagged and packed once."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Hashable
from typing import Final

import msgspec
from flask import Request, Response

from dashboard.packing import SMALL, packed, takes_gzip
from model.live import Frame

MOST_BYTES: Final = 16 << 20
"""Of all answers of one tick; what comes beyond is made anew for each who asks."""


BETTER: Final = 6
"""What goes to many is worth a closer look: a quarter less for a few milliseconds, once a tick."""
THOROUGH_BYTES: Final = 1 << 18


class Encoded:
    """One JSON answer; its packed form is made when somebody first takes it. Thread-safe."""

    def __init__(self, value: object) -> None:
        self.body: Final = msgspec.json.encode(value)
        self._tag: Final = tag_of(self.body)
        self._packed: bytes | None = None
        self._lock = threading.Lock()

    def response(self, asked: Request) -> Response:
        body, headers = self.body, {"Vary": "Accept-Encoding"}
        if len(body) >= SMALL and takes_gzip(asked):
            with self._lock:
                if self._packed is None:
                    thorough = len(body) <= THOROUGH_BYTES
                    self._packed = gzip.compress(body, BETTER, mtime=0) if thorough else packed((body,))
            body, headers["Content-Encoding"] = self._packed, "gzip"
        response = Response(body, mimetype="application/json", headers=headers)
        response.set_etag(self._tag, weak=True)
        return response


class Answers:
    """The answers of the newest tick by what was asked. Thread-safe; one who asks first makes them for the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self._kept: dict[Hashable, Encoded] = {}
        self._making: dict[Hashable, threading.Lock] = {}
        self._bytes = 0

    def of(self, frame: Frame, key: Hashable, make: Callable[[], object]) -> Encoded:
        """The answer to ``key`` at this tick. What ``make`` raises is raised, and nothing is kept."""
        with self._lock:
            if frame is not self._frame:
                self._frame, self._bytes = frame, 0
                self._kept, self._making = {}, {}
            if (found := self._kept.get(key)) is not None:
                return found
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if self._frame is frame and (found := self._kept.get(key)) is not None:
                    return found
            made = Encoded(make())
            with self._lock:
                if self._frame is frame and self._bytes + len(made.body) <= MOST_BYTES:
                    self._kept[key] = made
                    self._bytes += len(made.body)
        return made


def tag_of(body: bytes) -> str:
    """An entity tag of what is said, packed or not (RFC 9110, 8.8.1: weak). Pure."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()
