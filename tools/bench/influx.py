"""The push to InfluxDB and the way back, against a real server: encoding, draining, a day away, charts, an overview."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import fmean
from urllib.parse import urlencode, urlsplit

import msgspec

from config.schema import InfluxSettings
from model.sample import Snapshot
from storage.api import SeriesQuery
from storage.influx.line import LineEncoder
from storage.influx.reader import InfluxReader
from storage.influx.rollups import TEN_S
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from tools.bench.load import SHOWN, Host
from tools.bench.proc import pss_bytes
from tools.bench.result import Measured, Spec, together
from tools.bench.storage import best_ms
from tools.servers.influx import Influxd

FOLDER = Path(__file__).resolve().parent.parent.parent / "build/bench-influx"
DAY_S = 86_400
DRAIN_LINES = 1_000_000
ROUNDS = 4
AWAY_CONTAINERS = 50
AWAY_METRICS = 6  # points are counted, not their width: a day of them in minutes
AWAY_S = int(os.environ.get("BENCH_AWAY_S", DAY_S))
HOSTS, EACH = 50, 50
CPU = "cpu_usage_cores"

RESULTS = (
    Spec("influx_encode_sample_us", "us", "A sample of 30 values as line protocol", bar=12.0),
    Spec("influx_encode_rolled_us", "us", "The same with its roll-ups of 10 s, 1 min and 1 h and its info, on average"),
    Spec("influx_drain_of_bare_client", "%", "Draining 1 M lines, of what a bare HTTP client sends", ">=", 80.0),
    Spec("influx_drain_lines_per_s", "1/s", "The same in lines", ">=", None, "the bare client, in the same run"),
    Spec("influx_day_by_1000_points_ms", "ms", "24 h of one container and one metric by 1,000 points", bar=150.0),
    Spec("influx_month_by_1000_points_ms", "ms", "The same for 30 days, from the roll-ups"),
    Spec("influx_day_raw_ms", "ms", "24 h of one container and one metric, every second"),
    Spec("influx_overview_2500_ms", "ms", "Hosts, and containers with latest values, of 50 hosts x 50", bar=1000.0),
    Spec("influx_spool_day_busy_mib", "MiB", "A day of 50 containers, all busy, in the spool", bar=1024.0),
    Spec("influx_spool_tighten_us", "us", "Packing a waiting line tighter"),
    Spec("influx_away_missing_points", "points", "Missing or double after a day without the server", bar=0.0),
    Spec("influx_away_memory_growth_mib", "MiB", "Memory, from its first hour to the end of the back-fill", bar=16.0),
    Spec("influx_away_drain_s", "s", "The back-fill of that day"),
)


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    """Against one InfluxDB 1.6 of its own; each part in a database of its own."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    server = Influxd()
    try:
        return together({name: partial(part, server) for name, part in PARTS.items()}, chosen)
    finally:
        server.close()
        shutil.rmtree(FOLDER, ignore_errors=True)


def encode(_: Influxd) -> dict[str, Measured]:
    """CPU of the encoder alone, over two minutes of 200 containers; the best of three. Every tenth tick writes the
    roll-ups as well: the others alone are what a sample costs, all of them what it costs with those."""
    host = Host(200, 30)
    ticks = [host.tick(1_700_000_000_000 + i * 1000) for i in range(120)]
    plain = rolled = float("inf")
    for _round in range(3):
        encoder, spent = LineEncoder(), []
        for tick in ticks:
            before = time.process_time()
            encoder.snapshot(tick)
            spent.append(time.process_time() - before)
        rolled = min(rolled, fmean(spent))
        plain = min(plain, fmean(s for s, tick in zip(spent, ticks, strict=True) if tick.at_ms % TEN_S))
    return {
        "influx_encode_sample_us": Measured(plain / 200 * 1e6),
        "influx_encode_rolled_us": Measured(rolled / 200 * 1e6),
    }


def ticks_of(host: Host, start_ms: int, count: int, made: int = 600) -> Iterator[Snapshot]:
    """``count`` seconds of a host: ``made`` different ones over and over, because making them is not measured."""
    kept = [host.tick(start_ms + i * 1000) for i in range(min(made, count))]
    for i in range(count):
        yield replace(kept[i % len(kept)], at_ms=start_ms + i * 1000)


def emptied(sender: Sender, spool: DiskSpool) -> float:
    """Seconds until the spool is empty."""
    before = time.perf_counter()
    while spool.size_bytes():
        pause = sender.job(0)
        if spool.size_bytes():
            time.sleep(min(pause, 1.0))
    return time.perf_counter() - before


def fill(url: str, bucket: str, ticks: Iterator[Snapshot]) -> None:
    """Push as an agent does."""
    spool = DiskSpool(FOLDER / bucket, 1 << 33)
    sender = Sender(InfluxSettings(url=url, bucket=bucket), spool)
    for tick in ticks:
        spool.append(tick)
    spool.finish()
    emptied(sender, spool)
    sender.close()
    spool.close()


def charts(server: Influxd) -> dict[str, Measured]:
    """A day of seconds, and a month of which most is there in roll-ups alone."""
    now_ms = time.time_ns() // 1_000_000_000 * 1000
    host = Host(5, 12, (0.0, 0.0, 1.0))
    key = next(iter(host.targets))
    fill(server.url, "day", ticks_of(host, now_ms - DAY_S * 1000, DAY_S))
    fill(server.url, "month", ticks_of(host, now_ms - 30 * DAY_S * 1000, 2 * DAY_S))

    def asked(bucket: str, days: int, points: int | None) -> float:
        reader = InfluxReader(InfluxSettings(url=server.url, bucket=bucket))
        query = SeriesQuery(
            (CPU,), now_ms - days * DAY_S * 1000, now_ms, containers=(key,), host="bench", points=points
        )
        (column,) = reader.query(query).series
        if sum(v is not None for v in column.avg) < len(column.avg) * (0.99 if days == 1 else 0.05):
            raise RuntimeError("the chart is not whole")
        best = best_ms(lambda: reader.query(query))
        reader.close()
        return best

    return {
        "influx_day_by_1000_points_ms": Measured(asked("day", 1, 1000)),
        "influx_month_by_1000_points_ms": Measured(asked("month", 30, 1000)),
        "influx_day_raw_ms": Measured(asked("day", 1, None)),
    }


def overview(server: Influxd) -> dict[str, Measured]:
    """What an overview asks: which hosts, which containers, their latest values."""
    seconds = 300
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - seconds * 1000
    host = Host(EACH, 40)
    for number in range(HOSTS):
        named = (replace(tick, host=f"host-{number}") for tick in ticks_of(host, start_ms, seconds, made=60))
        fill(server.url, "overview", named)
    reader = InfluxReader(InfluxSettings(url=server.url, bucket="overview"))

    def ask() -> None:
        names, found = reader.hosts(), reader.containers(seen_since_ms=start_ms + (seconds - 60) * 1000, metrics=SHOWN)
        if len(names) != HOSTS or len(found) != HOSTS * EACH or not all(known.latest for known in found):
            raise RuntimeError("the overview is not whole")

    value = best_ms(ask)
    reader.close()
    return {"influx_overview_2500_ms": Measured(value)}


def drain(server: Influxd) -> dict[str, Measured]:
    """The sender and a bare client in turns, each with the same lines in a database of its own."""
    spent = {"bare": 0.0, "ours": 0.0}
    lines = 0
    host = Host(50, 30)
    start_ms = 1_700_000_000_000
    for turn in range(ROUNDS):
        count = DRAIN_LINES // ROUNDS // 50
        spool = DiskSpool(FOLDER / f"drain-{turn}", 1 << 33)
        for tick in ticks_of(host, start_ms + turn * count * 1000, count):
            spool.append(tick)
        spool.close()
        bodies = []
        copy = FOLDER / f"copy-{turn}"
        shutil.copytree(FOLDER / f"drain-{turn}", copy)
        source = DiskSpool(copy, 1 << 33)
        while (batch := source.take(5000)) is not None:
            bodies.append(batch.packed)
            lines += batch.count
            source.done(batch)
        source.close()
        for who in ("bare", "ours") if turn % 2 else ("ours", "bare"):
            spent[who] += bare(server.url, bodies) if who == "bare" else ours(server.url, FOLDER / f"drain-{turn}")
    ratio = spent["bare"] / spent["ours"]
    return {
        "influx_drain_of_bare_client": Measured(ratio * 100),
        "influx_drain_lines_per_s": Measured(lines / spent["ours"], lines / spent["bare"]),
    }


def ours(url: str, folder: Path) -> float:
    spool = DiskSpool(folder, 1 << 33)
    sender = Sender(InfluxSettings(url=url, bucket="ours"), spool)
    seconds = emptied(sender, spool)
    sender.close()
    spool.close()
    return seconds


def bare(url: str, bodies: list[bytes]) -> float:
    """Ready bodies over one kept connection, and nothing else."""
    query(url, "CREATE DATABASE bare", "POST")
    connection = HTTPConnection(urlsplit(url).netloc)
    before = time.perf_counter()
    for body in bodies:
        connection.request("POST", "/write?db=bare&precision=ms", body, {"Content-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 204:
            raise RuntimeError(f"the server answers {answer.status}")
    seconds = time.perf_counter() - before
    connection.close()
    return seconds


def query(url: str, text: str, method: str = "GET", **more: str) -> list[list[float]]:
    """Rows of the first series."""
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request(method, f"/query?{urlencode({'q': text, 'epoch': 'ms', **more})}")
    found = msgspec.json.decode(connection.getresponse().read())
    connection.close()
    series = found["results"][0].get("series")
    return list(series[0]["values"]) if series else []


def away(server: Influxd) -> dict[str, Measured]:
    """A day without the server, its time made up; then all of it must be there, once, and memory as before."""
    host = Host(AWAY_CONTAINERS, AWAY_METRICS)
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - AWAY_S * 1000
    spool = DiskSpool(FOLDER / "away", 1 << 33)
    sender = Sender(InfluxSettings(url=server.url, bucket="away"), spool)
    server.stop()
    level = most = 0
    for number, tick in enumerate(ticks_of(host, start_ms, AWAY_S)):
        spool.append(tick)
        if number % 600 == 0:
            sender.job(0)
        if number == AWAY_S // 24:
            level = pss_bytes(os.getpid())
    server.start()
    spool.finish()
    before = time.perf_counter()
    while spool.size_bytes():
        pause = sender.job(0)
        most = max(most, pss_bytes(os.getpid()))
        if pause:
            time.sleep(min(pause, 1.0))
    seconds = time.perf_counter() - before
    sender.close()
    spool.close()
    expected = AWAY_S * AWAY_CONTAINERS
    raw = query(server.url, f'SELECT count("{CPU}") FROM "container"', db="away")
    rolled = [
        query(server.url, f'SELECT sum("{CPU}_n") FROM "container{suffix}"', db="away")
        for suffix in ("_10s", "_1m", "_1h")
    ]
    missing = sum(abs(expected - (rows[0][1] if rows else 0)) for rows in (raw, *rolled))
    return {
        "influx_away_missing_points": Measured(missing),
        "influx_away_memory_growth_mib": Measured(max(0, most - level) / 2**20),
        "influx_away_drain_s": Measured(seconds),
    }


def waiting(_: Influxd) -> dict[str, Measured]:
    """Ten minutes of busy containers with every metric as they lie there when packed tighter, scaled to a day."""
    folder, seconds = FOLDER / "waiting", 600
    spool = DiskSpool(folder, 1 << 33)
    for tick in ticks_of(Host(50, 40, (0.0, 0.0, 1.0)), 1_700_000_000_000, seconds):
        spool.append(tick)
    spool.close()
    spool = DiskSpool(folder, 1 << 33)
    before = time.process_time()
    for _segment in folder.glob("*.spool"):
        spool.tend()
    spent, size, lines = time.process_time() - before, spool.size_bytes(), 0
    while (batch := spool.take(5000)) is not None:
        lines += batch.count
        spool.done(batch)
    spool.close()
    return {
        "influx_spool_day_busy_mib": Measured(size * DAY_S / seconds / 2**20),
        "influx_spool_tighten_us": Measured(spent / lines * 1e6),
    }


PARTS: Mapping[str, Callable[[Influxd], dict[str, Measured]]] = {
    "encode": encode,
    "overview": overview,
    "charts": charts,
    "drain": drain,
    "waiting": waiting,
    "away": away,
}
