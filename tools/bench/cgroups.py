"""Container cgroups made by hand for measuring the reader, and work that goes on in each of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools.servers.process import Missing

ROOT = Path("/sys/fs/cgroup")
WORKPLACES = ("cpuacct", "memory", "unified")
"""Trees of v1 in which work is seen."""
WORK = r"""
import os, sys
kept, sides, paths = [], int(sys.argv[1]), sys.argv[2:]
files = [os.open(path, os.O_WRONLY) for path in paths]
for line in sys.stdin:
    for place, file in enumerate(files):
        os.write(file, b"0")
        if place % sides == sides - 1:
            kept.append(bytearray(9000))
            os.sched_yield()  # makes the scheduler charge what has run so far
    del kept[: -4 * len(files)]
    print(flush=True)
"""
"""A process that goes through the cgroups, whose paths it is given tree by tree, and works a little in each."""


def names(count: int, first: int = 1) -> list[str]:
    """Ids of so many of this process's cgroups, from the ``first`` on."""
    return [f"{os.getpid():032x}{i:032x}" for i in range(first, first + count)]


def trees() -> list[Path]:
    """The hierarchies in which containers have cgroups. Raises Missing where we may make none."""
    v2 = (ROOT / "cgroup.controllers").exists()
    tops = [ROOT] if v2 else [p for p in ROOT.iterdir() if p.is_dir() and not p.is_symlink() and p.name != "systemd"]
    if os.geteuid() != 0 or not tops:
        raise Missing("only root can make cgroups by hand")
    return tops


@contextlib.contextmanager
def made(count: int) -> Iterator[str]:
    """``count`` cgroups that look like containers, in every hierarchy; yields the parent's path below the root."""
    tops, parent = trees(), f"wharfinger-bench-{os.getpid()}"
    try:
        for top in tops:
            (top / parent).mkdir()
            if top == ROOT:
                for folder in (top, top / parent):
                    with contextlib.suppress(OSError):
                        (folder / "cgroup.subtree_control").write_text("+cpu +memory +io +pids")
            if top.name == "cpuset":
                for knob in ("cpuset.cpus", "cpuset.mems"):
                    (top / parent / knob).write_text((top / knob).read_text())
        with more(f"/{parent}", names(count)):
            yield f"/{parent}"
    finally:
        for top in tops:
            with contextlib.suppress(OSError):
                (top / parent).rmdir()


@contextlib.contextmanager
def more(parent: str, ids: Sequence[str]) -> Iterator[None]:
    """Cgroups of these names beside those that :func:`made` has made, while the context lasts."""
    folders = [top / parent[1:] / name for top in trees() for name in ids]
    try:
        for folder in folders:
            folder.mkdir()
        yield
    finally:
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def at_work(parent: str, ids: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Yields what lets a process run, and take memory, in each of these cgroups of :func:`made` once."""
    tops = [top for top in trees() if top == ROOT or top.name in WORKPLACES]
    paths = [f"{top}{parent}/{name}/cgroup.procs" for name in ids for top in tops]
    argv = [sys.executable, "-c", WORK, str(len(tops)), *paths]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asks, answers = process.stdin, process.stdout

        def work() -> None:
            asks.write("\n")
            asks.flush()
            if not answers.readline():
                raise RuntimeError("the process that works in the cgroups has ended")

        yield work
