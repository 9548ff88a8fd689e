"""Reads the points of series from the tier that suits, and what that tier lacks from its neighbours."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from model.errors import Malformed
from storage.grid import Filled, Grid, clipped
from storage.sqlite.codec import Chunk, open_chunk
from storage.sqlite.decoded import Decoded, Place, Ticks, Wide
from storage.sqlite.ring import TickPlace
from storage.sqlite.rollup import Column
from storage.sqlite.sealing import sealed_end, sealed_seq
from storage.sqlite.tail_columns import Stretch, TailColumns
from storage.sqlite.tiers import RAW, ROLLED, TIERS, preference

log = logging.getLogger(__name__)

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Kept:
    """What a reader remembers of one file from question to question."""

    tail: TailColumns = field(default_factory=TailColumns)
    chunks: Decoded = field(default_factory=Decoded)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the values of one metric id go. ``factor``: stored units of the column in one of the id's."""

    column: Filled
    factor: float = 1


Slots = Mapping[int, Slot]


class Scan:
    """Fills columns from one consistent state of the file."""

    def __init__(self, c: sqlite3.Connection, grid: Grid, there: Sequence[TickPlace], kept: Kept) -> None:
        """``there``: the ticks of the tail."""
        self._c = c
        self._grid = grid
        self._there = there
        self._kept = kept
        self._now_ms = there[-1].at_ms if there else FOREVER
        self._rolled = not grid.raw and grid.step_ms % ROLLED[0].step_ms == 0
        self._preference = preference(0 if grid.raw else grid.step_ms)

    def fill(self, series: Mapping[int, Slots], first_ms: Mapping[int, int]) -> None:
        """Every column of every series over the whole grid. ``first_ms``: when each series began."""
        tail: Mapping[int, Sequence[Stretch]] = {}
        if series and self._there and self._now_ms >= self._grid.t0_ms:
            wanted = {number: (sealed_seq(self._c, number), slots) for number, slots in series.items()}
            # From the grid's begin, not from where a series is sealed to: after a clock that went back that is later.
            tail = self._kept.tail.read(self._c, self._there, self._grid.t0_ms, wanted)
        for number, slots in series.items():
            self._fill_one(number, slots, tail.get(number, ()), first_ms[number])

    def _fill_one(self, series: int, slots: Slots, tail: Sequence[Stretch], first_ms: int) -> None:
        missing = [(max(self._grid.t0_ms, _down(first_ms)), self._grid.end_ms)]
        for tier in self._preference:
            covered = self._covered(series, tier)
            if tier == 0 and tail:
                begin = _down(tail[0].times[0])
                covered = (min(covered[0], begin) if covered else begin, self._grid.end_ms)
            if covered is None:
                continue
            still: list[tuple[int, int]] = []
            for since, until in missing:
                a, b = max(since, covered[0]), min(until, covered[1])
                if a >= b:
                    still.append((since, until))
                    continue
                self._chunks(series, tier, slots, a, b)
                for stretch in tail if tier == 0 else ():
                    for metric, values in stretch.columns.items():
                        _add_ticks(slots[metric], stretch.times, values, a, b)
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
        # the buckets of ten seconds in which the ticks begin and end hold those very ticks: they add nothing
        return (_down(first), -_down(-end)) if tier == 0 else (first, end)

    def _chunks(self, series: int, tier: int, slots: Slots, since_ms: int, until_ms: int) -> None:
        table = TIERS[tier].table
        rows = self._c.execute(
            f"""SELECT id, t0_ms, end_ms FROM {table} WHERE series = ?1 AND t0_ms < ?3 AND end_ms > ?2 AND t0_ms >=
                coalesce((SELECT max(t0_ms) FROM {table} WHERE series = ?1 AND t0_ms <= ?2), ?2)
                ORDER BY t0_ms""",  # noqa: S608
            (series, since_ms, until_ms),
        ).fetchall()
        rolled = not tier and self._rolled and _down(since_ms) == since_ms and _down(until_ms) == until_ms
        for number, t0_ms, end_ms in rows:
            places = [Place(tier, number, series, t0_ms, end_ms, metric, rolled) for metric in slots]
            try:
                pieces = self._kept.chunks.pieces(places, partial(self._chunk, table, number, t0_ms))
                for slot, piece in zip(slots.values(), pieces, strict=True):
                    if isinstance(piece, Wide):
                        column = _scaled_column(piece.column(), slot.factor)
                        slot.column.add_buckets(piece.times, piece.width_ms, column, since_ms, until_ms)
                    elif isinstance(piece, Ticks):
                        _add_ticks(slot, piece.times, piece.values, since_ms, until_ms)
            except Malformed as e:
                log.warning("%s of series %s at %s is a gap: %s", table, series, t0_ms, e)

    def _chunk(self, table: str, number: int, t0_ms: int) -> Chunk:
        (body,) = self._c.execute(f"SELECT body FROM {table} WHERE id = ?", (number,)).fetchone()  # noqa: S608
        return open_chunk(t0_ms, body)


def _down(at_ms: int) -> int:
    """To a place where a bucket of ten seconds, and so a chunk of ticks, may begin."""
    return at_ms - at_ms % RAW.edge_ms


def _add_ticks(slot: Slot, times: Sequence[int], values: Sequence[int | None], since_ms: int, until_ms: int) -> None:
    times, values = clipped(times, values, since_ms, until_ms)
    slot.column.add_ticks(times, _scaled(values, slot.factor))


def _scaled(values: Sequence[int | None], factor: float) -> Sequence[int | None]:
    return values if factor == 1 else [None if v is None else round(v * factor) for v in values]


def _scaled_column(column: Column, factor: float) -> Column:
    if factor == 1:
        return column
    sums, lows, highs = ([round(v * factor) for v in part] for part in (column.sums, column.lows, column.highs))
    return Column(column.counts, sums, lows, highs)
