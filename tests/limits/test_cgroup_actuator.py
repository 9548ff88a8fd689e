"""The only code that writes under a cgroup mount: what it writes, and where it refuses to go."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from config.schema import HostSettings
from limits.actuator.base import ActuatorAway
from limits.actuator.cgroupfs import CgroupActuator, stat_of, translated
from limits.own import ids_in, own_ids
from limits.sizes import MIB
from model.errors import Malformed, NotThere, Refused
from model.limits import UNLIMITED

BOX = "/docker/" + "a" * 64
V1 = {
    "cpu": {"cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "100000", "cpu.shares": "1024"},
    "memory": {
        "memory.limit_in_bytes": str(64 * MIB),
        "memory.memsw.limit_in_bytes": str(128 * MIB),
        "memory.usage_in_bytes": str(50 * MIB),
        "memory.stat": f"cache 1\nrss 5\ntotal_rss {30 * MIB}\ntotal_shmem {4 * MIB}\ntotal_inactive_file {12 * MIB}\n",
    },
}
V2 = {
    "cpu.max": "20000 100000",
    "cpu.weight": "100",
    "memory.max": str(64 * MIB),
    "memory.swap.max": "max",
    "memory.current": str(50 * MIB),
    "memory.stat": f"anon {30 * MIB}\nshmem {MIB}\nkernel {2 * MIB}\ninactive_file {12 * MIB}\n",
}


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    for controller, files in V1.items():
        folder = tmp_path / controller
        (folder / BOX.strip("/")).mkdir(parents=True)
        (folder / "cgroup.procs").write_text("")
        for name, text in files.items():
            (folder / BOX.strip("/") / name).write_text(text + "\n")
    return tmp_path


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    box = tmp_path / BOX.strip("/")
    box.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "cgroup.procs").write_text("")
    for name, text in V2.items():
        (box / name).write_text(text + "\n")
    return tmp_path


def door(root: Path) -> CgroupActuator:
    return CgroupActuator(HostSettings(proc=str(root / "proc"), cgroup=str(root)))


def text(root: Path, *names: str) -> str:
    return root.joinpath(*names).read_text().split("\n")[0]


def test_v1_reads_and_writes(v1: Path) -> None:
    kernel = door(v1)
    limits = kernel.read(BOX)
    assert (limits.cpu_cores, limits.cpu_weight, limits.memory_bytes, limits.memory_swap_bytes) == (
        0.2, 100, 64 * MIB, 64 * MIB,
    )  # fmt: skip
    assert not kernel.v2_memory()
    assert kernel.memory_use(BOX).working_set == 38 * MIB
    assert kernel.memory_use(BOX).unreclaimable == 34 * MIB
    kernel.write_cpu(BOX, 0.5)
    kernel.raise_memory(BOX, 100 * MIB)
    memory, box = v1 / "memory", BOX.strip("/")
    assert text(v1 / "cpu", box, "cpu.cfs_quota_us").startswith("50000")
    assert text(memory, box, "memory.memsw.limit_in_bytes").startswith(str(164 * MIB))
    assert text(memory, box, "memory.limit_in_bytes").startswith(str(100 * MIB))


def test_v1_without_swap_accounting(v1: Path) -> None:
    (v1 / "memory" / BOX.strip("/") / "memory.memsw.limit_in_bytes").unlink()
    kernel = door(v1)
    kernel.raise_memory(BOX, 100 * MIB)
    assert kernel.read(BOX).memory_swap_bytes is None


def test_v2_reads_and_writes(v2: Path) -> None:
    kernel = door(v2)
    limits = kernel.read(BOX)
    assert (limits.cpu_cores, limits.memory_bytes, limits.memory_swap_bytes) == (0.2, 64 * MIB, UNLIMITED)
    assert kernel.v2_memory()
    assert kernel.memory_use(BOX).in_use == 38 * MIB
    kernel.write_cpu(BOX, 1.25)
    kernel.raise_memory(BOX, 100 * MIB)
    assert text(v2, BOX.strip("/"), "cpu.max").startswith("125000 100000")
    assert text(v2, BOX.strip("/"), "memory.max").startswith(str(100 * MIB))


def test_memory_is_never_lowered_here(v2: Path) -> None:
    with pytest.raises(Refused, match="lowered through the runtime only"):
        door(v2).raise_memory(BOX, 32 * MIB)
    (v2 / BOX.strip("/") / "memory.max").write_text("max\n")
    with pytest.raises(Refused, match="lowered through the runtime only"):
        door(v2).raise_memory(BOX, 32 * MIB)


@pytest.mark.parametrize("path", ["/", "", "/docker/../..", "/..", "//", "/docker/./x", "/docker/\0"])
def test_paths_that_are_no_containers_cgroup(v2: Path, path: str) -> None:
    with pytest.raises(Refused, match="is not the path of a container's cgroup"):
        door(v2).write_cpu(path, 1.0)


def test_symbolic_links_are_not_followed(v2: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "cpu.max").write_text("20000 100000\n")
    (v2 / "docker" / "link").symlink_to(outside)
    with pytest.raises(Refused, match="leads over a link"):
        door(v2).write_cpu("/docker/link", 1.0)
    target = v2 / BOX.strip("/") / "cpu.max"
    target.unlink()
    target.symlink_to(outside / "cpu.max")
    with pytest.raises(Refused):
        door(v2).write_cpu(BOX, 1.0)
    assert (outside / "cpu.max").read_text() == "20000 100000\n"


def test_what_is_gone_and_what_is_not_there(v2: Path) -> None:
    kernel = door(v2)
    with pytest.raises(NotThere, match="is gone"):
        kernel.read("/docker/none")
    for name in ("memory.max", "memory.current", "cpu.max"):
        (v2 / BOX.strip("/") / name).unlink()
    assert kernel.read(BOX).memory_bytes is None
    assert kernel.read(BOX).cpu_cores is None
    assert kernel.memory_use(BOX) is None
    with pytest.raises(ActuatorAway, match="no CPU quota"):
        kernel.write_cpu(BOX, 1.0)
    with pytest.raises(ActuatorAway, match="no memory limit"):
        kernel.raise_memory(BOX, 100 * MIB)


def test_no_cgroup_tree_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="no cgroup tree"):
        door(tmp_path).read(BOX)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, ActuatorAway, "mount the cgroup tree writable, run as root"),
        (errno.EROFS, ActuatorAway, "mount the cgroup tree writable, run as root"),
        (errno.ENODEV, NotThere, "is gone"),
        (errno.EBUSY, Refused, "the kernel refused '/docker/x' memory.max"),
    ],
)
def test_what_the_kernels_answers_mean(number: int, kind: type[Exception], words: str) -> None:
    fault = translated(OSError(number, os.strerror(number)), "/docker/x", "memory.max")
    assert isinstance(fault, kind)
    assert words in str(fault)


@pytest.mark.parametrize("broken", [b"anon", b"anon x", b"anon 1 2"])
def test_torn_texts(broken: bytes) -> None:
    with pytest.raises(Malformed, match=r"memory\.stat"):
        stat_of(broken)


def test_garbage_in_a_limit_file(v2: Path) -> None:
    (v2 / BOX.strip("/") / "cpu.max").write_text("lots\n")
    with pytest.raises(Malformed):
        door(v2).read(BOX)


def test_our_own_container(tmp_path: Path) -> None:
    one, two = "b" * 64, "c" * 64
    (tmp_path / "cgroup").write_text(f"0::/docker/{one}\n")
    (tmp_path / "mountinfo").write_text(
        f"1 2 0:1 /var/lib/docker/containers/{two}/hostname /etc/hostname rw - ext4 x rw\n"
        f"1 2 0:1 /containers/{'d' * 64}/other /data rw - ext4 x rw\n"
    )
    assert own_ids(tmp_path) == (one, two)
    assert own_ids(tmp_path / "none") == ()
    assert ids_in("e" * 65) == ()
