"""The doctor's look at a store, and what repairing sets aside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config.schema import AgentSettings, Settings, StoreSettings
from daemon.doctor_store import stores
from storage.api import SeriesQuery
from storage.factory import look_at_store, open_series_reader, open_series_writer, open_state, repair_store
from tests.storage.hosts import START_MS, snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "series.db"
    writer = open_series_writer(path, StoreSettings(), "web-1")
    for i in range(900):
        writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": float(i)}}))
    writer.close()
    open_state(tmp_path / "state.db").close()
    return path


def spoil(path: Path) -> None:
    with closing(sqlite3.connect(path)) as c:
        c.execute("UPDATE chunk_1s SET body = substr(body, 1, 20) WHERE id = (SELECT min(id) + 1 FROM chunk_1s)")
        c.execute("UPDATE tail SET ticks = zeroblob(length(ticks)) WHERE seq = (SELECT max(seq) FROM tail)")
        c.commit()


def test_a_whole_store_needs_nothing(path: Path) -> None:
    assert look_at_store(path, "series").damaged == 0
    assert repair_store(path, "series") == (True, "nothing to repair")
    settings = Settings(agent=AgentSettings(data_dir=str(path.parent)))
    assert [(c.name, c.state) for c in stores(settings, repair=False)] == [("series.db", "ok"), ("state.db", "ok")]


def test_damaged_chunks_are_found_and_set_aside(path: Path) -> None:
    spoil(path)
    settings = Settings(agent=AgentSettings(data_dir=str(path.parent)))
    found = next(iter(stores(settings, repair=False)))
    assert (found.state, "2 damaged" in found.detail, "--repair" in found.remedy) == ("warning", True, True)
    mended = next(iter(stores(settings, repair=True)))
    assert mended.state == "ok"
    assert len(list((path.parent / "quarantine").iterdir())) == 2
    assert look_at_store(path, "series").damaged == 0
    writer = open_series_writer(path, StoreSettings(), "web-1")
    writer.append(snapshot(START_MS + 900_000, {"a": {"pids": 900.0}}))
    writer.close()
    reader = open_series_reader(path)
    (column,) = reader.query(SeriesQuery(("pids",), START_MS, START_MS + 901_000)).series
    kept = [v for v in column.avg if v is not None]
    assert kept[-1] == 900.0
    assert len(kept) > 500
    reader.close()


def test_a_store_in_use_is_looked_at_but_not_repaired(path: Path) -> None:
    spoil(path)
    writer = open_series_writer(path, StoreSettings(), "web-1")
    assert look_at_store(path, "series").damaged >= 1
    whole, said = repair_store(path, "series")
    assert (whole, "another wharfinger" in said) == (False, True)
    writer.close()


def test_a_file_of_damaged_pages_is_set_aside_whole(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert look_at_store(path, "series").fault
    assert repair_store(path, "series")[0]
    assert look_at_store(path, "series").fault == ""
    assert list(path.parent.glob("series.db.corrupt-*"))
