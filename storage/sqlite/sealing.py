"""What is due to leave memory for chunks, and reading back what a roll-up lost with the last process."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from model.errors import Malformed
from storage.sqlite.buffer import Buffer
from storage.sqlite.codec import open_chunk
from storage.sqlite.ladder import Ladder, Sealed, fed, finished, new_ladder, pack
from storage.sqlite.rollup import Buckets, cut, decode_buckets, decode_rows, encode_rows, rolled, wider
from storage.sqlite.tiers import RAW, ROLLED, TIERS, first_edge

log = logging.getLogger(__name__)

GONE_MS = 300_000
"""A series that was not seen this long is finished: everything it holds is written."""


@dataclass(frozen=True, slots=True)
class Work:
    """One series to be sealed: what is written, and how the buffer looks once that is committed."""

    buffer: Buffer
    rows: int
    sealed: tuple[Sealed, ...]
    seal_ms: int
    ladder: Ladder | None
    gone: bool
    end_ms: int
    """Time before which everything is sealed."""

    def committed(self) -> None:
        self.buffer.drop(self.rows)
        self.buffer.seal_ms = self.seal_ms
        self.buffer.ladder = self.ladder


def due(buffers: Iterable[Buffer], now_ms: int) -> list[Buffer]:
    """Those to be sealed, the longest due first."""
    waiting = [b for b in buffers if now_ms >= (b.seal_ms if b.times else b.seen_ms + GONE_MS)]
    return sorted(waiting, key=lambda b: b.seal_ms)


def sealed(connection: sqlite3.Connection, buffer: Buffer, now_ms: int, span_ms: int) -> Work:
    """Seal what is before the buffer's edge; all of it where the series is gone."""
    gone = now_ms - buffer.seen_ms >= GONE_MS
    rows = len(buffer.times) if gone else buffer.rows_before(buffer.seal_ms)
    ladder = buffer.ladder
    if ladder is None:
        ladder = read_back(connection, buffer)
    chunks: list[Sealed] = []
    end = buffer.seen_ms + 1 if gone else buffer.seal_ms
    if rows:
        times, columns = buffer.times[:rows], buffer.columns(rows)
        chunks.append(Sealed(0, times[0], times[-1] + 1, encode_rows(times, columns)))
        ladder, more = fed(ladder, rolled(times, columns, ROLLED[0].step_ms), end)
        chunks.extend(more)
    if gone:
        chunks.extend(finished(ladder, end))
        return Work(buffer, rows, tuple(chunks), buffer.seal_ms, None, gone=True, end_ms=end)
    following = buffer.times[rows] if rows < len(buffer.times) else now_ms
    edge = buffer.seal_ms + span_ms
    if edge <= following:
        edge = first_edge(following, RAW, buffer.id, span_ms)
    return Work(buffer, rows, tuple(chunks), edge, ladder, gone=False, end_ms=end)


def write(connection: sqlite3.Connection, work: Work, tail_seq: int) -> None:
    """``tail_seq``: the last tick of the tail that the work's seconds hold."""
    for chunk in work.sealed:
        place = (work.buffer.id, chunk.t0_ms, chunk.end_ms)
        if chunk.tier == 0:
            connection.execute(
                "INSERT INTO chunk_1s (series, t0_ms, end_ms, tail_seq, body) VALUES (?, ?, ?, ?, ?)",
                (*place, tail_seq, chunk.body),
            )
        else:
            connection.execute(
                f"INSERT INTO {TIERS[chunk.tier].table} (series, t0_ms, end_ms, body) VALUES (?, ?, ?, ?)",  # noqa: S608
                (*place, chunk.body),
            )


def sealed_end(connection: sqlite3.Connection, series: int, tier: int, now_ms: int) -> int | None:
    """Up to where a tier is sealed; None where it has nothing. What a fast clock filed after ``now_ms`` is left out."""
    row = connection.execute(
        f"SELECT end_ms FROM {TIERS[tier].table} WHERE series = ? AND t0_ms <= ? ORDER BY t0_ms DESC LIMIT 1",  # noqa: S608
        (series, now_ms),
    ).fetchone()
    return None if row is None else int(row[0])


def sealed_seq(connection: sqlite3.Connection, series: int) -> int:
    """The last tick of the tail that is already sealed for this series."""
    row = connection.execute("SELECT max(tail_seq) FROM chunk_1s WHERE series = ?", (series,)).fetchone()
    return int(row[0] or 0)


def read_back(connection: sqlite3.Connection, buffer: Buffer) -> Ladder:
    """The rungs as they were: what is sealed in the finer tier and not yet in the coarser."""
    start = buffer.times[0] if buffer.times else buffer.seen_ms
    ladder = list(new_ladder(start, buffer.id))
    for i, tier in enumerate(ROLLED):
        end = sealed_end(connection, buffer.id, i + 1, start) or 0
        held = tuple(pack(b) for b in _finer(connection, buffer.id, i, end, tier.step_ms) if b.times)
        ladder[i] = replace(ladder[i], held=held)
    return tuple(ladder)


def _finer(connection: sqlite3.Connection, series: int, tier: int, after_ms: int, width_ms: int) -> Iterator[Buckets]:
    rows = connection.execute(
        f"SELECT t0_ms, body FROM {TIERS[tier].table} WHERE series = ? AND end_ms > ? ORDER BY t0_ms",  # noqa: S608
        (series, after_ms),
    )
    for t0_ms, body in rows:
        try:
            chunk = open_chunk(t0_ms, body)
            if tier == 0:
                times, columns = decode_rows(chunk)
                narrow, step_ms = rolled(times, columns, width_ms), width_ms
            else:
                narrow, step_ms = decode_buckets(chunk), TIERS[tier].step_ms
            first = sum(t + step_ms <= after_ms for t in narrow.times)
            yield wider(cut(narrow, first, len(narrow.times)), width_ms)
        except Malformed as e:
            log.error("%s of series %s at %s is left out of its roll-up: %s", TIERS[tier].table, series, t0_ms, e)


def latest_sealed(connection: sqlite3.Connection, series: int) -> dict[str, float]:
    """Name → value of the last sealed tick; empty where there is none."""
    row = connection.execute(
        "SELECT t0_ms, body FROM chunk_1s WHERE series = ? ORDER BY t0_ms DESC LIMIT 1", (series,)
    ).fetchone()
    if row is None:
        return {}
    names = {number: (name, scale) for number, name, scale in connection.execute("SELECT id, name, scale FROM metric")}
    try:
        _, columns = decode_rows(open_chunk(*row))
    except Malformed as e:
        log.error("the last values of series %s are lost: %s", series, e)
        return {}
    last = {names[m]: values[-1] for m, values in columns.items() if m in names}
    return {name: value / scale for (name, scale), value in last.items() if value is not None}
