"""What runs in the guest to show the airbag: containers under ``auto`` that grow from 64 to 300 MiB under a limit of
128, faster than a look a second can follow, while an agent watches; the outcomes go to ``/job/growing.json``.

``python3 -m tests.vm.growing [RUNS]`` starts an agent of its own; :func:`measure` relies on one that runs. It asserts
nothing: who reads the outcomes judges.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker

from tests.vm.inside import ADDRESS, IMAGE, JOB, TREE
from tools.servers.docker import busybox_tree

RATES = (20, 60, 150)
"""MiB a second of the guest's own clock, as far as its emulated processor can."""
MIB = 1 << 20
FROM_MIB, TO_MIB, LIMIT_MIB = 64, 300, 128
INTERPRETER_MIB = 10
PATIENCE_S = 240.0
SHARED = Path("/run/growing")
"""Seen by the containers as ``/shared``: how they are told to begin, and how they tell that they are done."""
LABELS = {"wharfinger.limits": "auto", "wharfinger.memory.max": "640m"}
GROWER = """
import os, sys, time
rate, name, mib, most = float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
held = [bytearray(b"x") * (mib << 20)]
open(f"/shared/{name}.ready", "w").close()
while not os.path.exists(f"/shared/{name}.go"):
    time.sleep(0.05)
began, first = time.monotonic(), mib
while mib < most:
    while mib < min(first + (time.monotonic() - began) * rate, most):
        held.append(bytearray(b"x") * (1 << 20))
        mib += 1
    time.sleep(0.02)
with open(f"/shared/{name}.part", "w") as out:
    out.write(str(time.monotonic() - began))
os.rename(f"/shared/{name}.part", f"/shared/{name}.done")
time.sleep(100000)
"""


def until(what: Callable[[], Any]) -> bool:
    """Did it come true before patience ended?"""
    deadline = time.monotonic() + PATIENCE_S
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(what())


def started(client: docker.DockerClient, rate: int, name: str) -> Any:
    """A container with the guest's own Python in it."""
    limit = f"{LIMIT_MIB}m"
    seen = {"/usr": "/usr", "/usr/lib": "/lib", "/usr/lib64": "/lib64"}
    sizes = (FROM_MIB - INTERPRETER_MIB, TO_MIB - INTERPRETER_MIB)
    return client.containers.run(
        IMAGE, ["/usr/bin/python3", "-c", GROWER, str(rate), name, *map(str, sizes)],
        name=name, detach=True, network_mode="none", stop_signal="SIGKILL", labels=LABELS,
        mem_limit=limit, memswap_limit=limit,
        volumes={source: {"bind": target, "mode": "ro"} for source, target in seen.items()}
        | {str(SHARED): {"bind": "/shared", "mode": "rw"}},
    )  # fmt: skip


def grown(client: docker.DockerClient, rate: int, name: str) -> dict[str, Any]:
    """One container that grows by so many MiB a second, and what became of it."""
    SHARED.mkdir(exist_ok=True)
    done = SHARED / f"{name}.done"
    container = started(client, rate, name)
    try:
        container.reload()
        line = Path(f"/proc/{container.attrs['State']['Pid']}/cgroup").read_text().strip()
        cgroup = TREE / line.split("::", 1)[1].lstrip("/")
        ready = until((SHARED / f"{name}.ready").exists)
        # The growth begins under the airbag, as in a container that has been there for a while.
        bag = until(lambda: (cgroup / "memory.high").read_text().strip() != "max")
        (SHARED / f"{name}.go").touch()
        until(lambda: done.exists() or kills(cgroup) != 0)
        container.reload()
        return {
            "rate": rate, "ready": ready, "bag": bag, "kills": kills(cgroup),
            "seconds": float(done.read_text()) if done.exists() else None,
            "running": container.attrs["State"]["Running"],
            "limit": int((cgroup / "memory.max").read_text()) if cgroup.is_dir() else None,
            "use": int((cgroup / "memory.current").read_text()) if cgroup.is_dir() else None,
        }  # fmt: skip
    finally:
        container.remove(force=True)


def kills(cgroup: Path) -> int | None:
    """Of this container by the kernel; None where its cgroup is gone."""
    try:
        events = dict(line.split() for line in (cgroup / "memory.events").read_text().splitlines())
    except OSError:
        return None
    return int(events["oom_kill"])


def measure(client: docker.DockerClient, runs: int) -> None:
    """Each rate so many times, one container at a time."""
    found = []
    for number in range(runs):
        for rate in RATES:
            found.append(grown(client, rate, f"grows-{rate}-{number}"))
            (JOB / "growing.json").write_text(json.dumps(found))


def main(runs: int) -> None:
    client = docker.DockerClient(base_url=ADDRESS, timeout=120)
    client.api.import_image_from_data(busybox_tree(Path("/bin/busybox")), *IMAGE.split(":"))
    with (JOB / "agent.log").open("wb") as log:
        agent = subprocess.Popen([sys.executable, "-m", "cli.main", "agent"], stdout=log, stderr=log)
        try:
            measure(client, runs)
        finally:
            agent.terminate()
            agent.wait(60)
            client.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
