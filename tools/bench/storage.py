"""What keeping costs: CPU a tick, bytes a value, bytes written a row; and what asking for a day costs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from config.schema import StoreSettings
from storage.api import SeriesQuery
from storage.factory import open_series_reader, open_series_writer
from tools.bench.load import Host, seconds
from tools.bench.proc import written_bytes
from tools.bench.result import Measured, Spec

FOLDER = Path(__file__).resolve().parent.parent.parent / "build/bench-storage"
START_MS = 1_700_000_000_000
APPEND_TICKS = 900
"""Each chunk of 300 seconds is sealed at least twice in it."""
DAY_S = 86_400

RESULTS = (
    Spec("storage_append_core_share_200x40", "% of a core", "Appending 200 containers × 40 metrics a second", bar=2.0),
    Spec("storage_bytes_per_value_mixed", "bytes", "On disk, sealed, 60 % idle and 15 % busy containers", bar=0.8),
    Spec("storage_bytes_per_value_busy", "bytes", "On disk, sealed, every container busy", bar=1.8),
    Spec("storage_written_bytes_per_row", "bytes", "Written to disk a row of 30 values at 1 s", bar=150.0),
    Spec("storage_day_raw_one_metric_ms", "ms", "24 h at 1 s of one container and one metric, warm", bar=25.0),
    Spec("storage_day_raw_six_metrics_ms", "ms", "The same for six metrics", bar=80.0),
)


def measure() -> Mapping[str, Measured]:
    """All of it, in a folder of its own below build/ (a real disk, not memory)."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        return {**append(), **sizes(), **day()}
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


def fill(name: str, host: Host, ticks: int) -> tuple[Path, float]:
    """Append that many seconds; the file and the CPU seconds of the appends alone (upkeep included)."""
    path = FOLDER / f"{name}.db"
    writer = open_series_writer(path, StoreSettings(raw_days=30), "bench")
    spent = 0.0
    for at_ms in seconds(START_MS, ticks):
        snapshot = host.tick(at_ms)
        before = time.process_time()
        writer.append(snapshot)
        writer.upkeep(at_ms)
        spent += time.process_time() - before
    writer.close()
    return path, spent


def append() -> dict[str, Measured]:
    _, spent = fill("append", Host(200, 40), APPEND_TICKS)
    return {"storage_append_core_share_200x40": Measured(spent / APPEND_TICKS * 100)}


def sizes() -> dict[str, Measured]:
    """Differences between a long and a short fill, so that only sealed data is counted."""
    results = {}
    for name, mix in (("mixed", (0.6, 0.25, 0.15)), ("busy", (0.0, 0.0, 1.0))):
        size = {}
        for ticks in (600, 1800):
            path, _ = fill(f"{name}-{ticks}", Host(50, 30, mix), ticks)
            size[ticks] = sum(p.stat().st_size for p in FOLDER.glob(f"{path.name}*"))
        results[f"storage_bytes_per_value_{name}"] = Measured((size[1800] - size[600]) / (1200 * 50 * 30))
    before = written_bytes(os.getpid())
    fill("written", Host(200, 30), 600)
    os.sync()
    results["storage_written_bytes_per_row"] = Measured((written_bytes(os.getpid()) - before) / (600 * 200))
    return results


def day() -> dict[str, Measured]:
    """A day of five containers, asked for warm: the best of five, as the page cache would have it."""
    host = Host(5, 12)
    path, _ = fill("day", host, DAY_S)
    reader = open_series_reader(path)
    key = next(iter(host.targets))
    names = tuple(next(iter(host.tick(START_MS + DAY_S * 1000).samples.values())).values)

    def asked(metrics: tuple[str, ...]) -> float:
        query = SeriesQuery(metrics, START_MS, START_MS + DAY_S * 1000, containers=(key,))
        if len(reader.query(query).series[0].avg) != DAY_S:
            raise RuntimeError("the day is not whole")
        return best_ms(lambda: reader.query(query))

    try:
        return {
            "storage_day_raw_one_metric_ms": Measured(asked(names[:1])),
            "storage_day_raw_six_metrics_ms": Measured(asked(names[:6])),
        }
    finally:
        reader.close()


def best_ms(work: Callable[[], object], times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
    return best * 1000
