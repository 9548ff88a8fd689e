"""Where the trees are, what the knobs are called, what this host lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import capabilities
from collector.cgroupfs import knobs
from collector.cgroupfs.hierarchy import Hierarchy, find_hierarchy, look_at_tree, parse_mountinfo, place
from collector.cgroupfs.knobs import Knob, knob_path
from config.schema import HostSettings
from model.errors import NotThere
from model.limits import UNLIMITED
from tests.support.trees import HYBRID_HOST, V2_HOST, captured, host, plant, v2_cgroup, v2_root

HYBRID_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
broken line
50 1 0:50 / /elsewhere/cgroup rw - cgroup cgroup rw,pids
"""
V1 = Hierarchy("v1", {"cpu": Path("/c/cpu"), "memory": Path("/c/memory"), "pids": Path("/c/pids")}, None)
V2 = Hierarchy("v2", {}, Path("/c"))
HYBRID = Hierarchy("hybrid", {"cpu": Path("/c/cpu")}, Path("/c/unified"))


def test_mountinfo_names_co_mounted_controllers() -> None:
    controllers, unified = place(parse_mountinfo(HYBRID_MOUNTS), Path("/host/cgroup"), "/sys/fs/cgroup")
    assert controllers == {
        "cpu": Path("/host/cgroup/cpu,cpuacct"),
        "cpuacct": Path("/host/cgroup/cpu,cpuacct"),
        "memory": Path("/host/cgroup/memory"),
    }
    assert unified == Path("/host/cgroup/unified")


def test_mountinfo_unescapes_and_knows_v2() -> None:
    (mount,) = parse_mountinfo(r"30 1 0:1 / /sys/fs/c\040group rw - cgroup2 none rw,nsdelegate")
    assert (mount.point, mount.version) == ("/sys/fs/c group", 2)
    assert place([mount], Path("/r"), "/sys/fs/c group") == ({}, Path("/r"))


@given(st.text())
def test_no_mountinfo_brings_it_down(text: str) -> None:
    assert isinstance(parse_mountinfo(text), tuple)


@pytest.mark.parametrize(("name", "mode", "primary"), [(HYBRID_HOST, "hybrid", "memory"), (V2_HOST, "v2", "unified")])
def test_a_tree_that_is_mounted_elsewhere(tmp_path: Path, name: str, mode: str, primary: str) -> None:
    _, hierarchy = captured(tmp_path, name)
    assert (hierarchy.mode, hierarchy.primary) == (mode, primary)
    folder = hierarchy.folder(primary, "/docker")
    assert folder is not None
    assert folder.is_dir()


def test_a_tree_found_by_the_mountinfo_of_the_host(tmp_path: Path) -> None:
    settings = host(tmp_path, {f"{c}/cgroup.procs": "" for c in ("cpu,cpuacct", "memory", "unified", "stray")})
    plant(tmp_path / "proc", {"1/mountinfo": HYBRID_MOUNTS})
    hierarchy = find_hierarchy(settings)
    assert hierarchy.mode == "hybrid"
    assert hierarchy.controllers["cpuacct"] == tmp_path / "cgroup/cpu,cpuacct"


def test_a_single_v1_tree(tmp_path: Path) -> None:
    plant(tmp_path, {"cpu,cpuacct/tasks": "", "memory/cgroup.procs": "", "notes/readme": ""})
    controllers, unified = look_at_tree(tmp_path)
    assert set(controllers) == {"cpu", "cpuacct", "memory"}
    assert unified is None


def test_no_tree_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match=r"host\.cgroup"):
        find_hierarchy(HostSettings(str(tmp_path / "proc"), "/sys", str(tmp_path / "nothing")))


@pytest.mark.parametrize(
    ("hierarchy", "knob", "path"),
    [
        (V1, Knob.CPU_QUOTA, "/c/cpu/a/b/cpu.cfs_quota_us"),
        (V1, Knob.MEMORY, "/c/memory/a/b/memory.limit_in_bytes"),
        (V1, Knob.SWAP, "/c/memory/a/b/memory.memsw.limit_in_bytes"),
        (V2, Knob.CPU_QUOTA, "/c/a/b/cpu.max"),
        (V2, Knob.MEMORY_HIGH, "/c/a/b/memory.high"),
        (HYBRID, Knob.CPU_WEIGHT, "/c/cpu/a/b/cpu.shares"),
        (HYBRID, Knob.MEMORY, "/c/unified/a/b/memory.max"),
    ],
)
def test_knob_path(hierarchy: Hierarchy, knob: Knob, path: str) -> None:
    assert knob_path(hierarchy, "/a/b", knob) == Path(path)


def test_knobs_that_are_not_there() -> None:
    with pytest.raises(NotThere, match=r"memory\.high"):
        knob_path(V1, "/a", Knob.MEMORY_HIGH)
    with pytest.raises(NotThere, match="memory"):
        knob_path(Hierarchy("v1", {"cpu": Path("/c")}, None), "/a", Knob.MEMORY)


@given(st.floats(0.001, 4096), st.integers(1000, 1_000_000))
def test_a_cpu_limit_reads_back_as_written(cores: float, period: int) -> None:
    quota, read_period = knobs.parse_cpu_max(knobs.format_cpu_max(cores, period).encode())
    assert read_period == period
    assert quota == knobs.parse_quota(knobs.format_quota(cores, period).encode())
    assert isinstance(quota, int)
    assert quota >= knobs.MIN_QUOTA_US
    assert quota == knobs.MIN_QUOTA_US or abs(quota / period - cores) <= 1 / period


def test_unlimited_reads_back() -> None:
    assert knobs.parse_cpu_max(knobs.format_cpu_max(UNLIMITED).encode()) == (UNLIMITED, 100_000)
    assert knobs.parse_quota(knobs.format_quota(UNLIMITED).encode()) is UNLIMITED
    assert knobs.format_bytes(UNLIMITED, v1=True) == "-1"
    assert knobs.parse_bytes_limit(knobs.format_bytes(UNLIMITED, v1=False).encode()) is UNLIMITED
    assert knobs.format_bytes(5, v1=True) == "5"


def test_weights() -> None:
    assert knobs.weight_of_shares(1024) == 100
    assert knobs.shares_of_weight(100) == 1024
    assert (knobs.weight_of_shares(2), knobs.weight_of_shares(262144)) == (1, 10000)
    for weight in (1, 2, 20, 39, 100, 5000, 10000):
        assert knobs.weight_of_shares(knobs.shares_of_weight(weight)) == weight
        shares = knobs.runtime_shares_of_weight(weight)
        assert 1 + (shares - 2) * 9999 // 262142 == weight


def test_capabilities_of_a_hybrid_host(tmp_path: Path) -> None:
    settings, hierarchy = captured(tmp_path, HYBRID_HOST)
    got = capabilities.of_kernel(hierarchy, settings.proc)
    assert {name for name, state in got.items() if state == "yes"} == {
        *("cpu", "memory", "io", "pids", "cpu_quota", "swap_limit", "psi")
    }
    assert "memory.high" in got["memory_high"]


def test_capabilities_of_a_v2_host(tmp_path: Path) -> None:
    settings, hierarchy = captured(tmp_path, V2_HOST)
    got = capabilities.of_kernel(hierarchy, settings.proc)
    assert got["memory_high"] == got["cpu_quota"] == got["swap_limit"] == got["psi"] == "yes"


def test_a_host_that_lacks_things_says_so(tmp_path: Path) -> None:
    settings = host(tmp_path, {**v2_root(), "cgroup.controllers": "cpu pids\n"}, {"loadavg": "0 0 0 1/2 3"})
    got = capabilities.of_kernel(find_hierarchy(settings), settings.proc)
    assert "cgroup_enable=memory" in got["memory"]
    assert "psi=1" in got["psi"]
    assert got["pids"] == "yes"
    assert got["cpu_quota"] != "yes"
    plant(tmp_path / "cgroup", v2_cgroup("/docker"))
    assert capabilities.of_kernel(find_hierarchy(settings), settings.proc)["cpu_quota"] == "yes"


@pytest.mark.parametrize(
    ("throttle", "bfq", "family"),
    [("8:0 Read 1\nTotal 1\n", "Total 0\n", "throttle"), ("Total 0\n", "8:0 Read 1\n", "bfq"), ("Total 0\n", "", None)],
)
def test_block_io_that_is_not_counted(tmp_path: Path, throttle: str, bfq: str, family: str | None) -> None:
    files = {"blkio/cgroup.procs": "", "memory/cgroup.procs": ""}
    files["blkio/blkio.throttle.io_service_bytes"] = throttle
    files["blkio/blkio.bfq.io_service_bytes"] = bfq
    settings = host(tmp_path, files)
    hierarchy = find_hierarchy(settings)
    assert capabilities.counting_family(hierarchy) == family
    assert (capabilities.of_kernel(hierarchy, settings.proc)["io"] == "yes") is (family is not None)


def test_a_cgroup_that_goes_while_capabilities_are_looked_for_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.pressure").touch()

    def gone(self: Path, pattern: str) -> Iterator[Path]:
        if "/" in pattern:
            raise FileNotFoundError(f"{self}/going")
        yield self / pattern

    monkeypatch.setattr(Path, "glob", gone)
    assert list(capabilities.samples(tmp_path, "cpu.pressure")) == [tmp_path / "cpu.pressure"]
