"""How the daemon is: since when each part is as it is, whoever asks."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from daemon.health import Health, open_descriptors


def test_since_is_when_a_state_last_changed() -> None:
    state = ("ok", "")
    health = Health({"store": lambda: state})
    assert health.parts(1000)[0].since_ms == 1000
    assert health.parts(2000)[0].since_ms == 1000
    state = ("degraded", "disk full")
    (part,) = health.parts(3000)
    assert (part.state, part.detail, part.since_ms) == ("degraded", "disk full", 3000)
    assert health.parts(4000)[0].since_ms == 3000


def test_two_may_ask_at_once() -> None:
    inside: list[None] = []
    together: list[int] = []

    def state() -> tuple[str, str]:
        inside.append(None)
        together.append(len(inside))
        inside.pop()
        return "ok", ""

    health = Health({f"part{i}": state for i in range(50)})
    threads = [threading.Thread(target=health.parts, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(together) == 1, "one at a time"
    assert len({p.since_ms for p in health.parts(99)}) == 1


def test_open_descriptors_are_counted_without_listing_them_where_the_kernel_says_how_many() -> None:
    before = open_descriptors()
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(100)]
    try:
        assert open_descriptors() == before + 100
    finally:
        for fd in opened:
            os.close(fd)


def test_a_kernel_that_gives_the_folder_no_size_has_it_listed() -> None:
    assert Path("/proc/self/task").stat().st_size == 0
    assert open_descriptors("/proc/self/task") >= threading.active_count()
