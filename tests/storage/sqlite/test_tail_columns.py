"""A reader that keeps the tail answers as one that reads it anew, whatever happened in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from config.schema import StoreSettings
from storage.api import SeriesQuery, SeriesResult
from storage.sqlite import tail_columns
from storage.sqlite.reader import SqliteSeriesReader
from storage.sqlite.series import SqliteSeriesWriter
from tests.storage.hosts import START_MS, snapshot

METRICS = ("cpu_usage_cores", "memory_usage_bytes", "pids")
HUGE = float(1 << 40)


def opened(path: Path) -> SqliteSeriesWriter:
    return SqliteSeriesWriter(path, StoreSettings(), "web-1").open()


def anew(path: Path, query: SeriesQuery) -> SeriesResult:
    reader = SqliteSeriesReader(path)
    try:
        return reader.query(query)
    finally:
        reader.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[SqliteSeriesReader]:
    reader = SqliteSeriesReader(tmp_path / "series.db")
    yield reader
    reader.close()


def lives(random: Random, containers: int) -> dict[str, dict[str, float]]:
    """One tick of containers that come, go, and lack a metric now and then; values from a bit to eight bytes."""
    values = {}
    for i in range(containers):
        if random.random() < 0.98:
            values[f"c{i:02}"] = {
                "cpu_usage_cores": random.randint(0, 20) / 10_000,
                "memory_usage_bytes": random.choice((4096.0, 8192.0, HUGE)),
                **({"pids": float(random.randint(1, 3))} if random.random() < 0.97 else {}),
            }
    return values


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_is_what_is_there(tmp_path: Path, kept: SqliteSeriesReader, seed: int) -> None:
    path, random = tmp_path / "series.db", Random(seed)
    writer = opened(path)
    told: list[dict[str, dict[str, float]]] = []
    for i in range(700):
        told.append(lives(random, 20))
        writer.append(snapshot(START_MS + i * 1000, told[-1]))
        if random.random() < 0.02:
            first = random.randint(0, i)
            query = SeriesQuery(
                tuple(random.sample(METRICS, 2)),
                START_MS + first * 1000,
                START_MS + (i + 5) * 1000,
                containers=tuple(random.sample([f"c{n:02}" for n in range(20)], random.choice((1, 20)))),
                step_ms=random.choice((None, None, 10_000, 7_000)),
            )
            answer = kept.query(query)
            assert answer == anew(path, query)
            if query.step_ms is None:
                for column in answer.series:
                    truth = [tick.get(column.container, {}).get(column.metric) for tick in told[first:]]
                    assert list(column.avg) == [*truth, *[None] * 4]
    writer.close()


def test_another_file_in_the_same_place(tmp_path: Path, kept: SqliteSeriesReader) -> None:
    path = tmp_path / "series.db"
    for value in (1.0, 2.0):
        writer = opened(path)
        for i in range(50):
            writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": value}}))
        (column,) = kept.query(SeriesQuery(("pids",), START_MS, START_MS + 50_000)).series
        assert list(column.avg) == [value] * 50
        writer.close()
        path.rename(tmp_path / f"away-{value}.db")


def test_a_damaged_tick_is_left_out_up_to_the_next_key(
    tmp_path: Path, kept: SqliteSeriesReader, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    query = SeriesQuery(("pids",), START_MS, START_MS + 75_000)
    for i in range(40):
        writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": float(i)}}))
    kept.query(query)
    writer.append(snapshot(START_MS + 40_000, {"a": {"pids": 40.0}}))
    with sqlite3.connect(path) as c:
        c.execute("UPDATE tail SET ticks = x'00' WHERE seq = (SELECT max(seq) FROM tail)")
    for i in range(41, 75):  # before the series is sealed, from memory
        writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": float(i)}}))
    (column,) = kept.query(query).series
    missing = [i for i, v in enumerate(column.avg) if v is None]
    assert missing == list(range(40, 40 + len(missing)))
    assert 1 <= len(missing) <= 30
    assert [v for v in column.avg if v is not None] == [float(i) for i in range(75) if i not in missing]
    assert "does not read" in caplog.text
    kept.query(query)
    assert caplog.text.count("does not read") == 1, "said once, not for each question"
    writer.close()


def test_a_question_about_the_last_seconds_does_not_hide_the_rest(tmp_path: Path, kept: SqliteSeriesReader) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    for i in range(200):
        writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": float(i)}}))
    for first in (190, 100, 150, 0):
        (column,) = kept.query(SeriesQuery(("pids",), START_MS + first * 1000, START_MS + 200_000)).series
        assert list(column.avg) == [float(i) for i in range(first, 200)]
    writer.close()


def test_a_large_tail_is_not_kept_inflated(
    tmp_path: Path, kept: SqliteSeriesReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_columns, "MOST_BYTES", 3000)
    path, random = tmp_path / "series.db", Random(7)
    writer = opened(path)
    for i in range(120):
        writer.append(snapshot(START_MS + i * 1000, lives(random, 40)))
        if i % 20 == 19:
            query = SeriesQuery(METRICS, START_MS, START_MS + (i + 1) * 1000)
            assert kept.query(query) == anew(path, query)
            (_, memory) = kept._kept
            assert 0 < sum(run.inflated_bytes for run in memory.tail._runs) <= 3000
    writer.close()
