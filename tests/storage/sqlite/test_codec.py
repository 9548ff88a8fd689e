"""Columns, chunks and ticks come back bit for bit; what is damaged is noticed."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import Malformed
from storage.sqlite import tail
from storage.sqlite.codec import bitmap, decode_column, encode_chunk, encode_column, open_chunk
from storage.sqlite.rollup import decode_buckets, decode_rows, encode_buckets, encode_rows, rolled

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
COLUMNS = st.one_of(
    st.lists(INT64, min_size=1, max_size=300),
    st.lists(st.integers(0, 3), min_size=1, max_size=300),
    st.lists(st.integers(-300, 70_000), min_size=1, max_size=300),
    st.tuples(INT64, st.integers(1, 300)).map(lambda p: [p[0]] * p[1]),
    st.tuples(st.integers(-(1 << 40), 1 << 40), st.integers(-5000, 5000), st.integers(2, 300)).map(
        lambda p: [p[0] + p[1] * i for i in range(p[2])]
    ),
)


@given(COLUMNS)
@settings(max_examples=300, deadline=None)
def test_any_column_comes_back(values: list[int]) -> None:
    code, payload = encode_column(values)
    assert decode_column(code, payload, len(values)) == values


@given(st.lists(st.one_of(st.none(), st.integers(-10, 1 << 40)), min_size=1, max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_column_with_holes_comes_back(values: list[int | None]) -> None:
    there = [i for i, v in enumerate(values) if v is not None]
    code, payload = encode_column([v for v in values if v is not None], bitmap(there, len(values)))
    assert decode_column(code, payload, len(values)) == values


@given(
    st.lists(st.integers(0, 100_000), min_size=1, max_size=50, unique=True).map(sorted),
    st.integers(0, 1 << 42),
)
@settings(deadline=None)
def test_any_times_come_back(offsets: list[int], first: int) -> None:
    times = [first + o for o in offsets]
    chunk = open_chunk(times[0], encode_rows(times, {1: list(range(len(times)))}))
    assert list(chunk.times()) == times


def test_a_straight_line_and_a_constant_cost_nearly_nothing() -> None:
    assert len(encode_column([7_000_000_000] * 300)[1]) <= 5
    assert len(encode_column(list(range(0, 300_000, 1000)))[1]) <= 4


def test_a_column_that_is_not_there() -> None:
    chunk = open_chunk(0, encode_rows(range(0, 3000, 1000), {1: [1, 2, 3]}))
    assert chunk.column(9 << 2) is None
    assert chunk.column(1 << 2) == [1, 2, 3]


def test_a_large_chunk_has_wide_ends() -> None:
    columns = {m: [(m * 7919 * i * i) % (1 << 62) for i in range(300)] for m in range(1, 60)}
    times, back = decode_rows(open_chunk(5000, encode_rows(range(5000, 305_000, 1000), columns)))
    assert list(times) == list(range(5000, 305_000, 1000))
    assert back == columns


@given(st.integers(0, 400), st.integers(0, 255))
@settings(deadline=None)
def test_a_flipped_byte_is_noticed(place: int, new: int) -> None:
    blob = bytearray(encode_rows(range(0, 100_000, 1000), {m: [i * m for i in range(100)] for m in range(1, 30)}))
    place %= len(blob)
    if blob[place] == new:
        return
    blob[place] = new
    with pytest.raises(Malformed):
        open_chunk(0, bytes(blob))


@pytest.mark.parametrize("blob", [b"", b"x", b"\0" * 14, b"\0" * 500])
def test_what_is_no_chunk_is_refused(blob: bytes) -> None:
    with pytest.raises(Malformed):
        open_chunk(0, blob)
    with pytest.raises(Malformed):
        list(tail.segments(blob))


def test_a_chunk_of_a_newer_form_says_so() -> None:
    import zlib

    blob = bytearray(encode_chunk([0, 1000], {4: ([1, 2], b"")}))
    blob[4] = 9
    blob[:4] = zlib.crc32(bytes(blob[4:])).to_bytes(4, "little")
    with pytest.raises(Malformed, match="upgrade"):
        open_chunk(0, bytes(blob))


@given(
    st.lists(st.one_of(st.none(), st.integers(-1000, 1 << 45)), min_size=1, max_size=300),
    st.integers(0, 100),
)
@settings(max_examples=150, deadline=None)
def test_buckets_come_back(values: list[int | None], offset: int) -> None:
    times = [(offset + i) * 1000 for i in range(len(values))]
    whole = rolled(times, {1: values, 2: [5] * len(values)}, 10_000)
    assert decode_buckets(open_chunk(whole.times[0], encode_buckets(whole))) == whole


def layout(levels: list[int]) -> tail.Layout:
    return tail.Layout((7, 9), ((1, 2), (1,)), array("b", levels))


def test_a_tail_is_followed_from_its_key() -> None:
    ticks = [array("q", [i * 1_000_000, i % 3, -i]) for i in range(40)]
    blobs = []
    for i, values in enumerate(ticks):
        part = tail.encode_key(layout([1, 0, 1]), values) if i % 30 == 0 else None
        part = part or tail.encode_delta(layout([1, 0, 1]), values, ticks[i - 1])
        assert part is not None
        blobs.append(tail.encode_tick([(0, part)]))
    from_the_key, late = tail.TailReader(), tail.TailReader()
    for i, blob in enumerate(blobs):
        expected = {7: ((1, 2), ticks[i][:2]), 9: ((1,), ticks[i][2:])}
        assert from_the_key.read(blob) == expected
        if i >= 3:
            assert late.read(blob) == (expected if i >= 30 else {})


def test_a_difference_too_wide_asks_for_a_key() -> None:
    least, most = array("q", [-(1 << 63)] * 3), array("q", [(1 << 63) - 1] * 3)
    assert tail.encode_delta(layout([1, 1, 1]), most, least) is None
    assert tail.encode_delta(layout([0, 0, 0]), most, least) is not None
