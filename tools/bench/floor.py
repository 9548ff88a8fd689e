"""The floor of reading: the same files by a loop of ``pread`` in C, where there is no compiler in Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAM = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
/* argv[1]: a file of lines, each the number of a pass (from 0 on, in order) and a path that the pass reads.
   Each line of standard input is the number of a pass: makes it, and prints the CPU seconds that it took. */
int main(int argc, char **argv) {
  static char path[4096], buffer[65536];
  static int files[1 << 20], begin[4097];
  int count = 0, pass = 0, number;
  struct timespec before, after;
  FILE *list = fopen(argv[1], "r");
  if (argc < 2 || list == NULL) return 1;
  while (count < 1 << 20 && fscanf(list, "%d %4095[^\n]", &number, path) == 2) {
    if (number >= 4096) break;
    while (pass < number) begin[++pass] = count;
    /* "=": the file of the line whose place is named; one that is gone meanwhile is another's container */
    if (path[0] == '=') files[count] = files[atoi(path + 1)];
    else files[count] = open(path, O_RDONLY);
    count++;
  }
  begin[pass + 1] = count;
  while (scanf("%d", &number) == 1 && number <= pass) {
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (int i = begin[number]; i < begin[number + 1]; i++)
      if (files[i] >= 0) pread(files[i], buffer, sizeof buffer, 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    printf("%.9f\n", (after.tv_sec - before.tv_sec) + (after.tv_nsec - before.tv_nsec) / 1e9);
    fflush(stdout);
  }
  return 0;
}
"""


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


class Floor:
    """Passes over lists of files, which stay open. ``folder``: for what is compiled."""

    def __init__(self, passes: Sequence[Sequence[str]], folder: Path) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._passes: list[list[int]] = []
        self._opened: dict[str, int] = {}
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self._opened = {p: os.open(p, os.O_RDONLY) for one in passes for p in one if Path(p).exists()}
            self._passes = [[self._opened[p] for p in one if p in self._opened] for one in passes]
            return
        source, program, listed = folder / "floor.c", folder / "floor", folder / "floor.txt"
        source.write_text(PROGRAM)
        listed.write_text("".join(f"{number} {path}\n" for number, path in numbered(passes)))
        subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True, capture_output=True)
        self._process = subprocess.Popen([program, listed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def pass_s(self, number: int) -> float:
        """CPU seconds of one pass over list ``number``."""
        if self._process is None:
            before = time.process_time()
            for fd in self._passes[number]:
                os.pread(fd, 65536, 0)
            return time.process_time() - before
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            with self._process:
                pass
        for fd in self._opened.values():
            os.close(fd)
        self._opened = {}


def numbered(passes: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """(pass, path) of each read; a path that came before as ``=`` and the place of its first line. Pure."""
    first: dict[str, int] = {}
    lines: list[tuple[int, str]] = []
    for number, paths in enumerate(passes):
        for path in paths:
            place = first.setdefault(path, len(lines))
            lines.append((number, path if place == len(lines) else f"={place}"))
    return lines
