"""A writer of the series killed at random moments, a hundred times over on one file."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random

from config.schema import StoreSettings
from storage.api import SeriesQuery
from storage.factory import look_at_store, open_series_reader, open_series_writer
from tests.storage.hosts import START_MS, snapshot

CONTAINERS = "abcdef"
TICKS = (5, 120)
"""The least and the most that are acknowledged before a kill."""
LOOK_EVERY = 10
"""Kills between two looks at every page and every checksum; the ticks themselves are looked for after each kill."""


def killed(path: Path, times: int) -> tuple[int, int]:
    """(looks that found the file damaged, ticks that had been acknowledged and are not there)."""
    random = Random(9)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # else most of the time goes into a hundred starts of an interpreter
    acknowledged: set[int] = set()
    corrupt, lost, start = 0, 0, 0
    for number in range(1, times + 1):
        round_ = one_round(context, path, start, random)
        acknowledged |= round_
        lost += missing(path, start, round_)
        start = max(round_) + 5
        if number % LOOK_EVERY == 0 or number == times:
            look = look_at_store(path, "series")
            corrupt += bool(look.fault or look.damaged)
    return corrupt, max(lost, missing(path, 0, acknowledged))


def one_round(context: ForkServerContext, path: Path, start: int, random: Random) -> set[int]:
    """The ticks that one writer acknowledged before it was killed, at any moment of its work."""
    receiver, sender = context.Pipe(duplex=False)
    writer = context.Process(target=write, args=(path, start, sender), daemon=True)
    writer.start()
    sender.close()
    with receiver:
        said = {receiver.recv() for _ in range(random.randint(*TICKS))}
        time.sleep(random.random() * 0.01)
        writer.kill()
        writer.join()
        try:
            while True:
                said.add(receiver.recv())
        except EOFError:
            return said


def write(path: Path, start: int, sender: Connection) -> None:
    """Appends seconds from ``start`` on, and acknowledges each once it is stored; ends with the process."""
    writer = open_series_writer(path, StoreSettings(), "web-1")
    i = start
    while True:
        values = {"pids": float(i), "cpu_usage_cores": i / 8}
        writer.append(snapshot(START_MS + i * 1000, dict.fromkeys(CONTAINERS, values)))
        sender.send(i)
        i += 1


def missing(path: Path, start: int, ticks: set[int]) -> int:
    """How many of these ticks the container that lost most of them does not have."""
    reader = open_series_reader(path)
    until_ms = START_MS + (max(ticks) + 5) * 1000
    columns = reader.query(SeriesQuery(("pids",), START_MS + start * 1000, until_ms)).series
    reader.close()
    kept = [{round(v) for v in column.avg if v is not None} for column in columns]
    if len(kept) < len(CONTAINERS):
        return len(ticks)
    return max(len(ticks - one) for one in kept)
