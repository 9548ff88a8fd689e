"""A stretch of one series given as whole columns: sealed and rolled up at once, as its ticks would have been."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import repeat
from operator import mul

from model.errors import StoreError
from storage.api import Stretch
from storage.sqlite.buffer import Buffer
from storage.sqlite.codec import MOST_ROWS
from storage.sqlite.ladder import Sealed, fed
from storage.sqlite.rollup import encode_rows, rolled
from storage.sqlite.sealing import Work, read_back
from storage.sqlite.shapes import Metrics
from storage.sqlite.tiers import RAW, ROLLED


def end_of(stretch: Stretch) -> int:
    """Time before which the stretch tells everything: the next edge of a chunk of ticks. Pure."""
    return (stretch.times[-1] // RAW.edge_ms + 1) * RAW.edge_ms


def integers(values: Sequence[float], scale: int) -> list[int]:
    """In stored units; a constant costs one multiplication. Pure."""
    if values.count(values[0]) == len(values):
        return [round(values[0] * scale)] * len(values)
    return list(map(round, map(mul, values, repeat(scale))))


def sealed_stretch(c: sqlite3.Connection, buffer: Buffer, stretch: Stretch, metrics: Metrics) -> Work:
    """The chunks of a stretch. Raises :class:`model.errors.StoreError` where it is not after what is there."""
    times, end = stretch.times, end_of(stretch)
    if len(times) > MOST_ROWS or any(len(column) != len(times) for column in stretch.columns.values()):
        raise StoreError(f"a stretch of {len(times)} rows has columns of another length, or is too long")
    if times[0] < buffer.seen_ms or buffer.times:
        raise StoreError(f"a stretch of {buffer.identity[0]} begins before what is already kept of it")
    columns = {}
    for name, values in stretch.columns.items():
        found = metrics.column(name)
        if found is not None:
            number, scale = found
            columns[number] = integers(values, scale)
    ladder = read_back(c, buffer) if buffer.ladder is None else buffer.ladder
    ladder, more = fed(ladder, rolled(times, columns, ROLLED[0].step_ms), end)
    chunks = (Sealed(0, times[0], times[-1] + 1, encode_rows(times, columns)), *more)
    buffer.seen_ms = times[-1]
    return Work(buffer, 0, chunks, end, ladder, gone=False, end_ms=end)
