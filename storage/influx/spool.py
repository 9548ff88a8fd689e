"""The disk spool in front of InfluxDB: every tick lies here until the server has said that it has it.

Files: ``NNNNNNNNNNNN.spool`` (segments, see ``segment.py``), ``acknowledged.json`` (how far a segment that is
sent in part was sent; lost or stale means lines are sent again, and InfluxDB keeps one), ``dead_letters.lp``,
``rollups.open`` (buckets that are not full yet, see ``unfinished.py``).
A segment whose lines are all acknowledged is removed at once, so that with a healthy server hardly anything
reaches the disk itself. A process never writes behind what another one wrote: each begins a segment of its own.

Durability: an append is one ``write`` into the page cache and survives the death of this process. While lines
wait for a server that does not take them, the sender's thread syncs them to the disk every few seconds, and packs
closed segments tighter (``tighten.py``).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from model.errors import StoreError
from model.event import Event
from model.sample import Snapshot
from storage.api import SpoolBatch
from storage.influx.dead import FILE_NAME, DeadLetters
from storage.influx.folder import claim
from storage.influx.line import LineEncoder
from storage.influx.progress import Progress
from storage.influx.segment import Segment, count_lines, encode, file_name, pack, read_batch, sync, unpack, write
from storage.influx.tighten import put_in_place, tighten
from storage.influx.unfinished import Unfinished

SEGMENT_BYTES: Final = 8 * 1024 * 1024
RECORD_LINES: Final = 1000
SYNC_EVERY_S: Final = 5.0
SAVE_EVERY_MS: Final = 300_000
"""How much of the roll-ups of an hour a kill -9 may cost."""

log = logging.getLogger(__name__)


class DiskSpool:
    """:class:`storage.api.Spool` on a folder of its own. The folder is made, locked and read at first use.

    ``max_bytes`` bounds what lies on the disk; at it the oldest segment is dropped and its lines counted.
    ``append`` and ``record`` may be called by any thread, ``take``, ``done`` and ``reject`` by one sender.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max(max_bytes, 65_536)
        self._segment_bytes = min(SEGMENT_BYTES, self._max_bytes // 8)
        self._guard = threading.Lock()
        self._encoder = LineEncoder()
        self._dead = DeadLetters(folder / FILE_NAME)
        self._progress = Progress(folder / "acknowledged.json")
        self._unfinished = Unfinished(folder / "rollups.open")
        self._saved_at = -1
        self._segments: list[Segment] = []
        self._active: int | None = None
        self._next_number = 1
        self._lock_fd: int | None = None
        self._unsynced: list[int] = []
        self._synced_at = 0.0
        self._taken: SpoolBatch | None = None
        self._live_turn = True
        self._dropped = 0
        self._full = False
        self._reserved = 0

    def append(self, snapshot: Snapshot) -> None:
        with self._guard:
            self._open()
            self._write(self._encoder.snapshot(snapshot))
            if snapshot.at_ms // SAVE_EVERY_MS != self._saved_at:
                self._saved_at = snapshot.at_ms // SAVE_EVERY_MS
                self._unfinished.write(self._encoder.saved())

    def record(self, events: Sequence[Event]) -> None:
        if events:
            with self._guard:
                self._write(self._encoder.events(events))

    def finish(self) -> None:
        """Queue the roll-ups that are still open: the agent ends, and another process shall not have to."""
        with self._guard:
            self._open()
            self._write(self._encoder.finish())
            self._unfinished.write({})

    def take(self, max_lines: int) -> SpoolBatch | None:
        """The oldest lines and, in turn, those of the newest segment: back-fill never starves live points."""
        if self._taken is not None:
            return self._taken
        while True:
            with self._guard:
                self._open()
                segment = self._choose()
                if segment is None:
                    return None
                start, end = segment.acknowledged, segment.size
            try:
                records, behind, damaged = read_batch(segment.path, start, end, max_lines)
            except OSError as error:
                self._abandon(segment, str(error))
                continue
            if damaged:
                log.warning("spool: %d damaged bytes in %s are skipped", damaged, segment.path.name)
            packed = b"".join(record.packed for record in records)
            batch = SpoolBatch(packed, sum(r.count for r in records), (segment.number, start, behind))
            if not records:
                self.done(batch)
                continue
            self._taken = batch
            return batch

    def done(self, batch: SpoolBatch, *, rejected: bool = False, reason: str = "") -> None:
        if rejected:
            self.reject(unpack(batch.packed), reason)
        number, _, behind = batch.position
        with self._guard:
            self._taken = None
            segment = next((s for s in self._segments if s.number == number), None)
            if segment is None:
                return
            segment.acknowledged = behind
            if segment.waiting <= 0:
                self._remove(segment)
            else:
                self._note_progress()

    def reject(self, lines: bytes, reason: str) -> None:
        self._dead.bury(lines, reason)

    def tend(self) -> None:
        """Sync what waits, and pack the oldest closed segment tighter of which nothing was sent yet.

        One of which a part was sent stays as it is: the note of progress counts bytes.
        """
        self._sync()
        with self._guard:
            self._open()
            taken = self._taken.position[0] if self._taken is not None else 0
            closed = self._segments[:-1] if self._active is not None else self._segments
            segment = next((s for s in closed if not (s.tight or s.acknowledged or s.number == taken)), None)
            if segment is None:
                return
            segment.tight = True
            self._reserved = segment.size
            self._make_room(0)
        new = tighten(segment.path, segment.size)
        with self._guard:
            self._reserved = 0
            if new is not None and segment in self._segments:
                segment.size = put_in_place(new, segment.path, segment.size)
            elif new is not None:
                new.unlink(missing_ok=True)  # its lines were dropped at the cap in the meantime

    def size_bytes(self) -> int:
        """Bytes on the disk that wait to be acknowledged."""
        with self._guard:
            self._open()
            return sum(segment.waiting for segment in self._segments)

    def dropped_lines(self) -> int:
        return self._dropped

    def is_full(self) -> bool:
        return self._full

    def close(self) -> None:
        with self._guard:
            if self._lock_fd is not None:
                self._unfinished.write(self._encoder.saved())
            for fd in (*self._unsynced, self._active, self._lock_fd):
                if fd is not None:
                    os.close(fd)
            self._unsynced, self._active, self._lock_fd = [], None, None
            self._segments, self._taken = [], None

    # What follows is called with the guard held.

    def _open(self) -> None:
        """Make, lock and list the folder, once."""
        if self._lock_fd is not None:
            return
        fd, segments = claim(self._folder)
        self._lock_fd = fd
        self._encoder.restore(self._unfinished.read())
        progress = self._progress.read()
        for segment in segments:
            segment.acknowledged = min(progress.get(segment.number, 0), segment.size)
        self._segments = segments
        self._next_number = max((*progress, *(s.number for s in segments), 0)) + 1
        for segment in [s for s in segments if s.waiting <= 0]:
            self._remove(segment)

    def _write(self, lines: Sequence[str]) -> None:
        self._open()
        for first in range(0, len(lines), RECORD_LINES):
            part = lines[first : first + RECORD_LINES]
            text = "\n".join(part) + "\n"
            self._put(encode(pack(text.encode("utf-8", "replace")), len(part)), len(part))

    def _put(self, blob: bytes, count: int) -> None:
        """One write of one record into the active segment; all of it or nothing."""
        self._make_room(len(blob))
        try:
            fd = self._begin() if self._active is None else self._active
            segment = self._segments[-1]
            write(fd, blob, segment.size)
        except OSError as error:
            self._dropped += count
            raise StoreError(
                f"spool {self._folder}: {error.strerror}; make room there, the lines of this tick are not pushed"
            ) from error
        segment.size += len(blob)
        if segment.size >= self._segment_bytes:
            self._retire()

    def _begin(self) -> int:
        """A number is never used twice: a batch taken from a dropped segment must not acknowledge another."""
        number, self._next_number = self._next_number, self._next_number + 1
        path = self._folder / file_name(number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC
        self._active = fd = os.open(path, flags, 0o640)
        self._segments.append(Segment(number, path))
        return fd

    def _retire(self) -> None:
        """The active segment is full: the next record begins a new one."""
        if self._active is not None:
            self._unsynced.append(self._active)
            self._active = None
            while len(self._unsynced) > 4:
                os.close(self._unsynced.pop(0))

    def _make_room(self, need: int) -> None:
        while self._segments and sum(s.size for s in self._segments) + self._reserved + need > self._max_bytes:
            oldest = self._segments[0]
            try:
                lost = count_lines(oldest.path, oldest.acknowledged, oldest.size)
            except OSError:
                lost = 0
            self._dropped += lost
            if not self._full:
                log.warning(
                    "spool %s is full (%d bytes): the oldest lines are dropped; bring InfluxDB back or raise "
                    "store.influxdb.spool_max_bytes",
                    self._folder,
                    self._max_bytes,
                )
            self._full = True
            self._remove(oldest)

    def _remove(self, segment: Segment) -> None:
        if self._segments[-1] is segment and self._active is not None:
            os.close(self._active)
            self._active = None
        self._segments.remove(segment)
        try:
            segment.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("spool: %s can't be removed (%s)", segment.path, error.strerror)
        if segment.acknowledged:
            self._note_progress()
        if not self._segments:
            self._full = False

    def _choose(self) -> Segment | None:
        waiting = [segment for segment in self._segments if segment.waiting > 0]
        if not waiting:
            return None
        self._live_turn = not self._live_turn
        return waiting[-1] if self._live_turn else waiting[0]

    def _note_progress(self) -> None:
        self._progress.write({s.number: s.acknowledged for s in self._segments if s.acknowledged})

    # What follows takes the guard itself.

    def _abandon(self, segment: Segment, why: str) -> None:
        log.error("spool: %s can't be read (%s); its lines are lost", segment.path.name, why)
        with self._guard:
            if segment in self._segments:
                self._remove(segment)

    def _sync(self) -> None:
        """Bring what waits to the disk; by the sender's thread, at most every :data:`SYNC_EVERY_S`."""
        if time.monotonic() - self._synced_at < SYNC_EVERY_S:
            return
        self._synced_at = time.monotonic()
        with self._guard:
            fds, self._unsynced = self._unsynced, []
            if self._active is not None:
                fds.append(os.dup(self._active))
        sync(fds, self._folder)
