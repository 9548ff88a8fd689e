"""Ten thousand cgroups made and removed before a whole agent, some of them real containers: what stays of them.

``python -m tools.bench.churn CGROUPS CONTAINERS FOLDER`` is the agent's process; it prints its levels as JSON. Ticks
are real ones over this host's cgroups, with times of their own, so that the memory of minutes is emptied between
two levels.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from config.schema import AgentSettings, DiscoverySettings, LimitSettings, Settings
from daemon.agent import raise_file_limit
from daemon.house import AgentHouse
from tools.bench import proc
from tools.bench.cgroups import made, more, names
from tools.bench.result import Measured, Part, Spec
from tools.servers.docker import DockerEngine

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CGROUPS, CONTAINERS = 10_000, 200
AT_ONCE = 100
PACE_S = 20
"""Between two batches: windows of rules keep a place for every container of the last sixteen minutes, as many as there
ever were in such a time. So the first level is taken when that is as much as it becomes."""
WARM_SHARE = 0.6
FORGET_S = 1100
"""After so long nothing of a gone container is in memory any more."""
FOUND_S = 15.0

RESULTS = (
    Spec("churn_descriptors_added", "files", f"Open files, the last 4,000 of {CGROUPS:,} cgroups", bar=0.0),
    Spec("churn_threads_added", "threads", "Threads, the same", bar=0.0),
    Spec("churn_memory_added_mb", "MB", "Memory (PSS), the same", bar=5.0),
    Spec("churn_told_starts", "events", "Starts of them that were told", op=">=", bar=float(CGROUPS)),
    Spec("churn_told_stops", "events", "Stops of them that were told", op=">=", bar=float(CGROUPS)),
)


def churn() -> dict[str, Measured]:
    """In batches of a hundred: made, seen for two ticks, removed. Two of each batch are containers of Docker's."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "tools.bench.churn", str(CGROUPS), str(CONTAINERS), folder]
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the agent of this bench failed:\n{done.stderr[-2000:]}")
    found = {name: Measured(value) for name, value in json.loads(done.stdout).items()}
    return {f"churn_{name}": value for name, value in found.items()}


class Harbour:
    """An agent whose clock is moved by hand, and the cgroups that come and go before it."""

    def __init__(self, house: AgentHouse, engine: DockerEngine, parent: str) -> None:
        self._house, self._engine, self._parent = house, engine, parent
        self._at_ms = int(time.time()) * 1000
        self._next = 2
        self._made: set[str] = set()
        self.told: dict[str, set[str]] = {"start": set(), "stop": set()}

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self._at_ms += 1000
            self._house.tick(self._at_ms)
            snapshot = self._house.pipeline.last_snapshot
            for event in snapshot.events if snapshot is not None else ():
                if event.kind in self.told and event.container_id in self._made:
                    self.told[event.kind].add(event.container_id)

    def await_parent(self) -> None:
        """The first cgroup is found by the walk, which has a pace of its own."""
        deadline = time.monotonic() + FOUND_S
        while time.monotonic() < deadline:
            self.tick()
            snapshot = self._house.pipeline.last_snapshot
            if snapshot is not None and any(t.cgroup.startswith(self._parent) for t in snapshot.targets.values()):
                return
            time.sleep(0.5)
        raise RuntimeError("the agent does not see the cgroups of this bench")

    def batch(self, cgroups: int, containers: int) -> None:
        """These come, are seen, and go."""
        ids = names(cgroups, self._next)
        self._next += cgroups
        running = [self._engine.run(["sleep", "1000"], labels={"wharfinger.test": "bench"}) for _ in range(containers)]
        self._made.update(ids, (str(container.id) for container in running))
        with more(self._parent, ids):
            self.tick(2)
            for container in running:
                container.remove(force=True)
        self.tick(PACE_S - 2)  # a stop waits some seconds of these for the runtime's word

    def levels(self) -> tuple[int, int, int]:
        """Open files, threads, PSS, when all that is gone is forgotten. Files of cgroups that live are not counted:
        others than this bench start and stop containers too."""
        self.tick(FORGET_S)
        gc.collect()
        snapshot = self._house.pipeline.last_snapshot
        living = tuple(target.cgroup for target in snapshot.targets.values()) if snapshot is not None else ()
        files = [path for path in open_files() if not any(f"{cgroup}/" in path for cgroup in living)]
        return len(files), threading.active_count(), proc.pss_bytes(os.getpid())


def open_files() -> list[str]:
    """What this process's descriptors stand for; a living container's ``net/dev`` is left out."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            path = str(fd.readlink())
            if not (path.endswith("/net/dev") and Path(path).exists()):
                found.append(path)
    return found


def main(cgroups: int, containers: int, folder: Path) -> int:
    raise_file_limit()
    settings = Settings(
        agent=AgentSettings(data_dir=str(folder / "data"), run_dir=str(folder / "run")),
        discovery=DiscoverySettings(podman="off", containerd="off", label_prefix="wharfinger-bench."),
        limits=LimitSettings(mode="observe"),  # the engine has other people's containers too
    )
    with contextlib.ExitStack() as stack:
        engine = DockerEngine.find()
        stack.callback(engine.close)
        parent = stack.enter_context(made(1))
        house = AgentHouse(settings)
        stack.callback(house.close)
        house.start()
        harbour = Harbour(house, engine, parent)
        harbour.await_parent()
        batches = cgroups // AT_ONCE
        each = [containers * (i + 1) // batches - containers * i // batches for i in range(batches)]
        warm = round(batches * WARM_SHARE)
        for real in each[:warm]:
            harbour.batch(AT_ONCE - real, real)
        before = harbour.levels()
        for real in each[warm:]:
            harbour.batch(AT_ONCE - real, real)
        after = harbour.levels()
        files, threads, memory = (late - early for early, late in zip(before, after, strict=True))
        told = {f"told_{kind}s": len(ids) for kind, ids in harbour.told.items()}
        sys.stdout.write(
            json.dumps(
                {
                    "descriptors_added": files,
                    "threads_added": threads,
                    "memory_added_mb": memory / 1e6,
                    **told,
                }
            )
        )
    return 0


PARTS: Mapping[str, Part] = {"churn": churn}

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
