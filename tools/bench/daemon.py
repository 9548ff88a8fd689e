"""What the whole agent costs on a real Docker host with 50 containers, and what it makes Docker's daemons cost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from tools.bench import growth, proc
from tools.bench.result import Measured, Part, Spec, together
from tools.servers.docker import DockerEngine

CONTAINERS = 50
SETTLE_S = 20.0
WINDOW_S = 30.0
PAIRS = 4
WARM_S = 25.0
ROOT = Path(__file__).resolve().parent.parent.parent
IDLE = "the same without the agent"

RESULTS = (
    Spec("daemon_agent_core_share_50", "% of a core", "Agent at 1 s: read, store, detect, alert, observe", bar=2.0),
    Spec("daemon_docker_core_share_50", "% of a core", "dockerd and containerd while the agent runs", anchor=IDLE),
    Spec("daemon_docker_added_core_share_50", "% of a core", "What the agent adds to them", bar=0.1),
    Spec("daemon_docker_added_error_50", "% of a core", "Standard error of that over the pairs of windows"),
    Spec("daemon_docker_wakeups_50", "1/s", "Wake-ups of their threads while the agent runs", anchor=IDLE),
    Spec("daemon_agent_pss_mb_50", "MB", "Memory of the agent, 50 containers"),
    *growth.RESULTS,
)


@dataclass(frozen=True, slots=True)
class Window:
    """CPU of the agent and of Docker's daemons in % of a core, and these daemons' wake-ups a second."""

    agent: float
    docker: float
    wakeups: float


def docker() -> dict[str, Measured]:
    """Fifty real containers, a tenth of them working. Windows in which the agent runs take turns with such in which it
    is stopped (SIGSTOP), so that what dockerd does of itself is in both. An agent that goes on lists all containers at
    once, as it does each minute: twice as often here as otherwise."""
    engine = DockerEngine.find()
    folder = Path(tempfile.mkdtemp(prefix="wharfinger-bench-"))
    agent: subprocess.Popen[bytes] | None = None
    try:
        for i in range(CONTAINERS):
            work = "while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 1; done" if i % 10 == 0 else ""
            engine.run(["sh", "-c", work or "sleep 100000"], labels={"wharfinger.test": "bench"})
        time.sleep(SETTLE_S)
        environ = {
            **os.environ,
            "WHARFINGER_AGENT__DATA_DIR": str(folder / "data"),
            "WHARFINGER_AGENT__RUN_DIR": str(folder / "run"),
            "WHARFINGER_DISCOVERY__LABEL_PREFIX": "wharfinger-bench.",  # other people's containers stay as they are
        }
        log = folder / "agent.log"
        with log.open("wb") as out:
            argv = [sys.executable, "-m", "cli.main", "agent"]
            agent = subprocess.Popen(argv, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        time.sleep(WARM_S)
        if agent.poll() is not None:
            raise RuntimeError(f"the agent ended with {agent.returncode}:\n{log.read_text()[-2000:]}")
        running, stopped = in_turns(agent.pid, proc.named("dockerd", "containerd"))
        pss = proc.pss_bytes(agent.pid)
    finally:
        if agent and agent.poll() is None:
            agent.send_signal(signal.SIGCONT)
            agent.terminate()
            agent.wait(15)
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)
    added = [with_us.docker - without.docker for with_us, without in zip(running, stopped, strict=True)]
    idle = mean(window.docker for window in stopped)
    return {
        "daemon_agent_core_share_50": Measured(mean(window.agent for window in running)),
        "daemon_docker_core_share_50": Measured(mean(window.docker for window in running), idle),
        "daemon_docker_added_core_share_50": Measured(mean(added)),
        "daemon_docker_added_error_50": Measured(stdev(added) / len(added) ** 0.5),
        "daemon_docker_wakeups_50": Measured(
            mean(window.wakeups for window in running), mean(window.wakeups for window in stopped)
        ),
        "daemon_agent_pss_mb_50": Measured(pss / 1e6),
    }


def in_turns(agent: int, dockers: list[int]) -> tuple[list[Window], list[Window]]:
    """Windows with the agent running, and as many with it stopped."""
    running, stopped = [], []
    for _ in range(PAIRS):
        running.append(watched(agent, dockers))
        os.kill(agent, signal.SIGSTOP)
        stopped.append(watched(agent, dockers))
        os.kill(agent, signal.SIGCONT)
    return running, stopped


def watched(agent: int, dockers: list[int]) -> Window:
    start, before = time.monotonic(), (proc.cpu_s([agent]), proc.cpu_s(dockers), proc.wakeups(dockers))
    time.sleep(WINDOW_S)
    took = time.monotonic() - start
    ours, theirs, woken = proc.cpu_s([agent]), proc.cpu_s(dockers), proc.wakeups(dockers)
    return Window((ours - before[0]) / took * 100, (theirs - before[1]) / took * 100, (woken - before[2]) / took)


PARTS: Mapping[str, Part] = {"docker": docker, **growth.PARTS}


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    return together(PARTS, chosen)
