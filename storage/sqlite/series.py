"""Writer of ``series.db``: a tick is durable in the tail at once, sealed into chunks and rolled up a little later."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from config.schema import StoreSettings
from model.errors import StoreError
from model.event import Event
from model.sample import HOST_KEY, Snapshot
from model.target import Target
from storage.api import Stretch
from storage.sqlite.buffer import KEY_EVERY, Buffer, Segments, identity_of
from storage.sqlite.bulk import end_of, sealed_stretch
from storage.sqlite.database import DamagedStore, Database
from storage.sqlite.documents import clean, encode
from storage.sqlite.ladder import new_ladder
from storage.sqlite.recovery import known, recovered
from storage.sqlite.retention import Retention
from storage.sqlite.ring import Ring
from storage.sqlite.rows import EventRow, event_row, write_events, write_series
from storage.sqlite.sealing import GONE_MS, Work, due, latest_sealed, sealed, write
from storage.sqlite.shapes import Metrics, Row
from storage.sqlite.tiers import RAW, first_edge

log = logging.getLogger(__name__)

TICKS_A_CHUNK = 300
SERIES_A_SEAL = 200
"""One series is sealed a tick, and one more for so many …"""
SEAL_EVERY = 2
"""… but in every second tick two of them: index and free list are then written once for both."""
MOST_EVENTS = 10_000
MOST_WAITING = 3 * TICKS_A_CHUNK
"""Rows a series keeps in memory while the file takes none; then the oldest are lost."""


class SqliteSeriesWriter:
    """:class:`storage.api.SeriesWriter`. Call :meth:`open` before use; the one writer of its file."""

    def __init__(self, path: Path, settings: StoreSettings, host: str) -> None:
        self._db = Database(path, "series", replace_damaged=True)
        self._host = host
        self._retention = Retention(self._db, settings)
        self._metrics = Metrics()
        self._segments = Segments()
        self._buffers: dict[str, Buffer] = {}
        self._unsaved: dict[str, tuple[Buffer, int]] = {}
        self._next_series = 1
        self._ring = Ring([], 0)
        self._last_ms: int | None = None
        self._unwritten_ms = 0
        self._waiting_events: list[EventRow] = []
        self._span_ms = RAW.span_ms
        self.lost_rows = 0

    def open(self) -> SqliteSeriesWriter:
        self._db.open()
        try:
            with self._db.reading() as c:
                self._load(c)
        except DamagedStore:
            self._db.start_over()
        return self

    def _load(self, c: sqlite3.Connection) -> None:
        left = recovered(c, self._host)
        self._metrics = Metrics(left.metrics)
        self._next_series = left.next_series
        self._ring = left.ring
        self._last_ms = left.ring.last_ms
        for buffer in left.buffers:
            self._keep(buffer)

    def _keep(self, buffer: Buffer) -> None:
        self._buffers[buffer.key] = buffer
        self._segments.add(buffer.id)

    # ticks

    def append(self, snapshot: Snapshot) -> None:
        with self._db.lock:
            if snapshot.at_ms == self._last_ms:
                return
            if self._last_ms is not None and snapshot.at_ms < self._last_ms:
                self._clock_went_back(snapshot.at_ms)
            self._span_ms = chunk_span(snapshot.interval_s)
            self._waiting_events.extend(map(event_row, snapshot.events))
            rows = self._take(snapshot)
            try:
                try:
                    self._write(snapshot.at_ms, self._segments.encode(rows))
                except DamagedStore:
                    self._begin_anew()
                    self._write(snapshot.at_ms, self._segments.encode(rows))
            except StoreError:
                self._unwritten_ms = snapshot.at_ms
                self._segments.restart()
                self._shed()
                raise

    def _take(self, snapshot: Snapshot) -> dict[int, Row]:
        at_ms = self._last_ms = snapshot.at_ms
        rows: dict[int, Row] = {}
        for key, sample, target in (
            (HOST_KEY, snapshot.host_sample, None),
            *((key, sample, snapshot.targets.get(key)) for key, sample in snapshot.samples.items()),
        ):
            buffer = self._buffers.get(key)
            known = self._metrics.row_after(None if buffer is None else buffer.known, sample.values)
            shape, _, row = known
            if not row:
                continue
            buffer = buffer or self._meet(key, target, at_ms)
            buffer.known = known
            if buffer.target is not target:
                self._identify(buffer, target)
            buffer.take(at_ms, shape.metrics, row)
            rows[buffer.id] = shape, row
        return rows

    def _meet(self, key: str, target: Target | None, at_ms: int) -> Buffer:
        """A series that is new in this run: known from before, or new altogether."""
        with self._db.reading() as c:
            found = c.execute(
                "SELECT id FROM series WHERE host = ? AND key = ?", (clean(self._host), clean(key))
            ).fetchone()
            if found:
                buffer = known(c, found[0], at_ms)
                buffer.key = key
                self._unsaved[key] = buffer, at_ms
        if not found:
            number, self._next_series = self._next_series, self._next_series + 1
            identity = identity_of(target, self._host)
            buffer = Buffer(
                number, key, identity, first_edge(at_ms, RAW, number), at_ms, new_ladder(at_ms, number), target
            )
            self._unsaved[key] = buffer, at_ms
        self._keep(buffer)
        return buffer

    def _identify(self, buffer: Buffer, target: Target | None) -> None:
        buffer.target = target
        identity = identity_of(target, self._host)
        if identity != buffer.identity and (target is not None or buffer.key == HOST_KEY):
            buffer.identity = identity
            self._unsaved.setdefault(buffer.key, (buffer, buffer.seen_ms))

    def _write(self, at_ms: int, blob: bytes) -> None:
        """One transaction a tick; what is in memory changes only when it is committed."""
        with self._db.transaction() as c:
            self._write_names(c)
            work = self._sealing(c, at_ms)
            self._ring.write(c, at_ms, blob)
            write_events(c, self._waiting_events)
        self._ring.committed(at_ms, self._needed_from(work, at_ms))
        self._metrics.unsaved.clear()
        self._unsaved.clear()
        self._waiting_events.clear()
        self._settle(work)

    def _write_names(self, c: sqlite3.Connection) -> None:
        c.executemany("INSERT INTO metric (id, name, scale) VALUES (?, ?, ?)", self._metrics.unsaved)
        for buffer, first_ms in self._unsaved.values():
            write_series(c, buffer, self._host, first_ms)

    def _sealing(self, c: sqlite3.Connection, at_ms: int) -> list[Work]:
        if self._ring.next_seq % SEAL_EVERY:
            return []
        budget = (len(self._buffers) // SERIES_A_SEAL + 1) * SEAL_EVERY
        work = [sealed(c, buffer, at_ms, self._span_ms) for buffer in due(self._buffers.values(), at_ms)[:budget]]
        for one in work:
            self._write_work(c, one)
        return work

    def _write_work(self, c: sqlite3.Connection, work: Work) -> None:
        write(c, work, self._ring.seq_from(work.end_ms) - 1)
        if work.gone:
            latest = work.buffer.values(self._metrics.names()) or latest_sealed(c, work.buffer.id)
            c.execute(
                "UPDATE series SET last_ms = ?, latest = ? WHERE id = ?",
                (work.buffer.seen_ms, encode(latest), work.buffer.id),
            )

    def _settle(self, work: Sequence[Work]) -> None:
        for one in work:
            one.committed()
            if one.gone:
                self._buffers.pop(one.buffer.key, None)
                self._segments.remove(one.buffer.id)

    def _needed_from(self, work: Sequence[Work], at_ms: int) -> int:
        """The first tick of the tail that is still needed: the oldest unsealed row, and the key before it."""
        sealed_rows = {one.buffer.id: one.rows for one in work}
        oldest = at_ms
        for buffer in self._buffers.values():
            rows = sealed_rows.get(buffer.id, 0)
            if rows < len(buffer.times) and buffer.times[rows] < oldest:
                oldest = buffer.times[rows]
        return max(self._ring.first_seq, self._ring.seq_from(oldest) - KEY_EVERY)

    # history

    def append_many(self, stretches: Sequence[Stretch], events: Sequence[Event] = ()) -> None:
        with self._db.lock:
            if self._ring.last_ms is not None:
                raise StoreError(f"{self._db.path} has ticks already: history is filled in before the first one")
            full = [s for s in stretches if s.times and s.columns]
            met = [(self._filled(s), s) for s in full]
            now_ms = max(map(end_of, full), default=0)
            with self._db.transaction() as c:
                work = [sealed_stretch(c, buffer, stretch, self._metrics) for buffer, stretch in met]
                work += [
                    sealed(c, b, now_ms, self._span_ms)
                    for b in self._buffers.values()
                    if now_ms - b.seen_ms >= GONE_MS and not b.times
                ]
                self._write_names(c)
                for one in work:
                    self._write_work(c, one)
                write_events(c, [event_row(e) for e in events])
            self._metrics.unsaved.clear()
            self._unsaved.clear()
            self._settle(work)

    def _filled(self, stretch: Stretch) -> Buffer:
        key = HOST_KEY if stretch.target is None else stretch.target.key
        return self._buffers.get(key) or self._meet(key, stretch.target, stretch.times[0])

    # faults

    def _clock_went_back(self, at_ms: int) -> None:
        """Seal everything, so that within a buffer time only grows."""
        log.warning("the clock went back from %s to %s: what came before is sealed", self._last_ms, at_ms)
        self._seal_everything()
        self._segments.restart()
        self._ring.released()

    def _seal_everything(self) -> None:
        with self._db.transaction() as c:
            write_events(c, self._waiting_events)
            self._write_names(c)
            work = [sealed(c, b, b.seen_ms + GONE_MS, self._span_ms) for b in self._buffers.values()]
            for one in work:
                self._write_work(c, one)
        self._metrics.unsaved.clear()
        self._unsaved.clear()
        self._waiting_events.clear()
        self._settle(work)

    def _begin_anew(self) -> None:
        """The file was damaged: what is in memory goes into a new one."""
        self._db.start_over()
        self._metrics.forget_file()
        self._unsaved = {key: (buffer, buffer.seen_ms) for key, buffer in self._buffers.items()}
        self._segments.restart()
        self._ring.emptied()

    def _shed(self) -> None:
        """The file takes nothing: keep memory level."""
        for buffer in self._buffers.values():
            if len(buffer.times) > MOST_WAITING:
                buffer.drop(TICKS_A_CHUNK)
                self.lost_rows += TICKS_A_CHUNK
        del self._waiting_events[:-MOST_EVENTS]

    # the rest

    def record(self, events: Sequence[Event]) -> None:
        with self._db.transaction() as c:
            write_events(c, [event_row(e) for e in events])

    def upkeep(self, now_ms: int) -> None:
        self._retention.step(now_ms)

    def close(self) -> None:
        """Ticks that the file did not take are in memory alone until they are sealed: here at the latest."""
        with self._db.lock:
            if any(b.times and b.times[0] <= self._unwritten_ms for b in self._buffers.values()):
                try:
                    self._seal_everything()
                except StoreError as e:
                    log.error("the ticks that wait in memory are lost: %s", e)
                self._unwritten_ms = 0
            self._db.close()


def chunk_span(interval_s: float) -> int:
    """Time that a chunk of ticks covers, a multiple of its edges."""
    return max(1, -(-round(TICKS_A_CHUNK * interval_s * 1000) // RAW.edge_ms)) * RAW.edge_ms
