"""History filled in as columns reads as the same history that came tick by tick."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.schema import StoreSettings
from model.errors import StoreError
from model.event import Event
from storage.api import SeriesQuery, Stretch
from storage.factory import open_history_writer, open_series_reader, open_series_writer
from tests.storage.hosts import START_MS, snapshot, target

BEGIN = START_MS // 300_000 * 300_000
SPAN = 300_000


def pids(at_ms: int) -> float:
    return float(at_ms // 1000 * 7 % 977)


def fill(path: Path, stretches: int) -> None:
    writer = open_history_writer(path, StoreSettings(), "web-1")
    for i in range(stretches):
        times = range(BEGIN + i * SPAN, BEGIN + (i + 1) * SPAN, 1000)
        given = [Stretch(target("a"), times, {"pids": [pids(t) for t in times], "cpu_weight": [100.0] * len(times)})]
        given.append(Stretch(None, times, {"cpu_usage_cores": [0.5] * len(times)}))
        if i < 5:
            given.append(Stretch(target("b"), times, {"pids": [1.0] * len(times)}))
        writer.append_many(given, [Event(times[0], "start", "web-1", "a", "a")] if i == 0 else [])
    writer.close()


def test_columns_and_ticks_give_the_same_answers(tmp_path: Path) -> None:
    bulk, ticked = tmp_path / "bulk.db", tmp_path / "ticked.db"
    fill(bulk, 14)
    writer = open_series_writer(ticked, StoreSettings(), "web-1")
    for at_ms in range(BEGIN, BEGIN + 14 * SPAN, 1000):
        writer.append(snapshot(at_ms, {"a": {"pids": pids(at_ms), "cpu_weight": 100.0}}))
    writer.close()
    one, other = open_series_reader(bulk), open_series_reader(ticked)
    for step_ms in (None, 7000, 10_000, 60_000, 600_000, 3_600_000):
        query = SeriesQuery(("pids", "cpu_weight"), BEGIN, BEGIN + 14 * SPAN, containers=("a",), step_ms=step_ms)
        assert one.query(query) == other.query(query), step_ms
    assert one.span() == (BEGIN, BEGIN + 14 * SPAN - 1000)
    host = one.query(SeriesQuery(("cpu_usage_cores",), BEGIN, BEGIN + SPAN, of_host=True))
    assert set(host.series[0].avg) == {0.5}
    assert [e.kind for e in one.events()] == ["start"]
    one.close()
    other.close()


def test_ticks_go_on_after_history_and_rollups_miss_nothing(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    fill(path, 10)
    writer = open_series_writer(path, StoreSettings(), "web-1")
    for at_ms in range(BEGIN + 10 * SPAN, BEGIN + 14 * SPAN, 1000):
        writer.append(snapshot(at_ms, {"a": {"pids": pids(at_ms)}}))
    writer.close()
    reader = open_series_reader(path)
    query = SeriesQuery(("pids",), BEGIN, BEGIN + 14 * SPAN, containers=("a",))
    assert reader.query(query).series[0].avg == [pids(t) for t in range(BEGIN, BEGIN + 14 * SPAN, 1000)]
    (hours,) = reader.query(SeriesQuery(("pids",), BEGIN, BEGIN + 14 * SPAN, containers=("a",), step_ms=600_000)).series
    for i, mean in enumerate(hours.avg):
        first = BEGIN // 600_000 * 600_000 + i * 600_000
        inside = [pids(t) for t in range(first, first + 600_000, 1000) if BEGIN <= t < BEGIN + 14 * SPAN]
        assert mean == pytest.approx(sum(inside) / len(inside))
    known = {c.id: c for c in reader.containers()}
    assert known["b"].last_ms == BEGIN + 5 * SPAN - 1000
    assert known["b"].latest == {"pids": 1.0}
    reader.close()


def test_history_after_a_tick_or_out_of_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    times = range(BEGIN, BEGIN + SPAN, 1000)
    writer = open_history_writer(path, StoreSettings(), "web-1")
    writer.append_many([Stretch(target("a"), times, {"pids": [1.0] * 300})])
    for bad in (
        Stretch(target("a"), times, {"pids": [1.0] * 300}),
        Stretch(target("c"), times, {"pids": [1.0] * 299}),
    ):
        with pytest.raises(StoreError, match="stretch"):
            writer.append_many([bad])
    writer.close()
    ticking = open_series_writer(path, StoreSettings(), "web-1")
    ticking.append(snapshot(BEGIN + 2 * SPAN, {"a": {"pids": 1.0}}))
    ticking.close()
    late = open_history_writer(path, StoreSettings(), "web-1")
    with pytest.raises(StoreError, match="has ticks already"):
        late.append_many([Stretch(target("a"), range(BEGIN + 3 * SPAN, BEGIN + 4 * SPAN, 1000), {"pids": [1.0] * 300})])
    late.close()
