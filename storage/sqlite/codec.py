"""Columns of integers as bytes, and a chunk of many columns as one blob. Pure; the form is in docs/storage.md.

A column is plain (offsets from its minimum) or a delta (differences of neighbours), whichever is smaller in
sum; a constant and a straight line have no body at all. Bodies are split into byte planes and deflated.
A chunk finds any one of its columns without touching the others, and knows by a checksum that it is whole.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat
from operator import sub
from struct import Struct

from model.errors import Malformed

VERSION = 1
UNSIGNED = "BHIQ"
SIGNED = "bhiq"
DELTA, PRESENCE, DEFLATED = 8, 16, 32
"""Bits of a column's code; 0..2: log2 of the width plus one (0: no body); 8..11: bytes of the base."""
MOST_ROWS, MOST_COLUMNS = 65_535, 16_384
SHORT = 24
"""A body of fewer bytes is not worth deflating."""

HEAD = Struct("<IBBHHI")
"""crc32 of all that follows, version, flags, rows, columns, step in ms (0: times are a column of their own)."""
WIDE_ENDS = 1
TIMES = 0
"""Key of the column of explicit times."""


def deflate(body: bytes) -> bytes:
    """Raw deflate with a small window: columns are short, and the checksum is the chunk's."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -12, 7)
    return squeeze.compress(body) + squeeze.flush()


def planes(typecode: str, values: Sequence[int]) -> bytes:
    """All lowest bytes, then all second bytes, …: neighbours that resemble each other stand together."""
    packed = array(typecode, values)
    width = packed.itemsize
    if width == 1:
        return packed.tobytes()
    if sys.byteorder == "big":
        packed.byteswap()
    data = packed.tobytes()
    return b"".join([data[i::width] for i in range(width)])


def joined(typecode: str, body: bytes) -> array[int]:
    """Inverse of :func:`planes`."""
    packed = array(typecode)
    width = packed.itemsize
    if width > 1:
        rows = len(body) // width
        data = bytearray(len(body))
        for i in range(width):
            data[i::width] = body[i * rows : (i + 1) * rows]
        body = bytes(data)
    packed.frombytes(body)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed


def signed_bytes(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True) if value else b""


def width_of(span: int) -> int:
    """0..3: 1, 2, 4 or 8 bytes hold ``0..span``."""
    return 0 if span < 1 << 8 else 1 if span < 1 << 16 else 2 if span < 1 << 32 else 3


def encode_column(values: Sequence[int], present: bytes = b"") -> tuple[int, bytes]:
    """(code, payload) of 64-bit integers. ``present``: bit map of the rows they stand in; empty: every row."""
    code = PRESENCE if present else 0
    if not values:
        return code, present
    steady = values.count(values[0]) == len(values)
    low, high = (values[0], values[0]) if steady else (min(values), max(values))
    base, slope, body = low, b"", b""
    if low != high:
        deltas = list(map(sub, values[1:], values))
        least, most = min(deltas), max(deltas)
        if least == most:
            code, base, slope = code | DELTA, values[0], signed_bytes(least)
        else:
            mean = sum(values) // len(values)
            plain = sum(map(abs, map(sub, values, repeat(mean))))
            span = max(-least - 1, most) * 2
            if sum(map(abs, deltas)) < plain and span < 1 << 64:
                width = width_of(span)
                code, base, body = code | DELTA | width + 1, values[0], planes(SIGNED[width], deltas)
            else:
                width = width_of(high - low)
                code, body = code | width + 1, planes(UNSIGNED[width], list(map(sub, values, repeat(low))))
    body = present + body
    if len(body) >= SHORT and len(small := deflate(body)) < len(body):
        code, body = code | DEFLATED, small
    foot = signed_bytes(base)
    if slope:  # the length of a slope is what remains, so a bit map (of known length) stands last
        foot += bytes((len(slope),)) + slope
    return code | (len(signed_bytes(base)) << 8), foot + body


def decode_column(code: int, payload: bytes | memoryview, rows: int) -> list[int | None]:
    """Values by row; None where the column has none. Raises :class:`Malformed`."""
    try:
        return _decode(code, payload, rows)
    except (ValueError, IndexError, zlib.error) as e:
        raise Malformed(f"column does not decode: {e}") from e


def _decode(code: int, payload: bytes | memoryview, rows: int) -> list[int | None]:
    at = code >> 8 & 15
    base = int.from_bytes(payload[:at], "little", signed=True)
    width = code & 7
    slope = 0
    if code & DELTA and not width:
        length = payload[at]
        slope = int.from_bytes(payload[at + 1 : at + 1 + length], "little", signed=True)
        at += 1 + length
    body = bytes(payload[at:])
    if code & DEFLATED:
        body = zlib.decompress(body, -12, 8 * rows + 64)
    bits = 0
    count = rows
    if code & PRESENCE:
        length = (rows + 7) // 8
        bits = int.from_bytes(body[:length], "little")
        body, count = body[length:], bits.bit_count()
    values: list[int | None]
    if not count:
        values = []
    elif not width:
        values = list(range(base, base + slope * count, slope)) if slope else [base] * count
    elif code & DELTA:
        values = list(accumulate(joined(SIGNED[width - 1], body), initial=base))
    elif base:
        values = [v + base for v in joined(UNSIGNED[width - 1], body)]
    else:
        values = list(joined(UNSIGNED[width - 1], body))
    if len(values) != count:
        raise ValueError(f"{len(values)} values, {count} expected")
    if not code & PRESENCE:
        return values
    following = iter(values)
    return [next(following) if bits >> i & 1 else None for i in range(rows)]


def bitmap(rows: Sequence[int], total: int) -> bytes:
    """Bit ``i`` set for each ``i`` in ``rows``."""
    bits = bytearray((total + 7) // 8)
    for i in rows:
        bits[i >> 3] |= 1 << (i & 7)
    return bytes(bits)


def encode_chunk(times: Sequence[int], columns: Mapping[int, tuple[Sequence[int], bytes]]) -> bytes:
    """One blob of ``columns`` (key 1..16383 → values and bit map) over growing ``times`` in ms.

    The first time is not in the blob: it stands beside it. Equally spaced times cost nothing.
    """
    step = times[1] - times[0] if len(times) > 1 else 1000
    parts = dict(columns)
    if not 0 < step < 1 << 32 or any(b - a != step for a, b in pairwise(times)):
        step = 0
        parts = {TIMES: ([t - times[0] for t in times], b""), **parts}
    encoded = [encode_column(values, present) for values, present in parts.values()]
    ends = list(accumulate(len(payload) for _, payload in encoded))
    wide = bool(ends) and ends[-1] > MOST_ROWS
    tables = (array("H", parts), array("H", [code for code, _ in encoded]), array("I" if wide else "H", ends))
    if sys.byteorder == "big":
        for table in tables:
            table.byteswap()
    head = HEAD.pack(0, VERSION, WIDE_ENDS if wide else 0, len(times), len(parts), step)
    blob = b"".join((head[4:], *(t.tobytes() for t in tables), *(payload for _, payload in encoded)))
    return zlib.crc32(blob).to_bytes(4, "little") + blob


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk opened: any column is decoded when asked for."""

    first_ms: int
    rows: int
    step_ms: int
    """0 where the times are not equally spaced."""
    keys: array[int]
    codes: array[int]
    ends: array[int]
    body: memoryview

    def times(self) -> Sequence[int]:
        if self.step_ms:
            return range(self.first_ms, self.first_ms + self.rows * self.step_ms, self.step_ms)
        offsets = self.column(TIMES)
        if offsets is None:
            raise Malformed("chunk without times")
        return [self.first_ms + o for o in offsets if o is not None]

    def column(self, key: int) -> list[int | None] | None:
        """Values by row; None when the chunk has no such column."""
        try:
            i = self.keys.index(key)
        except ValueError:
            return None
        start = self.ends[i - 1] if i else 0
        return decode_column(self.codes[i], self.body[start : self.ends[i]], self.rows)


def open_chunk(first_ms: int, blob: bytes) -> Chunk:
    """Check and open; raises :class:`Malformed` when the blob is not what was written."""
    if len(blob) < HEAD.size:
        raise Malformed("chunk is too short")
    crc, version, flags, rows, count, step = HEAD.unpack_from(blob)
    view = memoryview(blob)
    if crc != zlib.crc32(view[4:]):
        raise Malformed("chunk does not match its checksum")
    if version != VERSION:
        raise Malformed(f"chunk has form {version}, this release reads {VERSION}: upgrade wharfinger")
    keys, codes, ends = array("H"), array("H"), array("I" if flags & WIDE_ENDS else "H")
    at = HEAD.size
    for table in (keys, codes, ends):
        length = table.itemsize * count
        table.frombytes(view[at : at + length])
        if sys.byteorder == "big":
            table.byteswap()
        at += length
    return Chunk(first_ms, rows, step, keys, codes, ends, view[at:])
