"""The kernel tells when a cgroup is made; the thread that waits can always be woken."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from inotify_simple import INotify

from collector.arrivals import Arrivals
from tests.support.wait import wait_until

LONG_S = 60.0
"""Nothing here waits so long: a wait that ends by itself would end after it."""


class Waiting:
    """A wait that is under way in a thread."""

    def __init__(self, arrivals: Arrivals, parents: list[str]) -> None:
        self.told: list[bool] = []
        self._thread = threading.Thread(target=lambda: self.told.append(arrivals.wait(parents, LONG_S)), daemon=True)
        self._thread.start()

    def over(self) -> bool:
        self._thread.join(10)
        return not self._thread.is_alive()


def make_until_told(folder: Path, waiting: Waiting) -> None:
    """The watch stands a moment after the thread has begun: directories are made until one is told."""
    made = iter(range(1_000_000))

    def told() -> bool:
        (folder / f"c{next(made)}").mkdir()
        return bool(waiting.told)

    wait_until(told, 10, "an arrival")


def test_a_new_cgroup_ends_the_wait(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    arrivals = Arrivals(str(tmp_path))
    waiting = Waiting(arrivals, ["/", "/docker", "/not-there"])
    make_until_told(tmp_path / "docker", waiting)
    assert waiting.told == [True]
    arrivals.close()


def test_a_parent_that_was_made_anew_is_waited_for_again(tmp_path: Path) -> None:
    parent = tmp_path / "docker"
    parent.mkdir()
    arrivals = Arrivals(str(tmp_path))
    assert arrivals.wait(["/docker"], 0) is True
    shutil.rmtree(parent)
    assert arrivals.wait(["/docker"], 0) is True, "the kernel says that the watch went with the directory"
    assert arrivals.wait(["/docker"], LONG_S) is False, "nothing is left to wait for: at once"
    parent.mkdir()
    waiting = Waiting(arrivals, ["/docker"])
    make_until_told(parent, waiting)
    arrivals.close()


def test_close_ends_a_wait_and_every_later_one(tmp_path: Path) -> None:
    arrivals = Arrivals(str(tmp_path))
    waiting = Waiting(arrivals, ["/"])
    wait_until(arrivals._turn.locked, 10, "the wait")
    arrivals.close()
    assert waiting.over()
    assert arrivals.wait(["/"], LONG_S) is False
    arrivals.close()


def test_without_inotify_nothing_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(self: INotify) -> None:
        raise OSError(24, "too many open files")

    monkeypatch.setattr("collector.arrivals.INotify.__init__", none_left)
    arrivals = Arrivals(str(tmp_path))
    assert arrivals.wait(["/"], LONG_S) is False
    arrivals.close()
