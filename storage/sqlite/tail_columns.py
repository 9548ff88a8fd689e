"""Columns out of the tail, kept from question to question: a reader takes in only the ticks that are new to it.

A tick is written row by row, because it must be durable at once; who charts wants one metric over many ticks. The
planes of a run of ticks stand one after the other here, so that such a column is a few strided slices of them.
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Lock

from model.errors import Malformed
from storage.sqlite.buffer import KEY_EVERY
from storage.sqlite.codec import SIGNED, joined
from storage.sqlite.ring import TickPlace, blobs
from storage.sqlite.tail import KEY, Layout, decode_key, segments

log = logging.getLogger(__name__)

MOST_BYTES = 8 << 20
"""Of what is inflated (some 150 containers); beyond it the runs that were asked for longest ago are inflated anew."""


@dataclass(slots=True)
class Stretch:
    """Ticks of one series, by growing time; a column has None where a tick lacks the metric."""

    times: list[int] = field(default_factory=list)
    columns: dict[int, list[int | None]] = field(default_factory=dict)

    def extend(self, times: Sequence[int], columns: Mapping[int, Sequence[int]]) -> None:
        """More ticks; metrics that are missing on either side are filled up."""
        before = len(self.times)
        self.times.extend(times)
        for metric, values in columns.items():
            self.columns.setdefault(metric, [None] * before).extend(values)
        for column in self.columns.values():
            column.extend([None] * (len(self.times) - len(column)))


class Run:
    """The ticks of one segment from a key up to the next one: one layout. Inflated when asked for."""

    def __init__(self, series: bytes, key: bytes) -> None:
        self.series = tuple(joined("I", series))
        self.seqs: list[int] = []
        self.times: list[int] = []
        self.asked = 0
        """The question that wanted it last."""
        self.inflated_bytes = 0
        self._series_list = series
        self._key = key
        self._packed: list[tuple[int, bytes]] = []
        self._blocks: list[tuple[int, bytearray]] = []
        self._in_blocks = 0
        self._layout: Layout | None = None
        self._first = array("q")
        self._starts: dict[int, int] = {}

    def take(self, seq: int, at_ms: int, differences: tuple[int, bytes] | None) -> None:
        """The next tick: (width, deflated body); None for the key itself."""
        self.seqs.append(seq)
        self.times.append(at_ms)
        if differences is not None:
            self._packed.append(differences)

    def fold(self) -> None:
        """Let go of all that can be inflated anew."""
        self._blocks, self._in_blocks, self.inflated_bytes = [], 0, 0
        self._layout, self._first, self._starts = None, array("q"), {}

    def column(self, series: int, metric: int) -> list[int] | None:
        """The value of each tick; None where the run has no such metric. Raises :class:`Malformed`."""
        layout = self._inflated()
        metrics = layout.metrics[layout.series.index(series)]
        if metric not in metrics:
            return None
        place, total = self._starts[series] + metrics.index(metric), len(self._first)
        values = [self._first[place]]
        for width, planes in self._blocks:
            stride = total << width
            values += joined(SIGNED[width], b"".join([planes[at::stride] for at in range(place, stride, total)]))
        return list(accumulate(values)) if layout.levels[place] else values

    def _inflated(self) -> Layout:
        """Bodies of neighbouring ticks that are equally wide stand in one block."""
        try:
            if self._layout is None:
                self._layout, self._first = decode_key(memoryview(self._series_list), memoryview(self._key))
                lengths = [len(metrics) for metrics in self._layout.metrics]
                self._starts = dict(zip(self.series, accumulate(lengths, initial=0), strict=False))
                self.inflated_bytes += 8 * len(self._first)
            for width, body in self._packed[self._in_blocks :]:
                planes = zlib.decompress(body)
                if len(planes) != len(self._first) << width:
                    raise Malformed("a tick does not fit its key")
                if not self._blocks or self._blocks[-1][0] != width:
                    self._blocks.append((width, bytearray()))
                self._blocks[-1][1].extend(planes)
                self.inflated_bytes += len(planes)
                self._in_blocks += 1
        except (zlib.error, ValueError, IndexError) as e:
            raise Malformed(f"tick does not decode: {e}") from e
        return self._layout


class TailColumns:
    """The tail of one file as it was read so far. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs: list[Run] = []
        self._open: dict[int, Run] = {}
        self._times: dict[int, int] = {}
        self._questions = 0

    def read(
        self,
        c: sqlite3.Connection,
        there: Sequence[TickPlace],
        since_ms: int,
        wanted: Mapping[int, tuple[int, Collection[int]]],
    ) -> dict[int, list[Stretch]]:
        """The ticks of each wanted series from ``since_ms`` on; damaged ones are left out.

        ``there``: what is in the tail now. ``wanted``: series → the tick up to which it is sealed, and metric ids.
        """
        if not there:
            return {}
        with self._lock:
            self._catch_up(c, there, since_ms)
            self._questions += 1
            inflated = sum(run.inflated_bytes for run in self._runs)
            found: dict[int, list[Stretch]] = {}
            for run in self._runs:
                before = bisect_left(run.times, since_ms)
                after = bisect_right(run.seqs, there[-1].seq)
                inflated -= run.inflated_bytes
                for series in run.series:
                    if series in wanted:
                        sealed_to, metrics = wanted[series]
                        first = max(before, bisect_right(run.seqs, sealed_to))
                        if first < after:
                            run.asked = self._questions
                            _gather(found.setdefault(series, []), run, series, metrics, slice(first, after))
                inflated += run.inflated_bytes
                if inflated > MOST_BYTES:
                    inflated = self._fold()
            return found

    def _fold(self) -> int:
        """Fold the runs that were asked for longest ago; the bytes that stay inflated: half of what may."""
        kept = 0
        for run in sorted(self._runs, key=lambda run: run.asked, reverse=True):
            if kept + run.inflated_bytes > MOST_BYTES // 2:
                run.fold()
            kept += run.inflated_bytes
        return kept

    def _catch_up(self, c: sqlite3.Connection, there: Sequence[TickPlace], since_ms: int) -> None:
        """Take in what is new; all of it where what is kept is of another file, or begins too late."""
        before = max((i for i, tick in enumerate(there) if tick.at_ms < since_ms), default=0)
        begin = max(0, before - KEY_EVERY)
        last = max(self._times, default=0)
        new = bisect_right(there, last, key=lambda tick: tick.seq)
        known = there[new - 1] if new else None
        if (
            known is None
            or self._times.get(known.seq) != known.at_ms
            or min(self._times) > there[begin].seq
            or (new < len(there) and known.seq != last)
        ):
            self._forget()
            new = begin
        for seq, at_ms, blob in blobs(c, there[new:]):
            self._take(seq, at_ms, blob)
        oldest = there[0].seq
        if self._runs and self._runs[0].seqs[0] < oldest:
            self._runs = [run for run in self._runs if run.seqs[-1] >= oldest]
            self._times = {seq: at_ms for seq, at_ms in self._times.items() if seq >= oldest}

    def _take(self, seq: int, at_ms: int, blob: bytes) -> None:
        self._times[seq] = at_ms
        try:
            for number, flags, series, body in segments(blob):
                if flags & KEY:
                    self._open[number] = Run(bytes(series), bytes(body))
                    self._runs.append(self._open[number])
                    self._open[number].take(seq, at_ms, None)
                elif number in self._open:
                    self._open[number].take(seq, at_ms, (flags & 3, bytes(body)))
        except Malformed as e:  # what leans on it cannot be read either, up to the next key
            log.warning("the tick at %s does not read: %s", at_ms, e)
            self._open.clear()

    def _forget(self) -> None:
        self._runs.clear()
        self._open.clear()
        self._times.clear()


def _gather(stretches: list[Stretch], run: Run, series: int, metrics: Collection[int], ticks: slice) -> None:
    try:
        columns = {metric: run.column(series, metric) for metric in metrics}
    except Malformed as e:
        log.warning("ticks from %s on do not read: %s", run.times[0], e)
        return
    times = run.times[ticks]
    if not stretches or times[0] <= stretches[-1].times[-1]:
        stretches.append(Stretch())
    stretches[-1].extend(times, {m: values[ticks] for m, values in columns.items() if values is not None})
