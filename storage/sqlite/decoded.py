"""Columns of chunks that were decoded lately: a chunk never changes, so whoever asks again gets the same one."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from storage.sqlite.codec import Chunk
from storage.sqlite.rollup import Column, bounds, column_of, decode_bucket_column
from storage.sqlite.tiers import ROLLED, TIERS

MOST_BYTES = 6 << 20
"""A day of seconds of eight metrics, or an hour by 10 seconds of three hundred containers."""
PIECE_BYTES = 700
"""What a column takes beside its values."""


class Place(NamedTuple):
    """Which column of which chunk. The times tell a row's number that was given anew.

    ``rolled``: ticks are wanted as buckets of the next tier, which a chunk of them holds whole.
    """

    tier: int
    number: int
    series: int
    t0_ms: int
    end_ms: int
    metric: int
    rolled: bool


@dataclass(frozen=True, slots=True)
class Ticks:
    """Values as they came, at growing times; an array has no holes."""

    times: Sequence[int]
    values: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Wide:
    """Buckets of ``width_ms`` by their start."""

    times: Sequence[int]
    width_ms: int
    rows: Sequence[int]
    """Counts, sums, lows and highs, one after the other: an array, of which a number takes a quarter of a list's."""

    def column(self) -> Column:
        count = len(self.times)
        return Column(*(list(self.rows[i * count : (i + 1) * count]) for i in range(4)))


Piece = Ticks | Wide | None
"""None: the chunk has no such column."""


def decoded(chunk: Chunk, place: Place) -> Piece:
    """One column of an opened chunk. Pure; raises :class:`model.errors.Malformed`."""
    if place.tier:
        column = decode_bucket_column(chunk, place.metric)
        return None if column is None else Wide(chunk.times(), TIERS[place.tier].step_ms, _packed(column))
    values = chunk.column(place.metric << 2)
    if values is None:
        return None
    times = chunk.times()
    if place.rolled:
        where = bounds(times, ROLLED[0].step_ms)
        starts = array("q", [start for start, _, _ in where])
        return Wide(starts, ROLLED[0].step_ms, _packed(column_of(values, where)))
    return Ticks(times, values if None in values else array("q", values))  # type: ignore[type-var]


def _packed(column: Column) -> Sequence[int]:
    """All numbers in a row; a sum beyond 64 bits makes it a list."""
    rows = column.counts + column.sums + column.lows + column.highs
    try:
        return array("q", rows)
    except OverflowError:
        return rows


def _size(piece: Piece) -> int:
    """Bytes, about: a list holds its numbers as objects."""
    if piece is None:
        return PIECE_BYTES
    rows = (piece.times, piece.rows if isinstance(piece, Wide) else piece.values)
    return PIECE_BYTES + sum(len(row) * (8 if isinstance(row, array) else 40) for row in rows if type(row) is not range)


class Decoded:
    """The columns asked for last, up to :data:`MOST_BYTES`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pieces: OrderedDict[Place, Piece] = OrderedDict()
        self._size = 0

    def pieces(self, places: Sequence[Place], chunk: Callable[[], Chunk]) -> list[Piece]:
        """Columns of one chunk, which ``chunk`` opens where one must be decoded. Raises what that raises."""
        with self._lock:
            found = {place: self._pieces[place] for place in places if place in self._pieces}
            for place in found:
                self._pieces.move_to_end(place)
        if len(found) < len(places):
            opened = chunk()
            new = {place: decoded(opened, place) for place in places if place not in found}
            found |= new
            self._keep(new)
        return [found[place] for place in places]

    def _keep(self, new: Mapping[Place, Piece]) -> None:
        with self._lock:
            for place, piece in new.items():
                if place not in self._pieces:
                    self._pieces[place] = piece
                    self._size += _size(piece)
            while self._size > MOST_BYTES:
                _, oldest = self._pieces.popitem(last=False)
                self._size -= _size(oldest)
