"""Segments that wait are packed tighter: the same lines in far fewer bytes, whatever happens in the middle of it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.schema import InfluxSettings
from storage.influx import spool as spool_module
from storage.influx import tighten as tighten_module
from storage.influx.segment import number_of, unpack
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tests.storage.hosts import START_MS, snapshot
from tests.support.influx_faults import STORED, UNAVAILABLE, FaultServer

CONTAINERS = 20


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 32_768)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[DiskSpool]:
    spool = DiskSpool(folder, 1 << 30)
    yield spool
    spool.close()


def fill(spool: DiskSpool, seconds: range) -> None:
    """Busy containers: half of their values change each second, the others are each one's own."""
    draw = random.Random(seconds.start)
    for second in seconds:
        values = {
            f"id-{n}": {f"metric_{m}": draw.randrange(1000) if m % 2 else n * 37 + m for m in range(10)}
            for n in range(CONTAINERS)
        }
        spool.append(snapshot(START_MS + second * 1000, values))


def drain(spool: DiskSpool, lines: int = 5000) -> list[bytes]:
    found: list[bytes] = []
    while (batch := spool.take(lines)) is not None:
        found += (rows := unpack(batch.packed).splitlines())
        assert len(rows) == batch.count
        spool.done(batch)
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if number_of(path) is not None)


def all_lines(folder: Path) -> list[bytes]:
    """Every line that a spool would give out of these files, sorted."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    spool = DiskSpool(copy, 1 << 30)
    found = sorted(drain(spool))
    spool.close()
    return found


def test_the_same_lines_in_two_thirds_of_the_bytes(spool: DiskSpool, folder: Path) -> None:
    fill(spool, range(100))
    before, loose = all_lines(folder), spool.size_bytes()
    *closed, active = segments(folder)
    sizes = {path: path.stat().st_size for path in (*closed, active)}
    assert len(closed) >= 3
    for _ in closed:
        spool.tend()
    assert all(path.stat().st_size < sizes[path] * 0.67 for path in closed)
    assert active.stat().st_size == sizes[active], "the one that is written to stays as it is"
    assert spool.size_bytes() == sum(path.stat().st_size for path in segments(folder)) < loose
    assert sorted(drain(spool, 700)) == before
    assert spool.size_bytes() == 0


def test_a_tight_segment_is_known_after_a_restart(spool: DiskSpool, folder: Path) -> None:
    fill(spool, range(100))
    spool.tend()
    first, second, *_ = segments(folder)
    made = first.stat().st_ino
    spool.close()
    (folder / f"{second.name}.new").write_bytes(b"half of it")  # of a process that was killed while packing
    again = DiskSpool(folder, 1 << 30)
    loose = second.stat().st_size
    again.tend()
    again.tend()
    assert first.stat().st_ino == made
    assert second.stat().st_size < loose
    assert list(folder.glob("*.new")) == []
    again.close()


def test_what_is_being_sent_stays_as_it_is(spool: DiskSpool, folder: Path) -> None:
    fill(spool, range(100))
    everything = all_lines(folder)
    sent: list[bytes] = []
    for _ in range(2):  # the oldest and the newest in turn
        batch = spool.take(100)
        assert batch is not None
        sent += unpack(batch.packed).splitlines()
        spool.done(batch)
    held = spool.take(100)
    assert held is not None
    oldest = segments(folder)[0]
    size = oldest.stat().st_size
    for _ in range(10):
        spool.tend()
    assert oldest.stat().st_size == size
    assert spool.take(100) == held
    sent += drain(spool)
    assert sorted(sent) == everything


@pytest.mark.parametrize("what", ["fsync", "replace"])
def test_a_disk_that_fails_while_packing_loses_nothing(
    what: str, spool: DiskSpool, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(spool, range(100))
    before = all_lines(folder)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    spool.tend()  # syncs, and would not again for some seconds
    with monkeypatch.context() as patched:
        patched.setattr(os if what == "fsync" else Path, what, fails)
        spool.tend()
    assert "stays as large as it is (No space left on device)" in caplog.text
    assert list(folder.glob("*.new")) == []
    assert spool.size_bytes() == sum(path.stat().st_size for path in segments(folder))
    assert sorted(drain(spool)) == before


def test_a_segment_that_is_dropped_at_the_cap_meanwhile_does_not_come_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = DiskSpool(folder, 150_000)
    fill(spool, range(40))
    real = tighten_module.tighten

    def slow(path: Path, size: int) -> Path | None:
        new = real(path, size)
        fill(spool, range(1000, 1100))
        return new

    monkeypatch.setattr(spool_module, "tighten", slow)
    first = segments(folder)[0]
    spool.tend()
    assert not first.exists()
    assert list(folder.glob("*.new")) == []
    assert spool.is_full()
    assert spool.dropped_lines() > 0
    assert sum(path.stat().st_size for path in segments(folder)) <= 150_000
    spool.close()


def test_the_sender_tends_the_spool_while_a_server_is_away(
    spool: DiskSpool, folder: Path, fault_server: FaultServer
) -> None:
    sender = Sender(InfluxSettings(url=fault_server.url, org="home"), spool)
    fill(spool, range(100))
    before, loose = all_lines(folder), spool.size_bytes()
    fault_server.decide = lambda lines: UNAVAILABLE
    for _ in range(len(segments(folder))):
        assert sender.job(0) > 0
    assert spool.size_bytes() < loose * 0.8
    fault_server.decide = lambda lines: STORED
    while spool.size_bytes():
        sender.job(0)
    assert sorted(line.encode() for line in fault_server.accepted) == before
    sender.close()
