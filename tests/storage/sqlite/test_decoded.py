"""Columns that were decoded lately are not decoded again, and do not fill the memory."""

from __future__ import annotations

import pytest

from model.errors import Malformed
from storage.sqlite import decoded
from storage.sqlite.codec import Chunk, open_chunk
from storage.sqlite.decoded import Decoded, Place, Ticks, Wide
from storage.sqlite.rollup import Column, encode_rows

STEADY = encode_rows(range(20_000, 50_000, 1000), {7: list(range(30)), 8: [5] * 30, 9: [1, None] * 15})


class Opener:
    """Opens the chunk, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Chunk:
        self.times += 1
        return open_chunk(20_000, STEADY)


def place(metric: int, number: int = 1, *, rolled: bool = False) -> Place:
    return Place(0, number, 1, 20_000, 50_000, metric, rolled)


def test_a_chunk_is_opened_once_for_all_that_is_asked_of_it() -> None:
    kept, opener = Decoded(), Opener()
    line, absent, holes = kept.pieces([place(7), place(3), place(9)], opener)
    assert isinstance(line, Ticks)
    assert isinstance(holes, Ticks)
    assert (list(line.times), list(line.values)) == (list(range(20_000, 50_000, 1000)), list(range(30)))
    assert list(holes.values) == [1, None] * 15
    assert absent is None
    assert kept.pieces([place(9), place(7), place(3)], opener) == [holes, line, absent]
    assert opener.times == 1


def test_ticks_as_buckets_of_ten_seconds() -> None:
    (wide,) = Decoded().pieces([place(7, rolled=True)], Opener())
    assert isinstance(wide, Wide)
    column = wide.column()
    assert (list(wide.times), wide.width_ms) == ([20_000, 30_000, 40_000], 10_000)
    assert column == Column([10, 10, 10], [45, 145, 245], [0, 10, 20], [9, 19, 29])


def test_a_sum_beyond_64_bits_is_exact() -> None:
    most = (1 << 63) - 1
    chunk = open_chunk(20_000, encode_rows(range(20_000, 30_000, 1000), {7: [most] * 10}))
    (wide,) = Decoded().pieces([Place(0, 1, 1, 20_000, 30_000, 7, True)], lambda: chunk)
    assert isinstance(wide, Wide)
    assert wide.column().sums == [10 * most]


def test_a_number_that_was_given_anew_is_another_chunk() -> None:
    kept, opener = Decoded(), Opener()
    kept.pieces([place(7)], opener)
    kept.pieces([place(7)._replace(t0_ms=60_000, end_ms=90_000)], opener)
    assert opener.times == 2


def test_the_ones_not_asked_for_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded, "MOST_BYTES", 3 * (decoded.PIECE_BYTES + 30 * 8))
    kept, opener = Decoded(), Opener()
    for number in (1, 2, 3, 1, 4):  # three fit; 1 is asked for again, so 2 goes
        kept.pieces([place(7, number)], opener)
    assert opener.times == 4
    kept.pieces([place(7, 1)], opener)
    assert opener.times == 4
    kept.pieces([place(7, 2)], opener)
    assert opener.times == 5


def test_a_damaged_chunk_is_not_remembered() -> None:
    kept, opener = Decoded(), Opener()

    def damaged() -> Chunk:
        raise Malformed("chunk does not match its checksum")

    with pytest.raises(Malformed):
        kept.pieces([place(7)], damaged)
    (line,) = kept.pieces([place(7)], opener)
    assert isinstance(line, Ticks)
