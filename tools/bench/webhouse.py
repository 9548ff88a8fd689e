"""A real web process before a made-up agent: a store with history, a link that ticks, and clients that ask."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from config.schema import StoreSettings
from daemon.link import LinkServer
from model.limits import UNLIMITED, Limits
from model.live import Command, Frame, PartState, Reply
from model.reading import CgroupReading, HostReading, Interface, IoDevice
from model.sample import Snapshot
from storage.api import Stretch
from storage.factory import open_history_writer, open_series_writer
from tools.bench.load import Host
from tools.servers.process import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "bench-token-of-one-run"
READY_S = 30.0
STRETCH_MS = 300_000
PLAIN = [name for name in CgroupReading._fields if name not in ("io_devices", "interfaces")]


@dataclass(frozen=True, slots=True)
class House:
    """``pid``: the web process. ``names``: the containers'."""

    pid: int
    port: int
    names: tuple[str, ...]


def raw(snapshot: Snapshot, seed: int = 1) -> Snapshot:
    """The same with raw readings, limits and labels of which a full page of metrics is made."""
    draw = random.Random(seed).getrandbits
    readings, limits, targets = {}, {}, {}
    for i, (key, target) in enumerate(snapshot.targets.items()):
        counters = {name: draw(36) for name in PLAIN}
        device = IoDevice("8:0", draw(30), draw(30), draw(20), draw(20))
        interface = Interface("eth0", draw(30), draw(20), 0, 0, draw(30), draw(20), 0, 0)
        readings[key] = CgroupReading(**counters, io_devices=(device,), interfaces=(interface,))
        limits[key] = Limits(0.5, 50_000, 100_000, 100, 1 << 28, UNLIMITED, 0, 0, UNLIMITED)
        labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": f"app-{i % 20}"}
        targets[key] = replace(target, labels=labels, created_at_ms=snapshot.at_ms)
    host = HostReading(1, 2, 10.0, 5.0, 100.0, None, None, 1.0, 1 << 33, 1 << 32, 0)
    return replace(
        snapshot, readings=readings, limits=limits, targets=targets, host_reading=host, devices={"8:0": "sda"}
    )


def frame_of(snapshot: Snapshot) -> Frame:
    return Frame(
        at_ms=snapshot.at_ms, interval_s=1.0, host=snapshot.host, cgroup="v2", host_values={"host_load_1m": 1.0},
        targets=snapshot.targets, values={key: sample.values for key, sample in snapshot.samples.items()},
        limits=snapshot.limits, policies={}, findings=(), transitions=(), changes=(), events=(), gaps=(),
        parts=(PartState("tick", "ok", snapshot.at_ms), PartState("store", "ok", snapshot.at_ms)),
    )  # fmt: skip


def tick_for_ever(folder: str, containers: int, metrics: int, stop: threading.Event) -> None:
    """The agent's side: one tick a second. Runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host = Host(containers, metrics)

    def answer(command: Command) -> Reply:
        return Reply(200, {"metrics": {}} if command.name == "status" else [])

    link = LinkServer(Path(folder) / "run" / "agent.sock", answer)
    link.start()
    while not stop.is_set():
        snapshot = raw(host.tick(int(time.time()) * 1000))
        link.publish(frame_of(snapshot), snapshot)
        stop.wait(1.0 - time.time() % 1.0)
    link.close()


def write_hours(path: Path, containers: int, metrics: int, hours: int, until_ms: int) -> None:
    """So many hours up to a moment as columns; the same five minutes again and again, each begun at another second."""
    host = Host(containers, metrics)
    until_ms = until_ms // STRETCH_MS * STRETCH_MS
    ticks = [host.tick(at_ms).samples for at_ms in range(0, STRETCH_MS, 1000)]
    columns = {
        key: {name: [tick[key].values[name] for tick in ticks] for name in ticks[0][key].values} for key in host.targets
    }
    with closing(open_history_writer(path, StoreSettings(), "bench")) as writer:
        for begin_ms in range(until_ms - hours * 3_600_000, until_ms, STRETCH_MS):
            turn = begin_ms // STRETCH_MS * 37 % len(ticks)
            times = range(begin_ms, begin_ms + STRETCH_MS, 1000)
            writer.append_many(
                [
                    Stretch(host.targets[key], times, {name: v[turn:] + v[:turn] for name, v in column.items()})
                    for key, column in columns.items()
                ]
            )


def write_history(path: Path, containers: int, metrics: int, seconds: int, hours: int = 0) -> None:
    """So many seconds up to now, by the store's own writer; before them so many hours."""
    host, now_ms = Host(containers, metrics), int(time.time()) * 1000
    if hours:
        write_hours(path, containers, metrics, hours, now_ms - seconds * 1000)
    with closing(open_series_writer(path, StoreSettings(), "bench")) as writer:
        for at_ms in range(now_ms - seconds * 1000, now_ms, 1000):
            writer.append(host.tick(at_ms))


@contextmanager
def serving(
    containers: int, metrics: int, *, history_s: int = 0, hours: int = 0, max_streams: int = 48
) -> Iterator[House]:
    """The web process, answering, with its figures fresh."""
    with tempfile.TemporaryDirectory(prefix="wharfinger-bench-") as name:
        folder = Path(name)
        if history_s:
            write_history(folder / "data" / "series.db", containers, metrics, history_s, hours)
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        agent = context.Process(target=tick_for_ever, args=(name, containers, metrics, stop))
        agent.start()
        port = free_port()
        environ = {
            **os.environ,
            "WHARFINGER_AGENT__DATA_DIR": str(folder / "data"),
            "WHARFINGER_AGENT__RUN_DIR": str(folder / "run"),
            "WHARFINGER_AGENT__HOST_NAME": "bench",
            "WHARFINGER_WEB__LISTEN": f"127.0.0.1:{port}",
            "WHARFINGER_WEB__API_TOKEN": TOKEN,
            "WHARFINGER_WEB__USER": "root",
            "WHARFINGER_WEB__MAX_STREAMS": str(max_streams),
        }
        argv = [sys.executable, "-m", "cli.main", "web"]
        log = (folder / "web.log").open("wb")
        web = subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
        )
        try:
            assert web.stdout is not None
            line = web.stdout.readline().decode()
            if not line.startswith("wharfinger ready"):
                raise RuntimeError(f"the web process did not start:\n{(folder / 'web.log').read_text()[-2000:]}")
            yield House(web.pid, port, tuple(f"app-{i}" for i in range(containers)))
        finally:
            stop.set()
            web.terminate()
            web.wait(15)
            if web.stdout is not None:
                web.stdout.close()
            log.close()
            agent.join(15)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them does not pass. Pure."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def together(clients: int, work: Callable[[int], list[float]]) -> list[float]:
    """What all clients measured, each in a thread of its own."""
    found: list[float] = []
    lock = threading.Lock()

    def run(number: int) -> None:
        mine = work(number)
        with lock:
            found.extend(mine)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
