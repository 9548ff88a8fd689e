"""What keeping costs: CPU a tick, bytes a value, bytes written a row; and what asking for a day costs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from config.schema import AgentSettings, Settings, StoreSettings
from daemon.demo.fill import backfill
from daemon.demo.load import noise
from storage.api import SeriesQuery, Stretch
from storage.factory import open_history_writer, open_series_reader, open_series_writer
from tools.bench.killing import killed
from tools.bench.load import Host, seconds, targets
from tools.bench.proc import written_bytes
from tools.bench.result import Measured, Part, Spec, together

FOLDER = Path(__file__).resolve().parent.parent.parent / "build/bench-storage"
START_MS = 1_700_000_000_000
APPEND_TICKS = 900
"""Each chunk of 300 seconds is sealed at least twice in it."""
DAY_S = 86_400
KILLS = 100

RESULTS = (
    Spec("storage_append_core_share_200x40", "% of a core", "Appending 200 containers × 40 metrics a second", bar=2.0),
    Spec("storage_append_core_share_1000x40", "% of a core", "The same for 1,000 containers", bar=8.0),
    Spec("storage_bytes_per_value_mixed", "bytes", "On disk, sealed, 60 % idle and 15 % busy containers", bar=0.8),
    Spec("storage_bytes_per_value_busy", "bytes", "On disk, sealed, every container busy", bar=1.8),
    Spec("storage_written_bytes_per_row", "bytes", "Written to disk a row of 30 values at 1 s", bar=150.0),
    Spec("storage_day_raw_one_metric_ms", "ms", "24 h at 1 s of one container and one metric, warm", bar=25.0),
    Spec("storage_day_raw_six_metrics_ms", "ms", "The same for six metrics", bar=80.0),
    Spec("storage_week_1000_points_ms", "ms", "7 d of one container and one metric by 1,000 points", bar=30.0),
    Spec("storage_hour_60_containers_ms", "ms", "1 h of 60 containers, one metric, points of 10 s", bar=30.0),
    Spec("storage_hour_60_containers_raw_ms", "ms", "The same, every second"),
    Spec("storage_demo_day_50_s", "s", "demo --backfill 24h --containers 50", bar=90.0),
    Spec("storage_kill_9_corrupt", "files", "Damaged after 100 times kill -9 of the writer", bar=0.0),
    Spec("storage_kill_9_lost_ticks", "ticks", "Acknowledged and lost in the same", bar=0.0),
)


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    """In a folder of its own below build/ (a real disk, not memory)."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        return together(PARTS, chosen)
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
    results = {}
    for containers in (200, 1000):
        _, spent = fill(f"append-{containers}", Host(containers, 40), APPEND_TICKS)
        results[f"storage_append_core_share_{containers}x40"] = Measured(spent / APPEND_TICKS * 100)
    return results


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


def week() -> dict[str, Measured]:
    """Seven days of one container, filled in as columns."""
    path = FOLDER / "week.db"
    writer = open_history_writer(path, StoreSettings(raw_days=30), "bench")
    wave = noise(1)
    (target,) = targets(1).values()
    begin = START_MS // 300_000 * 300_000
    for i in range(7 * DAY_S // 300):
        times = range(begin + i * 300_000, begin + (i + 1) * 300_000, 1000)
        values = [0.5 + 0.1 * v for v in wave[i % 4000 : i % 4000 + 300]]
        writer.append_many([Stretch(target, times, {"cpu_usage_cores": values, "pids": [4.0] * 300})])
    writer.close()
    query = SeriesQuery(("cpu_usage_cores",), begin, begin + 7 * DAY_S * 1000, containers=(target.key,), points=1000)
    return {"storage_week_1000_points_ms": Measured(asked_ms(path, query))}


def hour() -> dict[str, Measured]:
    """The last hour of sixty containers, the tail included, as the overview asks for it."""
    host = Host(60, 40)
    path, _ = fill("hour", host, 3900)
    until = START_MS + 3_900_000
    fine = SeriesQuery(("cpu_usage_cores",), until - 3_600_000, until)
    return {
        "storage_hour_60_containers_ms": Measured(asked_ms(path, replace(fine, step_ms=10_000))),
        "storage_hour_60_containers_raw_ms": Measured(asked_ms(path, fine)),
    }


def asked_ms(path: Path, query: SeriesQuery) -> float:
    """Milliseconds of the query, warm; there must be an answer."""
    reader = open_series_reader(path)
    try:
        if not reader.query(query).series:
            raise RuntimeError("nothing was answered")
        return best_ms(lambda: reader.query(query))
    finally:
        reader.close()


def demo() -> dict[str, Measured]:
    """The demo's day, as the command writes it."""
    settings = Settings(agent=AgentSettings(host_name="bench", data_dir=str(FOLDER / "demo")))
    before = time.perf_counter()
    backfill(settings, until_ms=START_MS, span_ms=DAY_S * 1000, containers=50, seed=1)
    return {"storage_demo_day_50_s": Measured(time.perf_counter() - before)}


def kills() -> dict[str, Measured]:
    """A writer killed at random moments, one after the other on one file."""
    corrupt, lost = killed(FOLDER / "kill.db", KILLS)
    return {"storage_kill_9_corrupt": Measured(corrupt), "storage_kill_9_lost_ticks": Measured(lost)}


def best_ms(work: Callable[[], object], times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
    return best * 1000


PARTS: Mapping[str, Part] = {
    "append": append,
    "sizes": sizes,
    "day": day,
    "week": week,
    "hour": hour,
    "demo": demo,
    "kills": kills,
}
