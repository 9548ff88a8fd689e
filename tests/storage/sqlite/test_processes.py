"""kill -9, readers in other processes, readers without rights, an agent that is away."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

from config.schema import StoreSettings
from storage.api import SeriesQuery
from storage.factory import open_series_reader, open_series_writer
from tests.storage.child import public_folder, run_child, start_child
from tests.storage.hosts import START_MS, host, snapshot

WRITE = """
import sys
from pathlib import Path
from config.schema import StoreSettings
from storage.factory import open_series_writer
from tests.storage.hosts import START_MS, snapshot
writer = open_series_writer(Path(sys.argv[1]), StoreSettings(), "web-1")
for i in range(int(sys.argv[2]), 100_000):
    writer.append(snapshot(START_MS + i * 1000, {k: {"pids": float(i), "cpu_usage_cores": i / 8} for k in "abcdef"}))
    print(i, flush=True)
"""

READ = """
import sys
from pathlib import Path
from storage.api import SeriesQuery
from storage.factory import open_series_reader
reader = open_series_reader(Path(sys.argv[1]))
drop_privileges()
query = SeriesQuery(("pids",), int(sys.argv[2]), int(sys.argv[3]), containers=("a",))
(column,) = reader.query(query).series
print(len([v for v in column.avg if v is not None]), [c.id for c in reader.containers()])
"""


def test_kill_9_loses_no_acknowledged_tick(tmp_path: Path) -> None:
    random = Random(9)
    path = tmp_path / "series.db"
    acknowledged: list[int] = []
    start = 0
    for _ in range(5):
        with start_child(WRITE, str(path), str(start)) as child:
            assert child.stdout is not None
            for _ in range(random.randint(40, 260)):
                acknowledged.append(int(child.stdout.readline()))
            child.kill()
            acknowledged += [int(line) for line in child.stdout.read().splitlines() if line.strip()]
        start = acknowledged[-1] + 5
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        connection.close()
        reader = open_series_reader(path)
        for column in reader.query(SeriesQuery(("pids",), START_MS, START_MS + start * 1000)).series:
            kept = {round(v) for v in column.avg if v is not None}
            assert kept.issuperset(acknowledged), sorted(set(acknowledged) - kept)
            assert all(v is None or v == i for i, v in enumerate(column.avg))
        reader.close()
    assert len(acknowledged) > 300, "some of it was sealed"


def fill(path: Path, seconds: int) -> None:
    writer = open_series_writer(path, StoreSettings(), "web-1")
    for i in range(seconds):
        writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": float(i)}}))
    writer.close()


def test_an_unprivileged_reader_while_the_agent_is_away() -> None:
    """No -wal and no right to make one: SQLite reads the file as immutable."""
    with public_folder() as folder:
        path = folder / "series.db"
        fill(path, 400)
        path.chmod(0o644)
        folder.chmod(0o555)
        assert run_child(READ, str(path), str(START_MS), str(START_MS + 400_000)).startswith("400 ['a']")
        folder.chmod(0o755)
        assert sorted(p.name for p in folder.iterdir()) == ["series.db", "series.db.lock"]


def test_an_unprivileged_reader_beside_a_running_agent() -> None:
    with public_folder() as folder:
        path = folder / "series.db"
        fill(path, 10)
        path.chmod(0o644)
        writer = open_series_writer(path, StoreSettings(), "web-1")
        for i in range(10, 50):
            writer.append(snapshot(START_MS + i * 1000, {"a": {"pids": float(i)}}))
        assert run_child(READ, str(path), str(START_MS), str(START_MS + 400_000)).startswith("50 ['a']")
        writer.append(snapshot(START_MS + 50_000, {"a": {"pids": 50.0}}))
        writer.close()


def test_a_reader_outlives_the_agent_and_sees_it_come_back(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    reader = open_series_reader(path)
    assert reader.containers() == ()
    query = SeriesQuery(("pids",), START_MS, START_MS + 100_000)

    def seen() -> int:
        return sum(v is not None for column in reader.query(query).series for v in column.avg)

    total = 0
    for _ in range(3):
        writer = open_series_writer(path, StoreSettings(), "web-1")
        for _ in range(5):
            writer.append(snapshot(START_MS + total * 1000, {"a": {"pids": 1.0}}))
            total += 1
            assert seen() == total
        writer.close()
        assert seen() == total
    path.rename(tmp_path / "old.db")
    assert reader.containers() == ()
    fill(path, 3)
    assert seen() == 3
    reader.close()


HAMMER = """
import sys
from pathlib import Path
from storage.api import SeriesQuery
from storage.factory import open_series_reader
from tests.storage.hosts import START_MS
reader = open_series_reader(Path(sys.argv[1]))
print("ready", flush=True)
last = -1
while last < int(sys.argv[2]):
    for column in reader.query(SeriesQuery(("pids",), START_MS, START_MS + 10**7, containers=("a",))).series:
        values = [v for v in column.avg if v is not None]
        assert values == list(range(len(values))), values[-5:]
        last = max(last, len(values) - 1)
print("saw", last)
"""


def test_a_reader_in_another_process_sees_every_state_whole(tmp_path: Path) -> None:
    path = tmp_path / "series.db"
    fill(path, 1)
    writer = open_series_writer(path, StoreSettings(), "web-1")
    with start_child(HAMMER, str(path), "899") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for i in range(1, 900):
            writer.append(snapshot(START_MS + i * 1000, {k: {"pids": float(i)} for k in ("a", "b", "c")}))
        out, err = child.communicate(timeout=60)
    assert (out, child.returncode) == ("saw 899\n", 0), err
    writer.close()


def test_a_value_costs_less_than_a_byte(tmp_path: Path) -> None:
    """Sealed columns and roll-ups; the tail is a constant of some 360 rows of whole pages."""
    path = tmp_path / "series.db"
    writer = open_series_writer(path, StoreSettings(), "web-1")
    values = 0
    for tick in host(40, 700):
        writer.append(tick)
        values += sum(len(s.values) for s in tick.samples.values())
    writer.close()
    with closing(sqlite3.connect(path)) as c:
        (tail,) = c.execute("SELECT sum(length(ticks)) FROM tail").fetchone()
        assert c.execute("SELECT count(*) FROM tail").fetchone()[0] < 400
    assert (path.stat().st_size - tail) / values < 0.8
