"""Real containers that Docker does not run: Podman's through its own API, and a cgroup without any API."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from collector.cgroupfs.hierarchy import find_hierarchy
from config.schema import HostSettings
from limits.actuator.podman import PodmanActuator
from limits.sizes import MIB
from model.change import ChangeStatus, LimitRequest
from model.errors import NotThere, Refused
from tests.limits.quay import Quay, now_ms
from tests.support.wait import wait_until
from tools.servers.podman import Podman

PARENT = "/default"
"""What containerd's own client calls the folder of its containers."""
BUSY = "while :; do :; done"


def wish(key: str, **limits: float | int) -> LimitRequest:
    return LimitRequest(key, "manual", "a test", "ann", **limits)  # type: ignore[arg-type]


@pytest.mark.docker
def test_podmans_container_by_hand_over_a_restart_and_back(podman: Podman, tmp_path: Path) -> None:
    quay = Quay(tmp_path, "off", podman=podman.address)
    limits = ("--memory", "64m", "--memory-swap", "128m", "--cpus", "0.5")
    key = podman.run("sleep", "1000", options=limits)
    quay.watched.add(key)
    quay.start()
    try:
        cgroup = f"/libpod_parent/libpod-{key}"
        wait_until(lambda: key in quay.controller.policies(), 20, "the container")
        made = quay.controller.set(wish(key, cpu_cores=0.8, memory_bytes=96 * MIB, cpu_weight=200), now_ms())
        assert made.status is ChangeStatus.APPLIED
        found = quay.kernel.read(cgroup)
        assert (found.cpu_cores, found.memory_bytes, found.memory_swap_bytes) == (0.8, 96 * MIB, 64 * MIB)
        assert found.cpu_weight == 200
        podman.restart(key)
        wait_until(lambda: quay.kernel.read(cgroup).cpu_cores == 0.8, 20, "its quota again")
        wait_until(lambda: quay.kernel.read(cgroup).memory_bytes == 96 * MIB, 20, "its memory again")
        assert [row.rule for row in quay.settled(key)] == ["manual", "reassert", "reassert"]
        quay.controller.undo("ann", now_ms(), container_id=key)
        found = quay.kernel.read(cgroup)
        assert (found.cpu_cores, found.memory_bytes, found.memory_swap_bytes) == (0.5, 64 * MIB, 64 * MIB)
    finally:
        quay.close()
        podman.remove(key)


@pytest.mark.docker
def test_podmans_answers(podman: Podman) -> None:
    door = PodmanActuator(podman.address)
    try:
        with pytest.raises(NotThere, match="Podman knows no container"):
            door.update("f" * 64, {"CpuQuota": 50_000})
        key = podman.run("sleep", "1000", options=("--cpus", "0.5"))
        with pytest.raises(Refused):
            door.update(key, {"CpuQuota": 1, "CpuPeriod": 100_000})
        assert door.inspect(key).state == "running"
        podman.remove(key)
    finally:
        door.close()


@pytest.fixture
def box() -> Iterator[str]:
    """A container of nobody's: a cgroup under a name of containerd's, at 0.2 cores and 64 MiB, that wants a core."""
    trees = find_hierarchy(HostSettings())
    names = ("cpu", "cpuacct", "memory")
    if os.geteuid() != 0 or not all(name in trees.controllers for name in names):
        pytest.skip("cgroup v1 and root are needed")
    key = f"wharfinger-test-{os.getpid()}"
    folders = [Path(str(root)) / PARENT.strip("/") / key for root in dict.fromkeys(trees.root(name) for name in names)]
    busy = subprocess.Popen(["sh", "-c", BUSY])
    try:
        for folder in folders:
            folder.mkdir(parents=True)
        (folders[0] / "cpu.cfs_quota_us").write_text("20000")
        (folders[-1] / "memory.limit_in_bytes").write_text(str(64 * MIB))
        for folder in folders:
            (folder / "cgroup.procs").write_text(str(busy.pid))
        yield key
    finally:
        busy.kill()
        busy.wait()
        for folder in folders:
            wait_until(lambda folder=folder: not (folder / "cgroup.procs").read_text(), 10, "its end")  # type: ignore[misc]
            folder.rmdir()
            with suppress(OSError):  # others' containers are below it
                folder.parent.rmdir()


def test_a_cgroup_without_an_api_is_fed_and_undone_and_what_the_host_lost_comes_back(box: str, tmp_path: Path) -> None:
    quay = Quay(tmp_path, "off", mode="auto")
    quay.watched.add(box)
    quay.start()
    try:
        cgroup = f"{PARENT}/{box}"

        def cores() -> float:
            return float(quay.kernel.read(cgroup).cpu_cores)  # type: ignore[arg-type]

        wait_until(lambda: cores() >= 0.4, 30, "a raise")
        assert {row.rule for row in quay.settled(box)} == {"cpu_law"}
        assert quay.changes(box, ChangeStatus.FAILED) == []
        quay.controller.set(wish(box, cpu_cores=0.9), now_ms())
        quay.kernel.write_cpu(cgroup, 0.2)  # as systemd does to a unit of its own when it is reloaded
        wait_until(lambda: cores() == 0.9, 30, "its quota again")
        assert quay.settled(box)[-1].rule == "reassert"
        quay.controller.undo("ann", now_ms(), container_id=box)
        assert cores() == 0.2
    finally:
        quay.close()
