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

MOST_VALUES = 2_000_000
"""Some 16 MB: a day of seconds of twenty metrics, or an hour by 10 seconds of a thousand containers."""


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
    column: Column


Piece = Ticks | Wide | None
"""None: the chunk has no such column."""


def decoded(chunk: Chunk, place: Place) -> Piece:
    """One column of an opened chunk. Pure; raises :class:`model.errors.Malformed`."""
    if place.tier:
        column = decode_bucket_column(chunk, place.metric)
        return None if column is None else Wide(chunk.times(), TIERS[place.tier].step_ms, column)
    values = chunk.column(place.metric << 2)
    if values is None:
        return None
    times = chunk.times()
    if place.rolled:
        where = bounds(times, ROLLED[0].step_ms)
        return Wide([start for start, _, _ in where], ROLLED[0].step_ms, column_of(values, where))
    return Ticks(times, values if None in values else array("q", values))  # type: ignore[type-var]


def _size(piece: Piece) -> int:
    if piece is None:
        return 1
    return len(piece.times) * (4 if isinstance(piece, Wide) else 1)


class Decoded:
    """The columns asked for last, up to :data:`MOST_VALUES`. Thread-safe."""

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
            while self._size > MOST_VALUES:
                _, oldest = self._pieces.popitem(last=False)
                self._size -= _size(oldest)
