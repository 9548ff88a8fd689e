"""What a container wanted: demand second by second, from the public traces, CSV files, or this host's own store."""

from __future__ import annotations

import csv
import gzip
import io
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Final

from model.errors import NotThere, UsageError

FOLDER: Final = Path(__file__).resolve().parent / "traces"
MEAN_CORES: Final = 0.5
"""What request rates, and CPU of unknown scale, are scaled to."""
HEADER: Final = ["t_s", "container", "cpu_cores", "memory_bytes"]
MOST_SECONDS: Final = 31 * 86_400
SETS: Final = {"rps": ("autothrottle", ".txt.gz"), "nab": ("nab", ".csv.gz"), "vasim": ("vasim", ".csv.gz")}
"""Public set → folder and ending. ``rps`` and ``nab`` are for tuning, ``vasim`` is the test."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Trace:
    """Demand of one container: a value a second; None where that side is not known. Cores and bytes."""

    name: str
    cpu: array[float] | None = None
    memory: array[float] | None = None

    def __len__(self) -> int:
        return len(self.cpu if self.cpu is not None else self.memory or ())

    def window(self, start: int, seconds: int) -> Trace:
        """So many seconds of it from ``start`` on."""
        end = start + seconds
        cpu = None if self.cpu is None else self.cpu[start:end]
        memory = None if self.memory is None else self.memory[start:end]
        return replace(self, name=f"{self.name}@{start}" if start else self.name, cpu=cpu, memory=memory)


def filled(points: Points, seconds: int) -> array[float]:
    """Points (second, value), sorted → a value for each second: linear in between, held where points are
    at most a second apart and after the last. Pure."""
    out, at = array("d", bytes(8 * seconds)), 0
    last = len(points) - 1
    for second in range(seconds):
        while at < last and points[at + 1][0] <= second:
            at += 1
        t0, v0 = points[at]
        if at == last or second <= t0:
            out[second] = v0
            continue
        t1, v1 = points[at + 1]
        out[second] = v0 if t1 - t0 <= 1 else v0 + (v1 - v0) * (second - t0) / (t1 - t0)
    return out


def public(name: str) -> tuple[Trace, ...]:
    """All containers of a public set. Raises NotThere."""
    if name not in SETS:
        raise NotThere(f"there is no set of traces {name!r}: {', '.join(SETS)}, or a CSV file with {','.join(HEADER)}")
    folder, ending = SETS[name]
    return tuple(native(path) for path in sorted((FOLDER / folder).glob(f"*{ending}")))


def native(path: Path) -> Trace:
    """One file of a public set in the form in which it was published, to scale."""
    lines = text_of(path).split("\n")
    if path.parent.name == "autothrottle":
        values, step = [float(line) for line in lines if line.strip()], 1
    else:
        values = [float(line.split(",")[1]) for line in lines[1:] if line.strip()]
        step = 300 if path.parent.name == "nab" else 60
    if path.parent.name == "nab":
        values = [value / 100 for value in values]
    else:
        mean = sum(values) / len(values)
        values = [value / mean * MEAN_CORES for value in values]
    points = [(float(i * step), value) for i, value in enumerate(values)]
    return Trace(f"{path.parent.name}/{path.name.partition('.')[0]}", filled(points, (len(values) - 1) * step or 1))


def load(name: str) -> tuple[Trace, ...]:
    """A set by its name, or a file: one of the public ones, or CSV with the header of the contract.

    Raises NotThere, UsageError (with the line).
    """
    if name in SETS:
        return public(name)
    path = Path(name)
    if not path.is_file():
        raise NotThere(f"there is no trace {name!r}: name a CSV file or one of {', '.join(SETS)}")
    if path.resolve().is_relative_to(FOLDER):
        return (native(path.resolve()),)
    return parse(text_of(path), name)


def text_of(path: Path) -> str:
    """The file's text; ``.gz`` is unpacked. Raises UsageError."""
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, ValueError) as fault:
        raise UsageError(f"the trace {path} cannot be read: {fault}") from None


def parse(text: str, name: str) -> tuple[Trace, ...]:
    """CSV of the contract → traces, one a container, from their first second on. Pure. Raises UsageError."""
    rows = csv.reader(io.StringIO(text, newline=None))  # a carriage return that stands alone ends a line too
    if not text.startswith(",".join(HEADER)) or next(rows, None) != HEADER:
        raise UsageError(f"the trace {name} does not begin with the header {','.join(HEADER)}")
    cpu: dict[str, list[tuple[float, float]]] = {}
    memory: dict[str, list[tuple[float, float]]] = {}
    before = float("-inf")
    try:
        for row in rows:
            if not row:
                continue
            at, container, cores, size = float(row[0]), row[1], row[2], row[3]
            if not isfinite(at) or at < before:
                raise ValueError("t_s is no time, or earlier than the line before")
            before = at
            for text_value, found in ((cores, cpu), (size, memory)):
                if text_value:
                    found.setdefault(container, []).append((at, positive(text_value)))
    except (ValueError, IndexError, csv.Error) as fault:
        raise UsageError(f"the trace {name}, line {rows.line_num}: {fault}") from None
    names = sorted({*cpu, *memory})
    if not names:
        raise UsageError(f"the trace {name} holds no demand")
    return tuple(of_points(container, cpu.get(container, ()), memory.get(container, ())) for container in names)


def positive(text: str) -> float:
    """A finite number, not below zero. Raises ValueError."""
    value = float(text)
    if not isfinite(value) or value < 0:
        raise ValueError(f"{text!r} is no demand")
    return value


def of_points(name: str, cpu: Points, memory: Points) -> Trace:
    """A trace from points at any times; second 0 is the first point. Raises UsageError where it is too long."""
    ends: Iterable[float] = (points[i][0] for points in (cpu, memory) if points for i in (0, -1))
    times = list(ends)
    start, end = min(times), max(times)
    if end - start > MOST_SECONDS:
        raise UsageError(f"the trace of {name} is longer than {MOST_SECONDS // 86_400} days: cut it")
    seconds = int(end - start) + 1

    def side(points: Points) -> array[float] | None:
        return filled([(at - start, value) for at, value in points], seconds) if points else None

    return Trace(name, side(cpu), side(memory))
