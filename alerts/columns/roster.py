"""A place in every column for each container, and the columns of one tick."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from model.sample import Snapshot

NAN: Final = float("nan")
"""Stands in a column for a value that is not there: it compares as false with every threshold."""
EMPTY: Final[Mapping[str, float]] = MappingProxyType({})
KEPT_MS: Final = 960_000
"""A container that was away for longer than any window loses its place."""
SWEEP_EVERY: Final = 64
SPARE: Final = 256
"""So many free places more than taken ones are kept; with more, all places are given out anew."""


class Roster:
    """Call :meth:`update` at each tick, by all who share it; ``fresh`` are then the places that were given out in it.

    ``age`` grows when time went back, and when most places stood empty after a crowd had gone: what was remembered by
    place is void. Not thread-safe.
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.fresh: list[int] = []
        self.age = 0
        self.at_ms = 0
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._away_ms: dict[str, int] = {}
        self._ticks = 0
        self._latest: Snapshot | None = None
        self._values: list[Mapping[str, float]] = []
        self._columns: dict[tuple[str, str | None], array[float]] = {}

    def update(self, snapshot: Snapshot) -> None:
        """Take in one tick; the same once more changes nothing."""
        if snapshot is self._latest:
            return
        self._latest = snapshot
        if snapshot.at_ms < self.at_ms:
            self._clear()
        self.at_ms = snapshot.at_ms
        self._ticks += 1
        if self._ticks % SWEEP_EVERY == 0:
            self._sweep(snapshot)
        samples = snapshot.samples
        self.fresh = [self._settle(key) for key in samples.keys() - self._places.keys()]
        get = samples.get
        self._values = [s.values if (s := get(key)) is not None else EMPTY for key in self.keys]
        self._columns = {}

    def column(self, metric: str, divisor: str | None = None) -> array[float]:
        """The metric's values of this tick by place, NaN where there is none; divided where a divisor is named."""
        known = self._columns.get((metric, divisor))
        if known is None:
            if divisor is None:
                try:  # most metrics are there for all
                    known = array("d", map(itemgetter(metric), self._values))
                except KeyError:
                    known = array("d", [values.get(metric, NAN) for values in self._values])
            else:
                above, below = self.column(metric), self.column(divisor)
                known = array("d", [a / b if b else NAN for a, b in zip(above, below, strict=True)])
            self._columns[metric, divisor] = known
        return known

    def _settle(self, key: str) -> int:
        if self._free:
            place = self._free.pop()
            self.keys[place] = key
        else:
            place = len(self.keys)
            self.keys.append(key)
        self._places[key] = place
        return place

    def _sweep(self, snapshot: Snapshot) -> None:
        """Free the places of those that were away for long."""
        away = {key: self._away_ms.get(key, snapshot.at_ms) for key in self._places.keys() - snapshot.samples.keys()}
        for key in [key for key, since_ms in away.items() if snapshot.at_ms - since_ms > KEPT_MS]:
            place = self._places.pop(key)
            self.keys[place] = ""
            self._free.append(place)
            del away[key]
        self._away_ms = away
        if len(self._free) > len(self._places) + SPARE:
            self._clear()

    def _clear(self) -> None:
        self.age += 1
        self.keys, self._places, self._free, self._away_ms = [], {}, [], {}
