"""Samples as rows of integers: which column is which metric, and what one stored unit is worth."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from math import isfinite
from operator import is_not, mul
from typing import TypeAlias

from model.metrics import spec_of
from storage.sqlite.documents import clean

log = logging.getLogger(__name__)

MOST_METRICS = 16_383
MOST_SHAPES = 4096
INT64 = 1 << 63


def scale_of(name: str) -> int | None:
    """Stored units in one unit of the metric; None for a name that is not in the catalogue."""
    spec = spec_of(name)
    return None if spec is None else round(1 / spec.resolution)


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns of a row, in order. ``places``: which values of a sample they are; None: all.
    ``levels``: 1 for a gauge (see :mod:`storage.sqlite.tail`)."""

    metrics: tuple[int, ...]
    scales: tuple[int, ...]
    levels: bytes
    places: tuple[int, ...] | None


Row: TypeAlias = "tuple[Shape, array[int]]"
Known: TypeAlias = "tuple[Shape, list[float], array[int]]"
"""The row of the tick before, and the values that it was made of."""


class Metrics:
    """Numbers of the metrics of one file. New ones wait in :attr:`unsaved` until they are committed."""

    def __init__(self, saved: Iterable[tuple[int, str, int]] = ()) -> None:
        self._ids = {(name, scale): number for number, name, scale in saved}
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._strange: set[str] = set()
        self.unsaved: list[tuple[int, str, int]] = []

    def forget_file(self) -> None:
        """The file was begun anew: every metric is to be saved again."""
        self.unsaved = [(number, name, scale) for (name, scale), number in self._ids.items()]

    def names(self) -> Mapping[int, tuple[str, int]]:
        """Number → name and scale."""
        return {number: key for key, number in self._ids.items()}

    def row_after(self, known: Known | None, values: Mapping[str, float]) -> Known:
        """The sample as integers. Only what is another value than at the tick before is worked out."""
        shape = self._shapes.get(tuple(values))
        if known is not None and shape is known[0] and shape.places is None:
            numbers, row = list(values.values()), known[2][:]
            moved = compress(range(len(row)), map(is_not, numbers, known[1]))
            scales = shape.scales
            try:
                for i in moved:
                    row[i] = round(numbers[i] * scales[i])
            except (ValueError, OverflowError, TypeError):
                pass  # something that cannot be stored has come: the whole row is looked through below
            else:
                return shape, numbers, row
        shape, row = self.row(values)
        return shape, list(values.values()) if len(row) == len(values) else [], row

    def row(self, values: Mapping[str, float]) -> Row:
        """The sample as integers; what is no finite 64-bit number is left out."""
        names = tuple(values)
        shape = self._shapes.get(names) or self._learn(names)
        numbers: Iterable[float] = values.values()
        if shape.places is not None:
            all_of_them = list(numbers)
            numbers = [all_of_them[i] for i in shape.places]
        try:
            return shape, array("q", map(round, map(mul, numbers, shape.scales)))
        except (ValueError, OverflowError, TypeError):
            return self.row({k: v for k, v in values.items() if _storable(k, v)})

    def column(self, name: str) -> tuple[int, int] | None:
        """Number and scale of one metric; None for a name that is not kept."""
        number, scale = self._number(name), scale_of(name)
        return None if number is None or scale is None else (number, scale)

    def _learn(self, names: tuple[str, ...]) -> Shape:
        found = [(i, number, name) for i, name in enumerate(names) if (number := self._number(name)) is not None]
        shape = Shape(
            metrics=tuple(number for _, number, _ in found),
            scales=tuple(scale_of(name) or 1 for _, _, name in found),
            levels=bytes(spec is not None and spec.kind == "gauge" for _, _, n in found for spec in (spec_of(n),)),
            places=None if len(found) == len(names) else tuple(i for i, _, _ in found),
        )
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        self._shapes[names] = shape
        return shape

    def _number(self, name: str) -> int | None:
        scale = scale_of(name)
        if scale is None or len(self._ids) >= MOST_METRICS:
            if name not in self._strange and len(self._strange) < MOST_METRICS:
                self._strange.add(name)
                log.warning("metric %r is not kept: %s", name, "too many" if scale else "not in the catalogue")
            return None
        key = (clean(name), scale)
        if key not in self._ids:
            number = max(self._ids.values(), default=0) + 1
            self._ids[key] = number
            self.unsaved.append((number, *key))
        return self._ids[key]


def _storable(name: str, value: object) -> bool:
    if not isinstance(value, (int, float)) or not isfinite(value):
        return False
    return abs(value) * (scale_of(name) or 1) < INT64 // 2
