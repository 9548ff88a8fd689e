"""What goes wrong costs as little as it must: clocks, full disks, damaged chunks, odd values."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from config.schema import StoreSettings
from model.errors import StoreError
from model.event import Event
from storage.api import SeriesQuery
from storage.sqlite.reader import SqliteSeriesReader
from storage.sqlite.series import SqliteSeriesWriter
from tests.storage.hosts import START_MS, host, snapshot, target


def at(second: int) -> int:
    return START_MS + second * 1000


def opened(path: Path) -> SqliteSeriesWriter:
    return SqliteSeriesWriter(path, StoreSettings(), "web-1").open()


def append(writer: SqliteSeriesWriter, first: int, after: int) -> None:
    for i in range(first, after):
        writer.append(snapshot(at(i), {"a": {"pids": float(i)}}))


def seconds(path: Path, first: int, after: int) -> list[float | None]:
    series = SqliteSeriesReader(path).query(SeriesQuery(("pids",), at(first), at(after))).series
    return list(series[0].avg) if series else []


def test_a_clock_that_goes_back_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 1000, 1400)
    append(writer, 0, 500)
    assert "clock went back" in caplog.text
    assert seconds(path, 1000, 1400) == list(range(1000, 1400))
    assert seconds(path, 0, 500) == list(range(500))
    minute = SqliteSeriesReader(path).query(SeriesQuery(("pids",), at(0), at(1400), step_ms=60_000)).series[0]
    assert minute.max[-1] == 1399
    writer.close()


def test_a_clock_that_leaps_ahead_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 10)
    append(writer, 10_000_000, 10_000_005)
    append(writer, 10, 20)
    assert seconds(path, 0, 20) == list(range(20))
    writer.close()


def test_seconds_that_came_twice_are_there_before_they_are_sealed(tmp_path: Path) -> None:
    """The clock leaps ahead, comes back, and passes what it leapt to."""
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 10)
    append(writer, 50, 55)
    append(writer, 10, 80)
    assert seconds(path, 0, 80) == list(range(80))
    writer.close()


def test_a_full_disk_costs_nothing_that_memory_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    died = Event(at(400), "stop", "web-1", "a", "a")
    faults: list[str] = []
    for i, tick in enumerate(host(20, 1400)):
        pages = 1 if i == 400 else 1_000_000  # SQLite takes the present size for the least
        if i in (400, 700):
            with writer._db.reading() as c:
                c.execute(f"PRAGMA max_page_count = {pages}")
        try:
            writer.append(replace(tick, events=(died,) if i == 400 else ()))
        except StoreError as e:
            faults.append(str(e))
    assert len(faults) > 100
    assert all("no space left" in fault for fault in faults)
    reader = SqliteSeriesReader(path)
    result = reader.query(SeriesQuery(("pids", "uptime_s"), at(0), at(1400)))
    assert len(result.series) == 40
    assert all(None not in column.avg for column in result.series)
    assert len(reader.events()) == 1
    writer.close()


def test_ticks_that_waited_in_memory_are_kept_by_a_clean_end(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 40)
    with writer._db.reading() as c:
        c.execute("PRAGMA max_page_count = 1")
    for i in range(40, 55):
        with pytest.raises(StoreError):
            append(writer, i, i + 1)
    with writer._db.reading() as c:
        c.execute("PRAGMA max_page_count = 1000000")
    append(writer, 55, 95)
    writer.close()
    writer.close()
    assert seconds(path, 0, 95) == list(range(95))
    writer = opened(path)
    append(writer, 95, 700)
    reader = SqliteSeriesReader(path)
    assert [c.last_ms for c in reader.containers()] == [at(699)]
    assert seconds(path, 0, 700) == list(range(700))
    for step_s in (10, 60, 3600):
        (column,) = reader.query(SeriesQuery(("pids",), at(0), at(700), step_ms=step_s * 1000)).series
        first = at(0) // (step_s * 1000) * step_s * 1000
        for i, mean in enumerate(column.avg):
            there = [s for s in range(700) if first <= at(s) - i * step_s * 1000 < first + step_s * 1000]
            assert mean == pytest.approx(sum(there) / len(there)), (step_s, i)
    writer.close()


def test_a_clean_end_on_a_disk_that_takes_nothing_says_what_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 40)
    with writer._db.reading() as c:
        c.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError):
        append(writer, 40, 41)
    writer.close()
    assert "wait in memory are lost" in caplog.text
    assert seconds(path, 0, 50)[:40] == list(range(40))


def test_memory_stays_level_while_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = opened(tmp_path / "series.db")
    append(writer, 0, 10)

    def full(*_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(writer, "_write", full)
    for i in range(10, 3000):
        with pytest.raises(StoreError):
            append(writer, i, i + 1)
    assert len(writer._buffers["a"].times) <= 1000
    assert writer.lost_rows > 0
    monkeypatch.undo()
    append(writer, 3000, 3010)
    assert seconds(tmp_path / "series.db", 3000, 3010) == list(range(3000, 3010))
    writer.close()


def test_a_damaged_chunk_is_a_gap(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 1000)
    writer.close()
    connection = sqlite3.connect(path)
    first, second = connection.execute("SELECT id FROM chunk_1s ORDER BY id LIMIT 2").fetchall()
    connection.execute("UPDATE chunk_1s SET body = CAST(substr(body, 1, 20) || x'00ff00' AS BLOB) WHERE id = ?", second)
    connection.commit()
    connection.close()
    values = seconds(path, 0, 1000)
    lost = [i for i, v in enumerate(values) if v is None]
    assert lost == list(range(lost[0], lost[-1] + 1)), "one piece"
    assert len(lost) == 300
    assert first != second
    assert "checksum" in caplog.text
    writer = opened(path)
    append(writer, 1000, 1400)
    assert seconds(path, 1000, 1400) == list(range(1000, 1400))
    writer.close()


def test_a_damaged_tick_costs_ticks_up_to_the_next_key(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 100)
    writer.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE tail SET ticks = x'00' WHERE seq = 70")
    connection.commit()
    connection.close()
    values = seconds(path, 0, 100)
    assert values.count(None) <= 31
    writer = opened(path)
    append(writer, 100, 110)
    assert seconds(path, 100, 110) == list(range(100, 110))
    writer.close()


def test_a_file_damaged_under_a_running_writer_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    append(writer, 0, 300)
    writer.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    writer = opened(path)
    append(writer, 300, 320)
    assert "damaged" in caplog.text
    assert len(list(tmp_path.glob("series.db.corrupt-*"))) == 1
    assert seconds(path, 300, 320) == list(range(300, 320))
    writer.close()


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf"), 1e300, None, "12"])
def test_odd_values_are_absent(tmp_path: Path, odd: object) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    for i in range(3):
        values = {"pids": float(i), "memory_anon_bytes": odd, "no_such_metric": 1.0}
        writer.append(snapshot(at(i), {"a": values}))  # type: ignore[dict-item]
    reader = SqliteSeriesReader(path)
    assert seconds(path, 0, 3) == [0, 1, 2]
    assert reader.query(SeriesQuery(("memory_anon_bytes", "no_such_metric"), at(0), at(3))).series == ()
    writer.close()


def test_hostile_names_are_kept_as_far_as_utf8_goes(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    name = "'); DROP TABLE series; --\ud800\x00 \N{PILE OF POO}"
    event = Event(at(0), "stop", "web-1", "a\ud800", name, None, {"x\ud800": object(), name: 1})
    who = target("a", name, image=name, group=name, service=name)
    writer.append(snapshot(at(0), {"a": {"pids": 1.0}}, targets={"a": who}, events=(event,)))
    (known,) = SqliteSeriesReader(path).containers()
    assert known.name == name.replace("\ud800", "?")
    assert [e.name for e in SqliteSeriesReader(path).events()] == [known.name]
    column = SqliteSeriesReader(path).query(SeriesQuery(("pids",), at(0), at(1), groups=(known.group or "",))).series
    assert [c.avg for c in column] == [[1.0]]
    writer.close()


def test_containers_that_come_and_go_leave_nothing_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    writer = opened(path)
    for i in range(1500):
        key = f"job-{i // 10}"
        writer.append(snapshot(at(i), {key: {"pids": float(i), "memory_anon_bytes": 1.0}}))
    assert len(writer._buffers) < 120
    reader = SqliteSeriesReader(path)
    known = reader.containers()
    assert len(known) == 150
    assert known[3].latest == {"pids": 39.0, "memory_anon_bytes": 1.0}
    assert (known[3].first_ms, known[3].last_ms) == (at(30), at(39))
    hour = reader.query(SeriesQuery(("pids",), at(0), at(1500), containers=("job-3",), step_ms=3_600_000)).series[0]
    assert [v for v in hour.avg if v is not None] == [34.5]
    writer.close()
