"""Rows of the tail: a tick takes the place of one that is no longer needed, so that it costs its own pages and no more.

SQLite writes a row of the same size over the old one in place; so ticks are padded to whole pages. Measured
for 200 containers: 2 pages a tick in place of 6 with insert and delete.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

PAGE, LOCAL, OVERFLOW, HEADER = 4096, 4061, 4092, 32
"""Bytes of a page, of a row in its leaf, in each page that it overflows to, and of what stands before the blob."""


def padded_size(size: int) -> int:
    """The least size that fills whole pages. Pure."""
    over = max(0, size + HEADER - LOCAL)
    return LOCAL + -(-over // OVERFLOW) * OVERFLOW - HEADER


class TickPlace(NamedTuple):
    """Sequence number and time of a tick, and the row in which it stands."""

    seq: int
    at_ms: int
    slot: int


def ticks(c: sqlite3.Connection) -> list[TickPlace]:
    """Every tick in order; the first ones may be sealed long since."""
    return sorted(map(TickPlace._make, c.execute("SELECT seq, at_ms, slot FROM tail")))


def newest_ms(c: sqlite3.Connection) -> int | None:
    """Time of the last tick; None in an empty tail."""
    row = c.execute("SELECT max(seq), at_ms FROM tail").fetchone()
    return None if row[0] is None else int(row[1])


def blobs(c: sqlite3.Connection, rows: Sequence[TickPlace]) -> Iterator[tuple[int, int, bytes]]:
    """(sequence number, time, blob) of these rows."""
    for seq, at_ms, slot in rows:
        (blob,) = c.execute("SELECT ticks FROM tail WHERE slot = ?", (slot,)).fetchone()
        yield seq, at_ms, blob


class Ring:
    """Which ticks are in the tail and still needed. Changes in memory only by :meth:`committed`."""

    def __init__(self, rows: Sequence[TickPlace], sealed_to: int) -> None:
        """``rows`` as from :func:`ticks`; ``sealed_to``: the highest number that any chunk speaks of."""
        self._first = rows[0].seq if rows else sealed_to + 1
        self._times = [row.at_ms for row in rows]
        self._slots = [row.slot for row in rows]
        self._free: deque[int] = deque()
        self._highest = max(self._slots, default=0)

    @property
    def first_seq(self) -> int:
        return self._first

    @property
    def next_seq(self) -> int:
        return self._first + len(self._times)

    @property
    def last_ms(self) -> int | None:
        return self._times[-1] if self._times else None

    def seq_from(self, at_ms: int) -> int:
        """Number of the first tick that is not before that time."""
        return self._first + bisect_left(self._times, at_ms)

    def write(self, c: sqlite3.Connection, at_ms: int, blob: bytes) -> None:
        if self._free:
            c.execute(
                "UPDATE tail SET seq = ?, at_ms = ?, ticks = ? WHERE slot = ?",
                (self.next_seq, at_ms, blob, self._free[0]),
            )
        else:
            c.execute(
                "INSERT INTO tail (slot, seq, at_ms, ticks) VALUES (?, ?, ?, ?)",
                (self._highest + 1, self.next_seq, at_ms, blob),
            )

    def committed(self, at_ms: int, needed_from: int) -> None:
        """The tick stands in the file; those before ``needed_from`` may be written over."""
        if self._free:
            slot = self._free.popleft()
        else:
            slot = self._highest = self._highest + 1
        self._times.append(at_ms)
        self._slots.append(slot)
        self._release(needed_from)

    def released(self) -> None:
        """Nothing in the tail is needed any more."""
        self._release(self.next_seq)

    def _release(self, needed_from: int) -> None:
        count = max(0, needed_from - self._first)
        self._free.extend(self._slots[:count])
        del self._times[:count], self._slots[:count]
        self._first += count

    def emptied(self) -> None:
        """The file was begun anew."""
        self._first = self.next_seq
        self._times.clear()
        self._slots.clear()
        self._free.clear()
        self._highest = 0
