"""What the whole agent takes by the number of containers: processor, memory; and the web process beside it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from daemon.link import SOCKET_NAME
from tools.bench import proc
from tools.bench.cgroups import made
from tools.bench.result import Measured, Part, Spec
from tools.servers.process import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
QUARTER_S = 920
"""Seconds after which the memory of minutes is full."""
MEMORY_MB = {10: 60.0, 100: 85.0, 200: 120.0, 1000: 300.0}
WARM_S = 15.0
WATCH_S = 30.0
TOKEN = "bench-token-of-this-run-only"

RESULTS = (
    *(
        Spec(f"agent_pss_mb_{n}", "MB", f"Memory of the agent after a quarter of an hour, {n:,} containers", bar=bar)
        for n, bar in MEMORY_MB.items()
    ),
    Spec("agent_core_share_100", "% of a core", "Agent at 1 s: read, store, detect, alert, control", bar=1.5),
    Spec("web_idle_core_share_100", "% of a core", "Web and supervisor, no page open, 100 containers", bar=0.5),
    Spec("web_pss_mb_100", "MB", "Memory of the web process, 100 containers", bar=100.0),
)


def memory() -> dict[str, Measured]:
    """PSS of the agent by the number of containers."""
    return {f"agent_pss_mb_{size}": Measured(quarter(size)["pss_bytes"] / 1e6) for size in MEMORY_MB}


def quarter(size: int, seconds: int = QUARTER_S) -> dict[str, float]:
    """The agent through a quarter of an hour of ticks over ``size`` cgroups."""
    with made(size), tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "tools.bench.quarter", str(seconds), folder]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
        answer: dict[str, float] = json.loads(done.stdout)
        return answer


class Running(NamedTuple):
    """A ``wharfinger run`` of the bench's own: the processes' pids, the address, the agent's socket."""

    supervisor: int
    agent: int
    web: int
    url: str
    socket: Path


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """``wharfinger run`` with everything on, no runtime asked, in folders of its own."""
    folder, port = Path(tempfile.mkdtemp(prefix="wharfinger-bench-")), free_port()
    environ = {
        **os.environ,
        "WHARFINGER_AGENT__DATA_DIR": str(folder / "data"),
        "WHARFINGER_AGENT__RUN_DIR": str(folder / "run"),
        "WHARFINGER_WEB__LISTEN": f"127.0.0.1:{port}",
        "WHARFINGER_WEB__API_TOKEN": TOKEN,
        "WHARFINGER_DISCOVERY__DOCKER": "off",
        "WHARFINGER_DISCOVERY__PODMAN": "off",
        "WHARFINGER_DISCOVERY__CONTAINERD": "off",
        "WHARFINGER_LIMITS__MODE": "auto",
    }
    log = folder / "log"
    with log.open("wb") as out:
        argv = [sys.executable, "-m", "cli.main", "run"]
        process = subprocess.Popen(argv, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{port}/readyz"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"wharfinger does not run:\n{log.read_text()[-2000:]}")
            time.sleep(0.5)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        # multiprocessing's resource tracker is a child too; the agent is started before the web
        spawned = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        agent, web = sorted(spawned)
        yield Running(process.pid, agent, web, f"http://127.0.0.1:{port}", folder / "run" / SOCKET_NAME)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def asked(url: str, *, gzip: bool = False) -> bytes:
    """The body as it comes over the wire."""
    headers = {"Authorization": f"Bearer {TOKEN}", **({"Accept-Encoding": "gzip"} if gzip else {})}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def idle(size: int = 100) -> dict[str, Measured]:
    """Half a minute with no page open."""
    with made(size), running() as house:
        time.sleep(WARM_S)
        start = time.monotonic()
        before = proc.cpu_s([house.agent]), proc.cpu_s([house.supervisor, house.web])
        time.sleep(WATCH_S)
        took = time.monotonic() - start
        ours, others = proc.cpu_s([house.agent]) - before[0], proc.cpu_s([house.supervisor, house.web]) - before[1]
        return {
            f"agent_core_share_{size}": Measured(ours / took * 100),
            f"web_idle_core_share_{size}": Measured(others / took * 100),
            f"web_pss_mb_{size}": Measured(proc.pss_bytes(house.web) / 1e6),
        }


PARTS: Mapping[str, Part] = {"memory": memory, "idle": idle}
