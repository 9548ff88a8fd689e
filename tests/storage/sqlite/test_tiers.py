"""Roll-ups agree with a plain calculation, through restarts, crashes, gaps, and after the seconds are gone."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from config.schema import StoreSettings
from storage.api import SeriesQuery
from storage.sqlite.reader import SqliteSeriesReader
from storage.sqlite.retention import used_bytes
from storage.sqlite.series import SqliteSeriesWriter
from storage.sqlite.tiers import preference
from tests.storage.hosts import START_MS, snapshot

CPU, KILLS, ANON = "cpu_usage_cores", "memory_oom_kills", "memory_anon_bytes"
TICK = 5000
HOUR_TICKS = 3_600_000 // TICK


@dataclass
class Truth:
    """What was appended: container → metric → [(at, value)]."""

    kept: dict[str, dict[str, list[tuple[int, float]]]] = field(default_factory=dict)

    def add(self, at_ms: int, samples: dict[str, dict[str, float]]) -> None:
        for key, values in samples.items():
            for name, value in values.items():
                self.kept.setdefault(key, {}).setdefault(name, []).append((at_ms, value))

    def check(self, reader: SqliteSeriesReader, step_ms: int, since_ms: int, until_ms: int) -> int:
        """Compare every bucket that lies within the range; how many were not empty."""
        query = SeriesQuery((CPU, KILLS, ANON), since_ms, until_ms, step_ms=step_ms)
        result = reader.query(query)
        assert result.step_ms == step_ms
        found = {(c.container, c.metric): c for c in result.series}
        compared = 0
        for key, metrics in self.kept.items():
            for name, points in metrics.items():
                buckets: dict[int, list[float]] = {}
                for at, value in points:
                    place = (at - result.t0_ms) // step_ms
                    if 0 <= place < -(-(until_ms - result.t0_ms) // step_ms):
                        buckets.setdefault(place, []).append(value)
                if not buckets:
                    assert (key, name) not in found
                    continue
                column = found[key, name]
                for i, mean in enumerate(column.avg):
                    there = buckets.get(i)
                    if there is None:
                        assert (mean, column.min[i], column.max[i]) == (None, None, None), (key, name, i)
                        continue
                    compared += 1
                    expected = sum(there) if name == KILLS else sum(there) / len(there)
                    assert mean == pytest.approx(expected, rel=1e-9, abs=1e-9), (key, name, i)
                    if name != KILLS:
                        assert (column.min[i], column.max[i]) == (min(there), max(there)), (key, name, i)
        return compared


def samples(random: Random, tick: int) -> dict[str, dict[str, float]]:
    """Three containers: one steady, one with holes, one that lives from time to time."""
    there = {"steady": {CPU: round(random.random() * 4, 4), KILLS: float(random.random() < 0.01), ANON: tick * 4096.0}}
    if random.random() < 0.8:
        there["holes"] = {CPU: round(random.random(), 4)} | ({ANON: 4096.0 * tick} if tick % 3 else {})
    if tick // 500 % 3 == 0:
        there["shortlived"] = {CPU: 0.5, KILLS: 0.0}
    return there


def chunks(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as c:
        tables = ("chunk_1s", "chunk_10s", "chunk_1m", "chunk_1h", "tail")
        return {table: c.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def open_writer(path: Path, **settings: float) -> SqliteSeriesWriter:
    return SqliteSeriesWriter(path, StoreSettings(**settings), "web-1").open()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth, int]:
    """Nine hours with two clean restarts, a crash, and an hour in which the agent was away."""
    folder = tmp_path_factory.mktemp("lived")
    path, truth, random = folder / "series.db", Truth(), Random(1)
    writer = open_writer(path)
    tick = 0
    while tick < 9 * HOUR_TICKS:
        at = START_MS + tick * TICK
        values = samples(random, tick)
        writer.append(snapshot(at, values, interval_s=TICK / 1000))
        truth.add(at, values)
        tick += 1
        if tick in (1000, 2500):
            writer.close()
            writer = open_writer(path)
        elif tick == 3333:  # killed: its files as they are, without the close
            crashed = folder / "crashed"
            crashed.mkdir()
            for file in folder.glob("series.db*"):
                shutil.copy(file, crashed)
            path = crashed / "series.db"
            writer.close()
            writer = open_writer(path)
            tick += HOUR_TICKS
    writer.close()
    return path, truth, START_MS + tick * TICK


@pytest.mark.parametrize("step_s", [10, 25, 60, 300, 3600, 7200])
def test_every_bucket_of_the_whole_time(lived: tuple[Path, Truth, int], step_s: int) -> None:
    path, truth, end = lived
    assert truth.check(SqliteSeriesReader(path), step_s * 1000, START_MS, end) > 10


@pytest.mark.parametrize("seed", range(12))
def test_every_bucket_of_any_range(lived: tuple[Path, Truth, int], seed: int) -> None:
    path, truth, end = lived
    random = Random(seed)
    since = random.randint(START_MS - 10_000_000, end - 1)
    until = random.randint(since + 1, end + 10_000_000)
    truth.check(SqliteSeriesReader(path), random.choice((10, 20, 60, 70, 600, 3600)) * 1000, since, until)


def test_seconds_are_exact_over_restarts(lived: tuple[Path, Truth, int]) -> None:
    path, truth, end = lived
    result = SqliteSeriesReader(path).query(SeriesQuery((CPU, ANON, KILLS), START_MS, end))
    assert result.step_ms == TICK
    for column in result.series:
        found = [(result.t0_ms + i * TICK, v) for i, v in enumerate(column.avg) if v is not None]
        assert found == truth.kept[column.container][column.metric]


def test_every_tier_has_chunks_and_the_tail_is_short(lived: tuple[Path, Truth, int]) -> None:
    path, _, _ = lived
    counts = chunks(path)
    assert all(counts[table] > 0 for table in ("chunk_1s", "chunk_10s", "chunk_1m"))
    assert counts["tail"] < 400


def test_when_the_seconds_are_gone_the_roll_ups_answer(lived: tuple[Path, Truth, int], tmp_path: Path) -> None:
    path, truth, end = lived
    copy = tmp_path / "series.db"
    shutil.copy(path, copy)
    writer = open_writer(copy, raw_days=2 / 24, ten_seconds_days=5 / 24)
    for _ in range(50):
        writer.upkeep(end)
    reader = SqliteSeriesReader(copy)
    truth.check(reader, 5000, end - 3_600_000, end)
    truth.check(reader, 10_000, end - 3 * 3_600_000, end)
    truth.check(reader, 60_000, START_MS, end)
    truth.check(reader, 3_600_000, START_MS, end)
    everything = SeriesQuery((CPU,), START_MS, end, containers=("steady",))
    assert reader.query(everything).step_ms == 10_000, "seconds are asked for and no longer there: ten seconds"
    fine = reader.query(SeriesQuery((CPU,), START_MS, end, containers=("steady",), step_ms=10_000)).series[0]
    minutes = [fine.avg[i] for i in range(0, 60, 6)]
    assert None not in minutes, "where ten seconds are gone too, the minute stands in for each of its parts"
    writer.close()


def test_the_size_bound_drops_the_oldest(lived: tuple[Path, Truth, int], tmp_path: Path) -> None:
    path, _, end = lived
    copy = tmp_path / "series.db"
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as c:
        bound = used_bytes(c) - 12_000
    writer = open_writer(copy, max_bytes=bound)
    before, kept = SqliteSeriesReader(copy).span(), chunks(copy)
    for _ in range(50):
        writer.upkeep(end)
    with writer._db.reading() as c:
        assert used_bytes(c) <= bound
    after = SqliteSeriesReader(copy).span()
    assert before is not None
    assert after is not None
    assert after[1] == before[1]
    left = chunks(copy)
    assert 0 < left["chunk_1s"] < kept["chunk_1s"], "seconds go first: they are oldest for their tier"
    assert left["chunk_1m"] == kept["chunk_1m"]
    writer.close()


def test_the_tier_of_a_step() -> None:
    assert preference(0)[0] == 0
    assert preference(1000) == (0, 1, 2, 3)
    assert preference(15_000)[0] == 0
    assert preference(30_000) == (1, 0, 2, 3)
    assert preference(60_000) == (2, 1, 0, 3)
    assert preference(7_200_000) == (3, 2, 1, 0)
