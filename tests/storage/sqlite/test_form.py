"""docs/storage.md tells enough: a reader written from it alone, with nothing of ours, reads every sealed second."""

from __future__ import annotations

import gzip
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path

STORE = Path(__file__).resolve().parents[2] / "fixtures" / "stores" / "series-form1.db.gz"
START_MS = 1_790_000_000_000


def number(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def planes(body: bytes, width: int, count: int, *, signed: bool) -> list[int]:
    return [int.from_bytes(body[i::count][:width], "little", signed=signed) for i in range(count)]


def column(code: int, payload: bytes, rows: int) -> list[int | None]:
    base_length, width = code >> 8 & 15, (0, 1, 2, 4, 8)[code & 7]
    base, rest = number(payload[:base_length]), payload[base_length:]
    slope = 0
    if code & 8 and not width:
        slope, rest = number(rest[1 : 1 + rest[0]]), rest[1 + rest[0] :]
    body = zlib.decompress(rest, -12) if code & 32 else rest
    there = [True] * rows
    if code & 16:
        bits, body = body[: (rows + 7) // 8], body[(rows + 7) // 8 :]
        there = [bool(bits[i // 8] >> i % 8 & 1) for i in range(rows)]
    count = sum(there)
    if not width:
        values = [base + slope * i for i in range(count)]
    elif code & 8:
        values = [base]
        for difference in planes(body, width, count - 1, signed=True):
            values.append(values[-1] + difference)
    else:
        values = [base + v for v in planes(body, width, count, signed=False)]
    following = iter(values)
    return [next(following) if one else None for one in there]


def chunk(t0_ms: int, blob: bytes) -> tuple[list[int], dict[int, list[int | None]]]:
    crc, form, flags, rows, columns, step = struct.unpack_from("<IBBHHI", blob)
    assert (crc, form) == (zlib.crc32(blob[4:]), 1)
    at, end_width = 14, "I" if flags & 1 else "H"
    keys = struct.unpack_from(f"<{columns}H", blob, at)
    codes = struct.unpack_from(f"<{columns}H", blob, at + 2 * columns)
    ends = struct.unpack_from(f"<{columns}{end_width}", blob, at + 4 * columns)
    payloads = blob[at + (8 if flags & 1 else 6) * columns :]
    starts = (0, *ends[:-1])
    read = {k: column(c, payloads[a:b], rows) for k, c, a, b in zip(keys, codes, starts, ends, strict=True)}
    times = [t0_ms + i * step for i in range(rows)] if step else [t0_ms + (o or 0) for o in read[0]]
    return times, read


def test_a_reader_from_the_page_alone(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    path.write_bytes(gzip.decompress(STORE.read_bytes()))
    with closing(sqlite3.connect(path)) as c:
        scales = {n: (name, scale) for n, name, scale in c.execute("SELECT id, name, scale FROM metric")}
        (series,) = c.execute("SELECT id FROM series WHERE key = 'a'").fetchone()
        found: dict[str, dict[int, float]] = {}
        for t0_ms, blob in c.execute("SELECT t0_ms, body FROM chunk_1s WHERE series = ? ORDER BY t0_ms", (series,)):
            times, columns = chunk(t0_ms, blob)
            for key, values in columns.items():
                name, scale = scales.get(key >> 2, ("", 1))
                found.setdefault(name, {}).update(
                    (t, v / scale) for t, v in zip(times, values, strict=True) if v is not None
                )
    assert len(found["pids"]) >= 300
    for t, value in found["pids"].items():
        assert value == float((t - START_MS) // 1000 % 97)
    for t, value in found["cpu_usage_cores"].items():
        assert value == round((t - START_MS) / 1000 / 8 % 3, 4)
