"""Opening, migrating, one writer, and faults in words that carry the remedy."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from config.schema import StoreSettings
from model.errors import StoreError
from storage.factory import open_auth, open_series_reader, open_series_writer, open_state
from storage.sqlite.database import MIGRATIONS, Database, explained
from storage.sqlite.state import SqliteState
from tests.storage.child import public_folder, run_child
from tests.storage.hosts import START_MS, snapshot
from tests.storage.things import change, transition


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_are_made_with_the_modes_of_the_house(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        writer = open_series_writer(tmp_path / "var" / "series.db", StoreSettings(), "web-1")
        writer.append(snapshot(START_MS, {"a": {"pids": 1.0}}))
    finally:
        os.umask(before)
    assert [mode(tmp_path / "var" / f"series.db{s}") for s in ("", "-wal", "-shm")] == [0o640] * 3
    writer.close()
    assert not (tmp_path / "var" / "series.db-wal").exists(), "a clean stop leaves one file"


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    first = open_state(tmp_path / "state.db")
    with pytest.raises(StoreError, match="another wharfinger writes"):
        open_state(tmp_path / "state.db")
    first.close()
    open_state(tmp_path / "state.db").close()


def test_users_are_written_beside_a_running_web_process(tmp_path: Path) -> None:
    web, command = open_auth(tmp_path / "auth.db"), open_auth(tmp_path / "auth.db")
    command.put_value("setup", "x")
    assert web.value("setup") == "x"
    web.close()
    command.close()


def test_a_file_of_a_newer_release_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_state(path).close()
    with sqlite3.connect(path) as c:
        c.execute("PRAGMA user_version = 99")
    c.close()
    with pytest.raises(StoreError, match="newer release"):
        open_state(path)
    assert path.exists()


@pytest.mark.parametrize("kind", ["series", "state", "auth"])
def test_migrations_are_numbered_without_a_hole(kind: str) -> None:
    names = sorted(p.name for p in (MIGRATIONS / kind).glob("*.sql"))
    assert names
    assert [int(name.split("_")[0]) for name in names] == list(range(1, len(names) + 1))


def test_what_is_no_database_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "series.db"
    path.write_bytes(b"this is no database, by any means\n" * 200)
    writer = open_series_writer(path, StoreSettings(), "web-1")
    writer.append(snapshot(START_MS, {"a": {"pids": 1.0}}))
    (kept,) = tmp_path.glob("series.db.corrupt-*")
    assert kept.read_bytes().startswith(b"this is no database")
    assert "damaged" in caplog.text
    assert kept.name in caplog.text
    assert [c.id for c in open_series_reader(path).containers()] == ["a"]
    writer.close()


def test_damaged_users_are_never_replaced(tmp_path: Path) -> None:
    """An empty auth.db would let the first comer make an admin."""
    path = tmp_path / "auth.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        open_auth(path)
    assert path.read_bytes().startswith(b"no database")


def test_a_path_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"agent\.data_dir"):
        open_state(tmp_path / "file" / "state.db")


OPEN = """
import sys
from pathlib import Path
from model.errors import StoreError
from storage.factory import open_state
drop_privileges()
try:
    open_state(Path(sys.argv[1]))
except StoreError as e:
    print(e)
"""


def test_a_folder_that_may_not_be_written() -> None:
    with public_folder() as folder:
        folder.chmod(0o555)
        assert "writable for user id" in run_child(OPEN, str(folder / "state.db"))


def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    """SQLite's own page limit stands in for the disk: it fails at the same place with the same code."""
    db = Database(tmp_path / "x.db", "state")
    db.open()
    with db.reading() as c:
        (pages,) = c.execute("PRAGMA page_count").fetchone()
        c.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="no space left"), db.transaction() as c:
        c.execute("INSERT INTO value (key, doc) VALUES ('big', zeroblob(100000))")
    with db.transaction() as c:
        c.execute("INSERT INTO value (key, doc) VALUES ('small', '1')")
    with db.reading() as c:
        assert c.execute("SELECT key FROM value").fetchall() == [("small",)]
    db.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    db = Database(tmp_path / "x.db", "state")
    db.open()
    with pytest.raises(StoreError, match="no such table"), db.transaction() as c:
        c.executemany("INSERT INTO value (key, doc) VALUES (?, '1')", ["a"]).execute("SELECT 1 FROM absent")
    with db.reading() as c:
        assert c.execute("SELECT count(*) FROM value").fetchone() == (0,)
    db.close()
    with pytest.raises(StoreError, match="closed"), db.reading():
        pass


def test_every_fault_is_one_line() -> None:
    for error in (OSError(28, "No space left on device"), OSError(30, "Read-only file system"), sqlite3.Error("x")):
        text = str(explained(Path("/data/series.db"), error))
        assert "/data/series.db" in text
        assert "\n" not in text


def test_a_limit_change_is_on_the_disk_and_an_alert_is_not_waited_for(tmp_path: Path) -> None:
    store = SqliteState(tmp_path / "state.db").open()
    statements: list[str] = []
    with store._db.reading() as c:
        c.set_trace_callback(statements.append)
    store.put_change(change("c1"))
    assert [s for s in statements if not s.lstrip().startswith("INSERT")] == [
        "PRAGMA synchronous = FULL",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "PRAGMA synchronous = NORMAL",
    ]
    statements.clear()
    store.commit([transition()], [], [])
    assert not any("synchronous" in s for s in statements)
    store.close()
