"""Reads the points of series from the tier that suits, and what that tier lacks from its neighbours."""

from __future__ import annotations

import logging
import sqlite3
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from model.errors import Malformed
from storage.grid import Filled, Grid
from storage.sqlite.buffer import KEY_EVERY
from storage.sqlite.codec import Chunk, open_chunk
from storage.sqlite.ring import blobs, newest_ms, ticks
from storage.sqlite.rollup import Column, decode_bucket_column
from storage.sqlite.sealing import sealed_end, sealed_seq
from storage.sqlite.tail import TailReader
from storage.sqlite.tiers import RAW, TIERS, preference

log = logging.getLogger(__name__)

FOREVER = 1 << 62

TailRow: TypeAlias = "tuple[int, int, tuple[int, ...], array[int]]"
"""Number of the tick, time, metric ids, values."""
Tail: TypeAlias = "Mapping[int, Sequence[TailRow]]"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the values of one metric id go. ``factor``: stored units of the column in one of the id's."""

    column: Filled
    factor: float = 1


Slots = Mapping[int, Slot]


def read_tail(
    c: sqlite3.Connection, since_ms: int, wanted: Collection[int], metrics: Collection[int] | None = None
) -> dict[int, list[TailRow]]:
    """Rows of the last minutes by series, oldest first; damaged ticks are left out. ``metrics`` None: all."""
    rows_there = ticks(c)
    before = max((i for i, (_, at_ms, _) in enumerate(rows_there) if at_ms < since_ms), default=0)
    reader = TailReader(frozenset(wanted), None if metrics is None else frozenset(metrics))
    found: dict[int, list[TailRow]] = {}
    for seq, at_ms, blob in blobs(c, rows_there[max(0, before - KEY_EVERY) :]):
        try:
            rows = reader.read(blob)
        except Malformed as e:
            log.warning("the tick at %s does not read: %s", at_ms, e)
            continue
        if at_ms >= since_ms:
            for series, (ids, values) in rows.items():
                found.setdefault(series, []).append((seq, at_ms, ids, values))
    return found


class Scan:
    """Fills columns from one consistent state of the file."""

    def __init__(self, c: sqlite3.Connection, grid: Grid) -> None:
        self._c = c
        self._grid = grid
        self._now_ms = FOREVER
        self._preference = preference(0 if grid.raw else grid.step_ms)

    def fill(self, series: Mapping[int, Slots], first_ms: Mapping[int, int]) -> None:
        """Every column of every series over the whole grid. ``first_ms``: when each series began."""
        newest = newest_ms(self._c)
        tail: Tail = {}
        if newest is not None:
            self._now_ms = newest
            if series and newest >= self._grid.t0_ms:
                metrics = {metric for slots in series.values() for metric in slots}
                since = max(self._grid.t0_ms, min(self._unsealed_from(number) for number in series))
                tail = read_tail(self._c, since, series.keys(), metrics)
        for number, slots in series.items():
            rows = tail.get(number, ())
            sealed = sealed_seq(self._c, number) if rows else 0
            self._fill_one(number, slots, [r for r in rows if r[0] > sealed], first_ms[number])

    def _unsealed_from(self, series: int) -> int:
        return sealed_end(self._c, series, 0, self._now_ms) or 0

    def _fill_one(self, series: int, slots: Slots, tail: Sequence[TailRow], first_ms: int) -> None:
        missing = [(max(self._grid.t0_ms, first_ms), self._grid.end_ms)]
        for tier in self._preference:
            covered = self._covered(series, tier)
            if tier == 0 and tail:
                covered = (min(covered[0], tail[0][1]) if covered else tail[0][1], self._grid.end_ms)
            if covered is None:
                continue
            still: list[tuple[int, int]] = []
            for since, until in missing:
                a, b = max(since, covered[0]), min(until, covered[1])
                if a >= b:
                    still.append((since, until))
                    continue
                self._chunks(series, tier, slots, a, b)
                if tier == 0 and tail:
                    self._tail(slots, tail, a, b)
                still += [piece for piece in ((since, a), (b, until)) if piece[0] < piece[1]]
            missing = still
            if not missing:
                return

    def _covered(self, series: int, tier: int) -> tuple[int, int] | None:
        (first,) = self._c.execute(
            f"SELECT min(t0_ms) FROM {TIERS[tier].table} WHERE series = ?",  # noqa: S608
            (series,),
        ).fetchone()
        end = sealed_end(self._c, series, tier, self._now_ms if self._grid.t0_ms <= self._now_ms else FOREVER)
        if first is None or end is None:
            return None
        # the bucket of ten seconds in which the ticks end holds those very ticks: it adds nothing
        return first, (-(-end // RAW.edge_ms) * RAW.edge_ms if tier == 0 else end)

    def _chunks(self, series: int, tier: int, slots: Slots, since_ms: int, until_ms: int) -> None:
        table, width = TIERS[tier].table, TIERS[tier].step_ms
        rows = self._c.execute(
            f"""SELECT t0_ms, body FROM {table} WHERE series = ?1 AND t0_ms < ?3 AND end_ms > ?2 AND t0_ms >=
                coalesce((SELECT max(t0_ms) FROM {table} WHERE series = ?1 AND t0_ms <= ?2), ?2)
                ORDER BY t0_ms""",  # noqa: S608
            (series, since_ms, until_ms),
        )
        for t0_ms, body in rows:
            try:
                chunk = open_chunk(t0_ms, body)
                times = chunk.times()
                for metric, slot in slots.items():
                    if width:
                        _add_buckets(chunk, times, metric, slot, width, (since_ms, until_ms))
                    else:
                        _add_ticks(chunk, times, metric, slot, (since_ms, until_ms))
            except Malformed as e:
                log.warning("%s of series %s at %s is a gap: %s", table, series, t0_ms, e)

    def _tail(self, slots: Slots, rows: Sequence[TailRow], since_ms: int, until_ms: int) -> None:
        inside = [row for row in rows if since_ms <= row[1] < until_ms]
        for metrics, run in groupby(inside, key=lambda row: row[2]):
            part = list(run)
            times = [at_ms for _, at_ms, _, _ in part]
            for metric, slot in slots.items():
                if metric in metrics:
                    place = metrics.index(metric)
                    slot.column.add_ticks(times, _scaled([values[place] for _, _, _, values in part], slot.factor))


def _add_ticks(chunk: Chunk, times: Sequence[int], metric: int, slot: Slot, piece: tuple[int, int]) -> None:
    values = chunk.column(metric << 2)
    if values is None:
        return
    if times[0] < piece[0] or times[-1] >= piece[1]:
        kept = [i for i, t in enumerate(times) if piece[0] <= t < piece[1]]
        if not kept:
            return
        times, values = times[kept[0] : kept[-1] + 1], values[kept[0] : kept[-1] + 1]
    slot.column.add_ticks(times, _scaled(values, slot.factor))


def _add_buckets(
    chunk: Chunk, times: Sequence[int], metric: int, slot: Slot, width: int, piece: tuple[int, int]
) -> None:
    column = decode_bucket_column(chunk, metric)
    if column is None:
        return
    if slot.factor != 1:
        column = Column(
            column.counts,
            [round(v * slot.factor) for v in column.sums],
            [round(v * slot.factor) for v in column.lows],
            [round(v * slot.factor) for v in column.highs],
        )
    slot.column.add_buckets(times, width, column, *piece)


def _scaled(values: Sequence[int | None], factor: float) -> Sequence[int | None]:
    return values if factor == 1 else [None if v is None else round(v * factor) for v in values]
