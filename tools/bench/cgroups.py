"""Container cgroups made by hand for measuring the reader, and the floor: the same reads by a loop in C."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools.servers.process import Missing

ROOT = Path("/sys/fs/cgroup")
FLOOR = r"""
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
/* Each line of standard input: how often a file is read in a pass, and its path. Opens all of them, makes
   passes for a second, prints the least CPU seconds of a pass. */
int main(void) {
  static char path[4096], buffer[65536];
  static int files[65536], times[65536];
  int count = 0, passes = 0, rounds = 0;
  struct timespec before, after;
  while (count < 65536 && scanf("%d %4095[^\n]", &times[count], path) == 2) {
    if ((files[count] = open(path, O_RDONLY)) < 0) continue; /* another's container, gone meanwhile */
    if (times[count] > rounds) rounds = times[count];
    count++;
  }
  double best = 1e9, spent = 0;
  while (passes < 5 || (spent < 1.0 && passes < 1000)) {
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (int round = 0; round < rounds; round++)
      for (int i = 0; i < count; i++)
        if (round < times[i]) pread(files[i], buffer, sizeof buffer, 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double took = (after.tv_sec - before.tv_sec) + (after.tv_nsec - before.tv_nsec) / 1e9;
    spent += took;
    if (took < best) best = took;
    passes++;
  }
  printf("%.9f\n", best);
  return 0;
}
"""


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


def files_read(work: Callable[[], object]) -> list[str]:
    """Paths of all files that ``work`` reads by ``os.pread``, one entry a read, in order."""
    read: list[str] = []
    real = os.pread

    def noting(fd: int, size: int, offset: int) -> bytes:
        read.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        return real(fd, size, offset)

    os.pread = noting
    try:
        work()
    finally:
        os.pread = real
    return read


def floor_s(paths: list[str], folder: Path) -> float:
    """CPU seconds that bare reading of these files takes: by C where there is a compiler, else by ``os.pread``."""
    times = Counter(paths)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler:
        source, program = folder / "floor.c", folder / "floor"
        source.write_text(FLOOR)
        subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
        lines = "\n".join(f"{count} {path}" for path, count in times.items())
        done = subprocess.run([str(program)], input=lines, capture_output=True, text=True, check=True)
        return float(done.stdout)
    opened = {path: os.open(path, os.O_RDONLY) for path in times if Path(path).exists()}
    paths = [path for path in paths if path in opened]
    best = float("inf")
    for _ in range(7):
        before = time.process_time()
        for path in paths:
            os.pread(opened[path], 65536, 0)
        best = min(best, time.process_time() - before)
    for fd in opened.values():
        os.close(fd)
    return best
