"""The sender: drains the spool into InfluxDB, batch by batch, and gives up no line that could still be taken.

The retries are our own: the client's batching mode keeps its queue in memory and drops a batch after 180 s,
and its retry strategy counts those from its construction, not from the request.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.schema import InfluxSettings
from model.errors import StoreError
from storage.api import Spool, SpoolBatch
from storage.influx.answer import Verdict, judge, reason, refused_count, refused_lines, retry_after_s
from storage.influx.client import Unreachable
from storage.influx.dialect import Reply
from storage.influx.segment import pack, unpack
from storage.influx.server import Server

TURN_S: Final = 1.0
"""How long one call of the job goes on while there is more to send."""
RETRY_FIRST_S: Final = 0.5
RETRY_AT_MOST_S: Final = 10.0
DOUBTS: Final = 5
"""Failures of one slice without another slice's success, after which another one is tried."""
LAST_DOUBT: Final = 60
"""Failures after which the only line of a batch, to which nothing can be compared, is a dead letter."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Slice:
    """Lines that go out in one request, packed. ``doubts``: how often the server answered that it is its own fault;
    ``accepted_before``: lines accepted when the first of these answers came."""

    packed: bytes
    count: int
    doubts: int = 0
    accepted_before: int = 0

    def lines(self) -> bytes:
        return unpack(self.packed)

    def split(self, first: int) -> list[_Slice]:
        """Its first lines, and the rest."""
        rows = self.lines().splitlines(keepends=True)
        return [_Slice(pack(b"".join(part)), len(part)) for part in (rows[:first], rows[first:])]

    def cut(self, most: int) -> list[_Slice]:
        """Slices of at most so many lines."""
        rows = self.lines().splitlines(keepends=True)
        parts = [rows[first : first + most] for first in range(0, len(rows), most)]
        return [_Slice(pack(b"".join(part)), len(part)) for part in parts]


class Sender:
    """Job of the InfluxDB worker. ``job`` is called by one thread, ``state`` and ``counters`` by any."""

    def __init__(self, settings: InfluxSettings, spool: Spool) -> None:
        self._settings = settings
        self._spool = spool
        self._server = Server(settings)
        self._batch: SpoolBatch | None = None
        self._slices: list[_Slice] = []
        self._ceiling = self._at_once = max(1, settings.batch_lines)
        self._failures = 0
        self._closed = False
        self._state = ("ok", "nothing to send yet")
        self._last_note = ""
        self._accepted = self._rejected = self._requests = self._failed = 0

    def job(self, now_ms: int) -> float:  # noqa: ARG002 - a job's form
        """Send what waits, for a second at most; seconds until the next call."""
        turn_ends = time.monotonic() + TURN_S
        while not self._closed:
            if not self._slices:
                batch = self._spool.take(self._at_once)
                if batch is None:
                    return max(0.05, self._settings.flush_s)
                self._batch = batch
                self._slices = [_Slice(batch.packed, batch.count)]
            pause = self._send()
            if pause > 0:
                self._spool.tend()
                return pause
            if not self._slices and self._batch is not None:
                self._spool.done(self._batch)
                self._batch = None
            if time.monotonic() > turn_ends:
                return 0.0
        return RETRY_AT_MOST_S

    def state(self) -> tuple[str, str]:
        """``ok``, ``degraded`` (refused or dropped lines, something to be set up) or ``down``, and the words."""
        state, words = self._state
        if self._rejected and state == "ok":
            words += f"; {self._rejected} lines were refused since the start, see spool/dead_letters.lp"
        if self._spool.is_full():
            return ("degraded" if state == "ok" else state), f"{words}; the spool is full, the oldest lines are dropped"
        return state, words

    def counters(self) -> Mapping[str, int]:
        """Since the start: lines accepted and rejected, requests made and failed; bytes that wait; lines dropped."""
        return {
            "lines_accepted": self._accepted,
            "lines_rejected": self._rejected,
            "requests": self._requests,
            "requests_failed": self._failed,
            "spool_bytes": self._spool.size_bytes(),
            "lines_dropped": self._spool.dropped_lines(),
        }

    def close(self) -> None:
        """What waits stays in the spool."""
        self._closed = True
        self._server.close()

    def _send(self) -> float:
        """One request with the topmost slice; 0, or the seconds to wait before the next."""
        piece = self._slices[-1]
        if piece.count > self._at_once:
            self._slices[-1:] = reversed(piece.cut(self._at_once))
            piece = self._slices[-1]
        self._requests += 1
        try:
            reply = self._server.write(piece.packed)
        except Unreachable as error:
            if error.timed_out:
                self._at_once = max(50, min(self._at_once, piece.count) // 2)
            return self._later("down", f"{error}; the lines wait in the spool")
        except StoreError as error:
            return self._later("degraded", str(error))
        text = reply.text
        verdict = judge(reply.status, text, whole_or_nothing=self._server.dialect().whole_or_nothing)
        if verdict in (Verdict.STORED, Verdict.PARTLY):
            return self._accept(piece, verdict, text)
        self._failed += 1
        words = f"{self._server.name} answers {reply.status}: {reason(text)}"
        if verdict is Verdict.MALFORMED:
            return self._halve(piece, words)
        if verdict is Verdict.TOO_LARGE:
            self._ceiling = self._at_once = max(1, piece.count // 2)
            return self._halve(piece, words)
        if verdict is Verdict.DOUBTFUL:
            return self._doubt(piece, words)
        return self._obstacle(verdict, reply, words)

    def _accept(self, piece: _Slice, verdict: Verdict, text: str) -> float:
        self._slices.pop()
        refused = min(refused_count(text), piece.count) if verdict is Verdict.PARTLY else 0
        self._accepted += piece.count - refused
        self._failures = 0
        if refused:
            self._rejected += refused
            self._bury(b"\n".join(refused_lines(text, piece.lines().splitlines())), reason(text))
        elif piece.count >= self._at_once:
            self._at_once = min(self._ceiling, self._at_once * 2)
        if refused:
            self._now("degraded", f"{self._server.name} refuses some lines: {reason(text)}; see dead_letters.lp")
        else:
            self._now("ok", f"{self._server.dialect()} at {self._server.name}")
        return 0.0

    def _halve(self, piece: _Slice, words: str) -> float:
        """Bring a faulty line to stand alone; alone it is a dead letter and the others go on."""
        self._slices.pop()
        if piece.count > 1:
            self._slices += reversed(piece.split(piece.count // 2))
        else:
            self._rejected += 1
            self._bury(piece.lines(), words)
            self._now("degraded", f"a line was refused: {words}; see dead_letters.lp")
        return 0.0

    def _doubt(self, piece: _Slice, words: str) -> float:
        """The server's fault, or these lines'? Once others pass while these do not, it is these lines'."""
        if piece.doubts == 0:
            piece.accepted_before = self._accepted
        piece.doubts += 1
        alone = piece.count == 1 and len(self._slices) == 1
        if (self._accepted > piece.accepted_before and piece.doubts > 1) or (alone and piece.doubts > LAST_DOUBT):
            return self._halve(piece, words)
        if piece.doubts % DOUBTS == 0:
            self._slices.pop()
            if piece.count > 1:
                one, rest = piece.split(1)
                self._slices += [rest, one]
            else:
                self._slices.insert(0, piece)
        return self._later("down", words)

    def _obstacle(self, verdict: Verdict, reply: Reply, words: str) -> float:
        """Nothing is wrong with the lines: they wait until the server, its set-up or its load changes."""
        if verdict is Verdict.MISSING:
            try:
                self._server.create()
            except Unreachable as error:
                return self._later("down", str(error))
            except StoreError as error:
                return self._later("degraded", str(error))
            return self._later("degraded", words) if self._failures else self._soon()
        if verdict is Verdict.FORBIDDEN:
            return self._later("degraded", f"{words}; set store.influxdb.token to one that may write")
        if verdict is Verdict.BUSY:
            return self._later("down", words, retry_after_s(reply.headers.get("retry-after")))
        self._server.forget()
        return self._later("degraded", f"{words}; check store.influxdb.url")

    def _soon(self) -> float:
        """Again at once, but count it: what was made must be there now."""
        self._failures += 1
        return 0.01

    def _later(self, state: str, words: str, asked_s: float | None = None) -> float:
        """Back off: 0.5 s doubling to 10 s, a little spread, or what the server asked for within that."""
        self._failures += 1
        if state == "down":
            self._failed += 1
        self._now(state, words)
        pause = min(RETRY_AT_MOST_S, RETRY_FIRST_S * float(1 << min(self._failures - 1, 10)))
        if asked_s is not None:
            pause = max(pause, min(asked_s, RETRY_AT_MOST_S))
        return pause * (0.8 + secrets.randbelow(200) / 1000)

    def _now(self, state: str, words: str) -> None:
        """Note the state; say it in the log when it changes."""
        if state != self._state[0] or (state == "ok" and words != self._state[1]):
            log.log(logging.INFO if state == "ok" else logging.WARNING, "influxdb %s: %s", state, words)
        self._state = (state, words)

    def _bury(self, lines: bytes, why: str) -> None:
        """Dead letters; the same reason without named lines is written once, not every second."""
        if lines or why != self._last_note:
            self._spool.reject(lines, why)
        self._last_note = why
