"""The tail's rows are used again, and order never depends on where a tick stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sqlite.ring import LOCAL, Ring, blobs, newest_ms, padded_size, ticks


@pytest.fixture
def c() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE tail (slot INTEGER PRIMARY KEY, seq INTEGER, at_ms INTEGER, ticks BLOB)")
        yield connection


def put(ring: Ring, c: sqlite3.Connection, at_ms: int, needed_from: int) -> None:
    ring.write(c, at_ms, b"%d" % at_ms)
    ring.committed(at_ms, needed_from)


def test_slots_are_used_again_and_order_is_that_of_arrival(c: sqlite3.Connection) -> None:
    ring = Ring([], 0)
    for i in range(1, 101):
        put(ring, c, i * 1000, max(1, i - 10))
    rows = ticks(c)
    assert len(rows) <= 12
    assert [at for _, at, _ in rows] == list(range(100_000 - 1000 * (len(rows) - 1), 101_000, 1000))
    assert [blob for _, _, blob in blobs(c, rows)] == [b"%d" % at for _, at, _ in rows]
    assert newest_ms(c) == 100_000
    assert (ring.next_seq, ring.last_ms) == (101, 100_000)


def test_a_ring_goes_on_where_the_last_process_stopped(c: sqlite3.Connection) -> None:
    ring = Ring([], 0)
    for i in range(1, 31):
        put(ring, c, i, max(1, i - 5))
    again = Ring(ticks(c), 24)
    assert again.next_seq == 31
    for i in range(31, 61):
        put(again, c, i, i - 5)
    assert [seq for seq, _, _ in ticks(c)][-6:] == [55, 56, 57, 58, 59, 60]
    assert Ring([], 24).next_seq == 25, "an empty tail: never a number that a chunk has already spoken of"


def test_a_tick_that_was_not_committed_leaves_its_place(c: sqlite3.Connection) -> None:
    ring = Ring([], 0)
    put(ring, c, 1, 1)
    c.execute("BEGIN")
    ring.write(c, 2, b"lost")
    c.execute("ROLLBACK")
    put(ring, c, 3, 1)
    assert [(seq, at) for seq, at, _ in ticks(c)] == [(1, 1), (2, 3)]
    ring.released()
    put(ring, c, 4, 3)
    assert len(ticks(c)) == 2
    assert newest_ms(c) == 4


@given(st.integers(1, 1_000_000))
def test_padding_fills_whole_pages_and_never_a_page_too_many(size: int) -> None:
    padded = padded_size(size)
    assert padded >= size
    assert padded - size < 4096
    assert padded_size(padded) == padded
    assert (padded + 32 - LOCAL) % 4092 == 0
