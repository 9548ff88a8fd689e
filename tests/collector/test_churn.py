"""Cgroups come and go by the thousand: descriptors, threads and memory stay level."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
from tools.bench.cgroups import ROOT

AT_ONCE = 20
ROUNDS = 15
HERD = "wharfinger-churn-{}"


def tops() -> list[Path]:
    v2 = (ROOT / "cgroup.controllers").exists()
    named = [p for p in ROOT.iterdir() if p.is_dir() and not p.is_symlink() and p.name not in ("systemd", "cpuset")]
    return [ROOT] if v2 else named


def kept_open(herd: str) -> int:
    """Descriptors of this process on files below a cgroup; others' containers come and go meanwhile."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += f"/{herd}/" in str(link.readlink())
    return count


@pytest.mark.root
def test_descriptors_threads_and_memory_are_level(as_root: None) -> None:
    parents = [top / HERD.format(os.getpid()) for top in tops()]
    made: list[Path] = []

    def herd(number: int) -> None:
        for folder in reversed(made):
            folder.rmdir()
        made.clear()
        for i in range(AT_ONCE):
            for parent in parents:
                folder = parent / f"{os.getpid():032x}{number * AT_ONCE + i + 1:032x}"
                folder.mkdir()
                made.append(folder)

    nobody = DiscoverySettings(docker="off", podman="off", containerd="off")
    sampler = Sampler(HostSettings(), nobody, "h", 1.0)
    seen: set[str] = set()
    stops = 0
    levels: list[tuple[int, int, int]] = []
    try:
        for parent in parents:
            parent.mkdir()
        tracemalloc.start()
        for number in range(ROUNDS):
            herd(number)
            for moment in (1, 2):
                snapshot = sampler.collect((number * 2 + moment) * 1_000)
                ours = {k for k, t in snapshot.targets.items() if t.cgroup.startswith(f"/{parents[0].name}/")}
                stops += sum(e.kind == "stop" and e.container_id in seen for e in snapshot.events)
                seen |= ours
            assert len(ours) == AT_ONCE, f"those that live are seen, and no other: herd {number}"
            if number % 5 == 4:
                del snapshot
                gc.collect()
                fds = kept_open(parents[0].name)
                levels.append((fds, threading.active_count(), tracemalloc.get_traced_memory()[0]))
        assert len(seen) == AT_ONCE * ROUNDS
        assert stops >= AT_ONCE * (ROUNDS - 3), "each life's end is told"
        first, _, last = levels
        assert last[0] <= first[0] + AT_ONCE, "descriptors"
        assert last[1] <= first[1]
        assert last[2] < first[2] + 400_000, "what is remembered of the dead is forgotten"
    finally:
        tracemalloc.stop()
        sampler.close()
        for folder in (*reversed(made), *parents):
            if folder.exists():
                folder.rmdir()
