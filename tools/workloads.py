"""Demo workloads: one container (or cgroup made by hand) for each thing that wharfinger is there to see."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tools.servers.docker import DockerEngine
from tools.servers.process import Missing, find_binary

MIB = 1024 * 1024

SPIN = "while :; do :; done"
GROW = (
    'while :; do i=0; while [ $i -lt {steps} ]; do head -c {bytes} /dev/zero >>"$D/x"; i=$((i+1)); sleep 1; done; '
    'rm "$D/x"; done'
)
NOISE = (
    "while :; do timeout 20 sh -c 'while :; do :; done' & timeout 20 sh -c 'while :; do :; done'; wait; sleep 20; done"
)


@dataclass(frozen=True, slots=True)
class Workload:
    """``script`` runs in a shell whose ``$D`` is a folder in memory; limits as Docker's ``--cpus`` and ``-m``."""

    name: str
    script: str
    cpus: float | None = None
    memory_bytes: int | None = None
    labels: dict[str, str] = field(default_factory=dict)


WORKLOADS = (
    Workload("throttled", SPIN, cpus=0.2, labels={"wharfinger.limits": "auto", "wharfinger.cpu.max": "0.8"}),
    Workload(
        "growing",
        GROW.format(steps=50, bytes=5 * MIB),
        memory_bytes=64 * MIB,
        labels={"wharfinger.limits": "auto", "wharfinger.memory.max": "300m"},
    ),
    Workload("leaking", GROW.format(steps=100_000, bytes=MIB // 4), memory_bytes=512 * MIB),
    Workload("noisy", NOISE, cpus=1.5),
    Workload("idle", "while :; do sleep 3600; done", memory_bytes=64 * MIB),
)


class Stage(Protocol):
    """Where the workloads run."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class DockerStage:
    """Each workload is a real container of the compose project ``demo``."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._mark = engine.mark()

    def start(self) -> None:
        for work in WORKLOADS:
            project = {"com.docker.compose.project": "demo", "com.docker.compose.service": work.name}
            self._engine.run(
                ["sh", "-c", work.script],
                name=f"demo-{work.name}-{os.getpid()}",
                labels={"wharfinger.test": "demo", **project, **work.labels},
                environment={"D": "/dev/shm"},
                shm_size="512m",
                mem_limit=work.memory_bytes,
                nano_cpus=round(work.cpus * 1e9) if work.cpus else None,
            )

    def stop(self) -> None:
        self._engine.remove_after(self._mark)
        self._engine.close()


class CgroupStage:
    """Each workload is a shell in a cgroup of its own, made by hand: for hosts without Docker. Needs root.

    cgroup v1: one folder in each hierarchy; v2: one folder, controllers switched on above it.
    """

    def __init__(self, root: Path, parent: str = "wharfinger-demo") -> None:
        self._parent = f"{parent}-{os.getpid()}"
        self._v2 = (root / "cgroup.controllers").exists()
        self._tops = (
            [root] if self._v2 else [root / c for c in ("cpu", "cpuacct", "memory", "pids") if (root / c).is_dir()]
        )
        self._memory = Path("/dev/shm") / self._parent
        self._shells: list[subprocess.Popen[bytes]] = []
        if os.geteuid() != 0 or not self._tops:
            raise Missing("only root can make cgroups by hand, where a hierarchy is mounted")

    def start(self) -> None:
        for top in self._tops:
            (top / self._parent).mkdir()
            if self._v2:
                for folder in (top, top / self._parent):
                    (folder / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        for work in WORKLOADS:
            self._start(work)

    def _start(self, work: Workload) -> None:
        folders = [top / self._parent / work.name for top in self._tops]
        for folder in folders:
            folder.mkdir()
            if work.memory_bytes:
                self._write(folder, "memory.max" if self._v2 else "memory.limit_in_bytes", f"{work.memory_bytes}")
            if work.cpus:
                quota = round(work.cpus * 100_000)
                self._write(
                    folder, "cpu.max" if self._v2 else "cpu.cfs_quota_us", f"{quota} 100000" if self._v2 else f"{quota}"
                )
        here = self._memory / work.name
        here.mkdir(parents=True)
        # The shell moves itself in before it works: a child is born where its parent is.
        joined = "".join(f"echo $$ >{folder}/cgroup.procs; " for folder in folders)
        argv = [find_binary("sh", "dash"), "-c", joined + work.script]
        self._shells.append(subprocess.Popen(argv, env={**os.environ, "D": str(here)}, stdin=subprocess.DEVNULL))

    @staticmethod
    def _write(folder: Path, name: str, text: str) -> None:
        if (folder / name).exists():
            (folder / name).write_text(text)

    def folders(self) -> list[Path]:
        """The folders of the workloads, in every hierarchy."""
        return [folder for top in self._tops for folder in sorted((top / self._parent).glob("*/"))]

    def stop(self) -> None:
        """Kill everything in the cgroups that we made, then remove them."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            pids = {int(p) for f in self.folders() for p in (f / "cgroup.procs").read_text().split()}
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            for shell in self._shells:
                shell.poll()
            if not pids:
                break
            time.sleep(0.05)
        for shell in self._shells:
            shell.wait()
        for folder in [*self.folders(), *(top / self._parent for top in self._tops)]:
            folder.rmdir()
        shutil.rmtree(self._memory, ignore_errors=True)


class EmptyStage:
    """Neither Docker nor root: what already runs on the host has to do."""

    def start(self) -> None:
        print("no Docker engine and no root: no demo workloads, only what runs here anyway")

    def stop(self) -> None: ...


def choose_stage() -> Stage:
    """Docker where an engine answers, else cgroups made by hand, else nothing."""
    try:
        return DockerStage(DockerEngine.find_running())
    except Missing:
        pass
    try:
        return CgroupStage(Path("/sys/fs/cgroup"))
    except Missing:
        return EmptyStage()
