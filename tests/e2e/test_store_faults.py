"""What disks and clocks do to a store, with the whole daemon on it: it goes on, says so, and is well again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from config.schema import StoreSettings
from storage.factory import open_series_writer
from tests.e2e.harness import Wharfinger, running
from tests.storage.hosts import snapshot
from tests.support.missing import missing
from tests.support.wait import wait_until

DISK_BYTES = 48 << 20
PAST_S, AHEAD_S = 7200, 86_400
TICKS = 900
"""Enough for two sealed chunks of seconds."""
OLD = "c" * 64


class Disk:
    """A file system of its own, which can be filled, and which turns read-only as after an error of the disk."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image, self.folder = image, folder
        image.write_bytes(b"")
        os.truncate(image, DISK_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        folder.mkdir()

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            missing(f"cannot mount a file: {done.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=False)

    def fill(self) -> Path:
        """Takes all the space there is; the file that holds it."""
        ballast = self.folder / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
        return ballast

    def fail(self) -> None:
        """The kernel finds an error on it, and lets nobody write from then on."""
        source = next(
            line.split()[0]
            for line in Path("/proc/self/mounts").read_text().splitlines()
            if line.split()[1] == str(self.folder)
        )
        Path(f"/sys/fs/ext4/{Path(source).name}/trigger_fs_error").write_text("a test")


@pytest.fixture
def disk(tmp_path: Path, as_root: None) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk.img", tmp_path / "data")
    disk.mount()
    yield disk
    disk.unmount()


def lived(path: Path, now_s: int) -> None:
    """A store with a past of which one chunk is damaged, whose clock ran a day ahead before it was put right."""
    writer = open_series_writer(path, StoreSettings(), "e2e")
    for begin_s, ticks in ((now_s - PAST_S, TICKS), (now_s + AHEAD_S, 10)):
        for i in range(ticks):
            writer.append(snapshot((begin_s + i) * 1000, {OLD: {"pids": float(i)}}))
    writer.close()
    with closing(sqlite3.connect(path)) as c:
        c.execute("UPDATE chunk_1s SET body = substr(body, 1, 20) WHERE id = (SELECT min(id) FROM chunk_1s)")
        c.commit()


def store_state(house: Wharfinger) -> str:
    status, ready = house.ask("GET", "/readyz")
    assert status == 200, ready
    state = str(next(part["state"] for part in ready["parts"] if part["name"] == "store"))
    assert state == "ok" or ready["status"] == "degraded"
    return state


def checks(house: Wharfinger, *words: str) -> dict[str, dict[str, str]]:
    return {c["name"]: c for c in json.loads(house.command("doctor", "--json", *words).stdout)["checks"]}


def kept(series: list[dict[str, list[float | None]]], t0_ms: int) -> list[int]:
    """Seconds that have a value."""
    return [t0_ms // 1000 + i for i, v in enumerate(series[0]["avg"]) if v is not None] if series else []


def load_kept(house: Wharfinger, since_s: int) -> list[int]:
    answer = house.get("/series", metrics="host_load_1m", host="e2e", since=since_s * 1000, step="1s")
    return kept(answer["series"], answer["t0"])


def old(house: Wharfinger, began_s: int) -> Any:
    """The past of the store, as finely as it is there."""
    since_ms = (began_s - PAST_S) * 1000
    return house.get("/series", metrics="pids", container=OLD, since=since_ms, until=since_ms + 2 * TICKS * 1000)


def asked_kept(house: Wharfinger) -> list[int]:
    """Seconds of the host in the store, by the command, without a daemon."""
    said = house.command("query", "host_load_1m", "--host-metrics", "--since", "10m", "--json")
    answer = json.loads(said.stdout)
    return kept(answer["series"], answer["t0"])


@pytest.mark.root
def test_a_bad_disk_and_a_bad_clock_leave_the_daemon_at_work(tmp_path: Path, disk: Disk) -> None:
    began_s = int(time.time())
    lived(disk.folder / "series.db", began_s)
    environ = {"WHARFINGER_WEB__AUTH_DIR": str(tmp_path / "auth"), "WHARFINGER_DISCOVERY__DOCKER": "off"}
    with running(tmp_path, **environ) as house:
        wait_until(lambda: load_kept(house, began_s), 15, "the present is kept, though the store has the future")
        assert store_state(house) == "ok"
        agent = house.child("agent")
        before = old(house, began_s)
        there = kept(before["series"], before["t0"])
        assert TICKS // 2 < len(there) < TICKS, "a damaged chunk is a gap, the rest is read"
        damaged = checks(house)["series.db"]
        assert (damaged["state"], "1 damaged" in damaged["detail"]) == ("warning", True)
        assert "--repair" in damaged["remedy"]

        ballast = disk.fill()
        wait_until(lambda: store_state(house) == "degraded", 10, "the full disk is told")
        assert "no space left" in house.log()
        assert old(house, began_s) == before, "history is still shown"
        ballast.unlink()
        wait_until(lambda: store_state(house) == "ok", 10, "space is enough")
        assert house.child("agent") == agent, "the agent went on through all of it"
        assert house.stop() == 0

    seconds = asked_kept(house)
    assert seconds == list(range(seconds[0], seconds[-1] + 1)), "what could not be written waited in memory"
    mended = checks(house, "--repair")["series.db"]
    assert (mended["state"], "1 damaged" in mended["detail"]) == ("ok", True)
    assert len(list((disk.folder / "quarantine").iterdir())) == 1
    assert checks(house)["series.db"]["state"] == "ok"

    with running(tmp_path, **environ) as house:
        wait_until(lambda: load_kept(house, began_s)[-1] > seconds[-1], 15, "it goes on where it was")
        agent = house.child("agent")
        mended_old = old(house, began_s)
        points = [v for v in mended_old["series"][0]["avg"] if v is not None]
        assert mended_old["step_ms"] == 10_000
        assert len(points) in (TICKS // 10, TICKS // 10 + 1), "roll-ups stand in for the seconds that are gone"
        disk.fail()
        wait_until(lambda: store_state(house) == "degraded", 10, "the read-only disk is told")
        assert "look at the disk and its kernel messages" in house.log()
        assert old(house, began_s) == mended_old, "history is still shown"
        assert house.child("agent") == agent, "the agent went on"
        assert house.stop() == 0
        assert "wait in memory are lost" in house.log()

    disk.unmount()
    disk.mount()
    assert set(seconds) <= set(asked_kept(house)), "nothing that was kept is lost"
    assert checks(house)["series.db"]["state"] == "ok"
