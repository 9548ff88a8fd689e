"""What the doctor says of hosts that lack something: small trees, each with its one line of remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from collector.capabilities import IO_COUNTED_BY, IO_UNCOUNTED
from collector.cgroupfs.hierarchy import find_hierarchy
from config.schema import HostSettings
from daemon import doctor, doctor_host
from daemon.check import Check
from tests.support.trees import HYBRID_HOST, PROC, V2_HOST, captured, host, v2_cgroup, v2_root

GRUB = "/etc/default/grub (GRUB_CMDLINE_LINUX, then update-grub)"
PI = "/boot/firmware/cmdline.txt"
CGROUPS = (
    "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t5\t1\nmemory\t0\t5\t{}\nblkio\t0\t5\t1\npids\t0\t5\t1\n"
)
V1 = {f"{tree}/{name}": text for tree in ("cpu", "memory", "blkio", "pids") for name, text in
      {"cgroup.procs": "1\n", "release_agent": "\n", "tasks": "1\n"}.items()}  # fmt: skip
ALL_GIVEN = {"cgroup.subtree_control": "cpu io memory pids\n"}


def checks(settings: HostSettings, capabilities: Mapping[str, str] = {}) -> dict[str, Check]:
    return {check.name: check for check in doctor.ground(settings, capabilities)}


def v2_host(folder: Path, cgroup: Mapping[str, str] = {}, proc: Mapping[str, str] = {}) -> HostSettings:
    tree = {**v2_root(), **ALL_GIVEN, **v2_cgroup("/docker/a", memory_peak="5\n"), "docker/a/cpu.max.burst": "0\n"}
    return host(folder, {**tree, **cgroup}, {**PROC, "sys/kernel/osrelease": "6.1.0-13-amd64\n", **proc})


def test_a_host_that_has_everything_gets_no_advice(tmp_path: Path) -> None:
    found = checks(v2_host(tmp_path), {"psi": "yes", "memory": "yes"})
    assert {check.state for check in found.values()} == {"ok"}
    assert [check.remedy for check in found.values() if check.remedy] == []
    assert found["controllers"].detail == "cpu, memory, io, pids"


@pytest.mark.parametrize("name", [HYBRID_HOST, V2_HOST])
def test_captured_hosts_have_their_controllers(tmp_path: Path, name: str) -> None:
    settings, _ = captured(tmp_path, name)
    assert "controllers" in checks(settings)


def test_a_raspberry_pi_without_the_memory_controller(tmp_path: Path) -> None:
    proc = {"cgroups": CGROUPS.format(0)}
    settings = v2_host(tmp_path, {"cgroup.controllers": "cpuset cpu io pids\n"}, proc)
    model = tmp_path / "sys/firmware/devicetree/base/model"
    model.parent.mkdir(parents=True)
    model.write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    found = checks(settings, {"memory": "the kernel offers no memory controller"})
    assert found["controller_memory"] == Check(
        "controller_memory", "warning", "the kernel was booted without the memory controller",
        f"add 'cgroup_enable=memory cgroup_memory=1' to the line in {PI} and reboot",
    )  # fmt: skip
    assert found["memory"].remedy == found["controller_memory"].remedy
    assert "controllers" not in found


@pytest.mark.parametrize(
    ("cgroup", "proc", "name", "detail", "remedy"),
    [
        (
            {"cgroup.subtree_control": "cpu io pids\n"}, {}, "controller_memory",
            "the root of the tree does not give memory on to its cgroups", "echo +memory > {}/cgroup.subtree_control",
        ),
        (
            {"cgroup.controllers": "cpu memory pids\n"}, {"cgroups": CGROUPS.format(1)}, "controller_io",
            "the kernel offers no io controller", f"add 'cgroup_enable=blkio' to the line in {GRUB} and reboot",
        ),
        (
            {"cgroup.controllers": "cpu memory io\n"}, {"cgroups": "memory 0 1 1\n"}, "controller_pids",
            "the kernel has no pids controller", "boot a kernel with CONFIG_CGROUP_PIDS",
        ),
    ],
)  # fmt: skip
def test_controllers_of_v2(
    tmp_path: Path, cgroup: dict[str, str], proc: dict[str, str], name: str, detail: str, remedy: str
) -> None:
    settings = v2_host(tmp_path, cgroup, proc)
    assert checks(settings)[name] == Check(name, "warning", detail, remedy.format(settings.cgroup))


def test_a_v1_controller_that_is_not_mounted(tmp_path: Path) -> None:
    settings = host(tmp_path, {k: v for k, v in V1.items() if not k.startswith("pids")}, PROC)
    assert checks(settings)["controller_pids"].remedy == (
        f"mkdir -p {settings.cgroup}/pids && mount -t cgroup -o pids pids {settings.cgroup}/pids"
    )


@pytest.mark.parametrize(
    ("release", "remedy"),
    [
        ("6.1.0-13-amd64\n", f"add 'psi=1' to the line in {GRUB} and reboot"),
        ("4.19.0\n", "boot kernel 4.20 or newer (this is 4.19)"),
        ("nonsense", f"add 'psi=1' to the line in {GRUB} and reboot"),
    ],
)
def test_no_pressure_information(tmp_path: Path, release: str, remedy: str) -> None:
    settings = v2_host(tmp_path, proc={"sys/kernel/osrelease": release})
    assert checks(settings, {"psi": "the kernel has no pressure information"})["psi"].remedy == remedy


def test_features_of_newer_kernels(tmp_path: Path) -> None:
    tree = {**v2_root(), **ALL_GIVEN, **v2_cgroup("/docker/a")}
    settings = host(tmp_path, tree, {**PROC, "sys/kernel/osrelease": "5.10.0-1\n"})
    found = checks(settings)
    assert found["memory_peak"] == Check(
        "memory_peak", "warning", "kernel 5.10 has no memory.peak: the highest value seen is shown",
        "boot kernel 5.19 or newer",
    )  # fmt: skip
    assert found["cpu_max_burst"].remedy == "boot kernel 5.14 or newer"


def test_where_no_cgroup_shows_a_feature_nothing_is_said_of_it(tmp_path: Path) -> None:
    found = checks(host(tmp_path, {**v2_root(), **ALL_GIVEN}, PROC))
    assert found["memory_peak"].state == "ok"
    assert "not to be told" in found["memory_peak"].detail


def test_memory_high_is_of_v2_alone() -> None:
    check = doctor.capability("memory_high", "cgroup v1 has no memory.high")
    assert (check.state, "cgroup v2" in check.remedy) == ("warning", True)


def test_a_tree_of_our_own_container_alone(tmp_path: Path) -> None:
    settings = v2_host(tmp_path, {"cgroup.events": "populated 1\n"})
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    (tmp_path / "proc/self/ns/cgroup").write_text("")
    hierarchy = find_hierarchy(settings)
    found = doctor_host.namespace(settings, hierarchy)
    assert (found.state, "--cgroupns=host" in found.remedy) == ("missing", True)
    (tmp_path / "cgroup/cgroup.events").unlink()
    assert doctor_host.namespace(settings, hierarchy).state == "ok"


def test_the_namespace_of_the_host(tmp_path: Path) -> None:
    settings = HostSettings(cgroup=str(tmp_path))
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    (tmp_path / "cgroup.procs").write_text("")
    assert doctor_host.is_top(find_hierarchy(settings))


def test_block_io_that_is_not_counted_has_a_remedy_that_counts_it() -> None:
    uncounted = doctor.capability("io", f"{IO_UNCOUNTED}: {IO_COUNTED_BY}")
    assert uncounted == Check("io", "warning", IO_UNCOUNTED, IO_COUNTED_BY)
    assert "mount the io" in doctor.capability("io", "the blkio controller is not mounted").remedy


@pytest.mark.parametrize(
    ("user", "status", "state", "remedy"),
    [
        (0, "CapEff:\t000001ffffffffff\n", "ok", ""),
        (0, "", "ok", ""),
        (0, "CapEff:\t00000000a80425fb\n", "warning", "--cap-add SYS_PTRACE"),
        (1000, "CapEff:\t0000000000000000\n", "warning", "in the group docker"),
        (1000, "CapEff:\t0000000000080004\n", "ok", ""),
        (1000, "CapEff:\tnonsense\n", "warning", "run the agent as root"),
    ],
)
def test_rights(user: int, status: str, state: str, remedy: str) -> None:
    check = doctor_host.rights(user, status)
    assert (check.state, remedy in check.remedy) == (state, True)


@pytest.mark.parametrize(("hard", "containers"), [(1024, "48"), (256, "0"), (-1, "4096"), (20_000, "1234")])
def test_how_many_containers_the_descriptors_do_for(hard: int, containers: str) -> None:
    assert doctor.held(hard) == containers


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6.1.0-13-amd64", (6, 1)), ("5.4.0", (5, 4)), ("6.18-rc1", (6, 18)), ("six", None), ("", None), ("6.x", None)],
)
def test_version(text: str, expected: tuple[int, int] | None) -> None:
    assert doctor_host.version(text) == expected
