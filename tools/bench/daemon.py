"""What the whole agent costs on a real Docker host with 50 containers, and what it makes Docker's daemons cost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bench import growth, proc
from tools.bench.result import Measured, Part, Spec, together
from tools.servers.docker import DockerEngine

CONTAINERS = 50
SETTLE_S = 10.0
WARM_S = 15.0
WATCH_S = 30.0
ROOT = Path(__file__).resolve().parent.parent.parent
IDLE = "the same without the agent"

RESULTS = (
    Spec("daemon_agent_core_share_50", "% of a core", "Agent at 1 s: read, store, detect, alert, observe", bar=2.0),
    Spec("daemon_docker_core_share_50", "% of a core", "dockerd and containerd while the agent runs", anchor=IDLE),
    Spec("daemon_docker_added_core_share_50", "% of a core", "What the agent adds to them", bar=0.1),
    Spec("daemon_agent_pss_mb_50", "MB", "Memory of the agent, 50 containers"),
    *growth.RESULTS,
)


def docker() -> dict[str, Measured]:
    """Fifty real containers, a tenth of them working; 30 s without the agent, then 30 s with it."""
    engine = DockerEngine.find()
    folder = Path(tempfile.mkdtemp(prefix="wharfinger-bench-"))
    agent: subprocess.Popen[bytes] | None = None
    try:
        for i in range(CONTAINERS):
            work = "while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 1; done" if i % 10 == 0 else ""
            engine.run(["sh", "-c", work or "sleep 100000"], labels={"wharfinger.test": "bench"})
        time.sleep(SETTLE_S)
        dockers = proc.named("dockerd", "containerd")
        idle = share(dockers)
        environ = {
            **os.environ,
            "WHARFINGER_AGENT__DATA_DIR": str(folder / "data"),
            "WHARFINGER_AGENT__RUN_DIR": str(folder / "run"),
        }
        log = folder / "agent.log"
        with log.open("wb") as out:
            argv = [sys.executable, "-m", "cli.main", "agent"]
            agent = subprocess.Popen(argv, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        time.sleep(WARM_S)
        ours, with_us = shares([agent.pid], dockers)
        if agent.poll() is not None:
            raise RuntimeError(f"the agent ended with {agent.returncode}:\n{log.read_text()[-2000:]}")
        pss = proc.pss_bytes(agent.pid)
    finally:
        if agent and agent.poll() is None:
            agent.terminate()
            agent.wait(15)
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "daemon_agent_core_share_50": Measured(ours),
        "daemon_docker_core_share_50": Measured(with_us, idle),
        "daemon_docker_added_core_share_50": Measured(with_us - idle),
        "daemon_agent_pss_mb_50": Measured(pss / 1e6),
    }


def share(pids: list[int]) -> float:
    """Per cent of a core that these processes use over the next 30 s."""
    return shares(pids, [])[0]


def shares(first: list[int], second: list[int]) -> tuple[float, float]:
    """The same for two groups at the same time."""
    start, before = time.monotonic(), (proc.cpu_s(first), proc.cpu_s(second))
    time.sleep(WATCH_S)
    took = time.monotonic() - start
    return (proc.cpu_s(first) - before[0]) / took * 100, (proc.cpu_s(second) - before[1]) / took * 100


PARTS: Mapping[str, Part] = {"docker": docker, **growth.PARTS}


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    return together(PARTS, chosen)
