"""The spool: nothing is lost by a death, the oldest goes at the cap, damage costs only itself."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from model.errors import StoreError
from model.event import Event
from storage.api import SpoolBatch
from storage.influx import segment as segment_module
from storage.influx import spool as spool_module
from storage.influx.segment import (
    HEADER,
    count_lines,
    encode,
    file_name,
    next_sound,
    number_of,
    pack,
    read,
    read_batch,
    unpack,
)
from storage.influx.spool import DiskSpool
from tests.storage.hosts import START_MS, snapshot
from tests.support.line_protocol import parse
from tests.support.wait import wait_until

BIG = 1 << 30


def tick(second: int, containers: int = 1) -> object:
    return snapshot(START_MS + second * 1000, {f"id-{n}": {"pids": second} for n in range(containers)})


def fill(spool: DiskSpool, seconds: range, containers: int = 1) -> None:
    for second in seconds:
        spool.append(tick(second, containers))  # type: ignore[arg-type]


def seconds_in(batch: SpoolBatch) -> list[int]:
    found = map(parse, unpack(batch.packed).decode().splitlines())
    return [(p.at_ms - START_MS) // 1000 for p in found if p.measurement == "container"]


def drain(spool: DiskSpool, max_lines: int = 5000) -> list[int]:
    found = []
    while (batch := spool.take(max_lines)) is not None:
        found += seconds_in(batch)
        spool.done(batch)
    return found


def test_lines_come_out_in_order_and_once(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path / "spool", BIG)
    fill(spool, range(10))
    assert drain(spool, 3) == list(range(10))
    assert spool.take(3) is None
    assert spool.size_bytes() == 0
    spool.close()


def test_a_batch_is_ready_to_be_sent_as_it_lies_there(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(5))
    batch = spool.take(100)
    assert batch is not None
    lines = gzip.decompress(batch.packed).splitlines()
    assert batch.count == len(lines)
    assert all(parse(line.decode()) for line in lines)
    spool.close()


def test_the_same_batch_comes_again_until_it_is_done(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(3))
    first = spool.take(2)
    fill(spool, range(3, 6))
    assert spool.take(2) is first
    spool.close()


def test_what_was_not_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(10))
    batch = spool.take(6)
    assert batch is not None
    sent = seconds_in(batch)
    spool.done(batch)
    assert spool.take(4) is not None
    spool.close()
    again = DiskSpool(tmp_path, BIG)
    fill(again, range(10, 12))
    assert sent + sorted(drain(again)) == list(range(12))
    again.close()


def test_nothing_stays_on_disk_once_all_is_acknowledged(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    for second in range(5):
        fill(spool, range(second, second + 1))
        assert drain(spool) == [second]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "rollups.open"]
    spool.finish()
    drain(spool)
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_live_lines_do_not_wait_for_the_back_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 2000)
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(400))
    taken: list[int] = []
    delays = []
    second = 400
    while (batch := spool.take(20)) is not None:
        taken += seconds_in(batch)
        spool.done(batch)
        if second < 430:
            fill(spool, range(second, second + 1))
            second += 1
            delays.append(second - 1 - max(taken))
    assert sorted(taken) == list(range(430))
    assert taken != sorted(taken), "the newest were not sent before the oldest"
    assert max(delays[10:]) <= 10, "live seconds waited for old ones"
    spool.close()


def test_at_the_cap_the_oldest_go_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = DiskSpool(tmp_path, 65_536)
    fill(spool, range(1500))
    used = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert used <= 65_536
    left = sorted(drain(spool))
    assert left == list(range(left[0], 1500))
    assert left[0] > 0
    lines_of_a_second = 2 if left[0] else 0
    assert spool.dropped_lines() >= left[0] * (lines_of_a_second - 1)
    assert len([r for r in caplog.records if "is full" in r.message]) == 1
    spool.close()


def test_a_batch_of_a_dropped_segment_acknowledges_nothing_else(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, 65_536)
    fill(spool, range(2))
    stale = spool.take(100)
    assert stale is not None
    fill(spool, range(2, 1500))
    before = spool.size_bytes()
    spool.done(stale)
    assert spool.size_bytes() == before
    spool.close()


def test_a_stale_note_of_progress_hides_no_line(tmp_path: Path) -> None:
    (tmp_path / "acknowledged.json").write_text('{"1": 999999, "2": 999999}')
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(3))
    spool.close()
    again = DiskSpool(tmp_path, BIG)
    assert drain(again) == [0, 1, 2]
    again.close()


@pytest.mark.parametrize("note", ["", "[1]", '{"x": 1}', '{"1": "y"}', "\x00"])
def test_a_broken_note_of_progress_is_no_harm(tmp_path: Path, note: str) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(3))
    spool.close()
    (tmp_path / "acknowledged.json").write_text(note)
    again = DiskSpool(tmp_path, BIG)
    assert drain(again) == [0, 1, 2]
    again.close()


@pytest.mark.parametrize("cut", [1, 10, 20, 60])
def test_a_torn_tail_costs_only_the_torn_record(tmp_path: Path, cut: int) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(5))
    spool.close()
    (path,) = [p for p in tmp_path.iterdir() if number_of(p)]
    os.truncate(path, path.stat().st_size - cut)
    again = DiskSpool(tmp_path, BIG)
    fill(again, range(5, 7))
    assert sorted(drain(again)) == [0, 1, 2, 3, 5, 6]
    again.close()


def test_damage_in_the_middle_costs_only_the_damaged_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(5))
    spool.close()
    (path,) = [p for p in tmp_path.iterdir() if number_of(p)]
    records, _, _ = read_batch(path, 0, path.stat().st_size, 10**6)
    with path.open("r+b") as file:
        file.seek(records[1].end + HEADER.size + 5)
        file.write(b"\xff\xff\xff")
    again = DiskSpool(tmp_path, BIG)
    assert drain(again) == [0, 1, 3, 4]
    assert "damaged" in caplog.text
    again.close()


def test_a_file_of_rubbish_is_stepped_over(tmp_path: Path) -> None:
    (tmp_path / file_name(1)).write_bytes(os.urandom(50_000))
    (tmp_path / "notes.txt").write_text("not ours")
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(2))
    assert sorted(drain(spool)) == [0, 1]
    assert (tmp_path / "notes.txt").exists()
    spool.close()


def test_two_agents_do_not_share_a_spool(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(1))
    other = DiskSpool(tmp_path, BIG)
    with pytest.raises(StoreError, match="another agent"):
        other.append(tick(1))  # type: ignore[arg-type]
    spool.close()
    fill(other, range(1, 2))
    assert sorted(drain(other)) == [0, 1]
    other.close()


def test_a_folder_that_can_not_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = DiskSpool(tmp_path / "file" / "spool", BIG)
    with pytest.raises(StoreError, match="writable"):
        spool.append(tick(0))  # type: ignore[arg-type]


def test_a_full_disk_loses_the_tick_that_does_not_fit_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(2))
    real = os.write

    def half(fd: int, data: bytes) -> int:
        return real(fd, data[: len(data) // 2])

    monkeypatch.setattr(spool_module.os, "write", half)
    with pytest.raises(StoreError, match="space"):
        spool.append(tick(2))  # type: ignore[arg-type]
    monkeypatch.setattr(spool_module.os, "write", real)
    fill(spool, range(3, 5))
    assert drain(spool) == [0, 1, 3, 4]
    assert spool.dropped_lines() > 0
    spool.close()


def test_big_ticks_are_cut_into_records(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(1), containers=2500)
    batch = spool.take(1000)
    assert batch is not None
    assert batch.count <= 1000
    assert len(drain(spool, 1000)) == 2500
    spool.close()


def test_events_from_elsewhere_are_queued(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    spool.record(())
    assert spool.take(10) is None
    spool.record([Event(START_MS, "limit_change", "h", "c", "web")])
    batch = spool.take(10)
    assert batch is not None
    assert parse(unpack(batch.packed).decode().strip()).tags["kind"] == "limit_change"
    spool.close()


def test_dead_letters_are_kept_and_bounded(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(1))
    batch = spool.take(10)
    assert batch is not None
    spool.done(batch, rejected=True, reason="field type\nconflict")
    text = (tmp_path / "dead_letters.lp").read_text()
    assert "field type conflict\n" in text
    assert unpack(batch.packed).decode() in text
    assert spool.take(10) is None
    for _ in range(12):
        spool.reject(b"x" * 1_000_000, "too much")
    assert sum(p.stat().st_size for p in tmp_path.glob("dead_letters*")) <= 9_000_000
    spool.close()


def test_one_thread_appends_while_another_drains(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, BIG)
    finished = threading.Event()

    def append() -> None:
        fill(spool, range(500), containers=3)
        finished.set()

    thread = threading.Thread(target=append)
    thread.start()
    found: list[int] = []
    while not finished.is_set() or spool.size_bytes():
        found += drain(spool, 50)
    thread.join()
    assert sorted(found) == sorted(list(range(500)) * 3)
    spool.close()


WRITER = """
import sys, itertools
from pathlib import Path
from storage.influx.spool import DiskSpool
from tests.storage.hosts import START_MS, snapshot
spool = DiskSpool(Path(sys.argv[1]), 1 << 30)
for second in itertools.count():
    spool.append(snapshot(START_MS + second * 1000, {f"id-{n}": {"pids": second} for n in range(20)}))
    print(second, flush=True)
"""


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_loses_no_tick_that_was_appended(tmp_path: Path, attempt: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20 + 37 * attempt)]
    child.send_signal(signal.SIGKILL)
    said += child.stdout.read().splitlines()
    child.wait()
    child.stdout.close()
    appended = int([line for line in said if line.strip()][-1])
    spool = DiskSpool(tmp_path, BIG)
    found = sorted(set(wait_until(lambda: drain(spool), 5, "the spool gives its lines")))
    assert found[: appended + 1] == list(range(appended + 1))
    spool.close()


def test_records_check_themselves(tmp_path: Path) -> None:
    path = tmp_path / "s"
    blob = encode(pack(b"a x=1 1\n"), 1)
    path.write_bytes(blob + b"WHS1" + blob)
    data = path.read_bytes()
    record = read(data, 0)
    assert record is not None
    assert unpack(record.packed) == b"a x=1 1\n"
    assert read(data, len(blob)) is None
    assert next_sound(data, len(blob)) == len(blob) + 4
    assert read(data[: len(blob) - 1], 0) is None
    assert read_batch(path, 0, len(data), 10) == ((record,), len(blob), 0)
    (second,), behind, damaged = read_batch(path, len(blob), len(data), 10)
    assert (second.packed, behind, damaged) == (record.packed, len(data), 4)
    assert count_lines(path, 0, len(data)) == 2


def test_a_record_larger_than_one_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_module, "READ_BYTES", 64)
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(20), containers=30)
    assert sorted(drain(spool, 100)) == sorted(list(range(20)) * 30)
    spool.close()


def test_packing_is_the_same_every_time() -> None:
    assert pack(b"x") == pack(b"x")


def test_what_waits_for_a_deaf_server_is_brought_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(spool_module.os, "fsync", synced.append)
    spool = DiskSpool(tmp_path, BIG)
    fill(spool, range(2))
    assert spool.take(1) is not None
    assert synced == []
    spool.tend()
    assert len(synced) >= 2
    spool.close()
