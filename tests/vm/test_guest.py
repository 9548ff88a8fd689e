"""On cgroup v2 with Docker, in the guest: reader, doctor, limits through Docker and straight into the kernel.

One boot with systemd and Docker's systemd driver, as Debian has it, and one with the cgroupfs driver for memory that
grows faster than a look a second can follow, while the whole agent watches. ``VM=all`` (``make vm``) does both with
both drivers, and ``VM_KEEP=folder`` keeps what the guest captured of its own tree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.missing import missing
from tests.vm.guest import Guest
from tools.servers.process import Missing

ALL = os.environ.get("VM") == "all"
DRIVERS = ("systemd", "cgroupfs") if ALL else ("systemd",)
COMMAND = "export PYTHONPATH=/src:/src/build/vm/site; python3 -m tests.vm.inside && exec python3 -m tests.vm.units"
PARENTS = {"systemd": "/system.slice/docker-{}.scope", "cgroupfs": "/docker/{}"}
MIB = 1 << 20

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def seen(driver: str) -> Iterator[dict[str, Any]]:
    """What :mod:`tests.vm.inside` found in one boot."""
    try:
        guest = Guest(systemd=driver == "systemd")
    except Missing as reason:
        missing(reason)
    try:
        done = guest.run(COMMAND)
        assert done.code == 0, f"{done.output[-3000:]}\n{guest.console()[-1000:]}"
        result: dict[str, Any] = json.loads((done.folder / "result.json").read_text())
        result["units"] = json.loads((done.folder / "units.json").read_text())
        result["archive"] = (done.folder / "host.txt").read_text()
        yield result
    finally:
        keep = os.environ.get("VM_KEEP")
        guest.close(Path(keep) / driver if keep else None)


def test_it_is_the_host_that_it_is_meant_to_be(seen: dict[str, Any], driver: str) -> None:
    assert seen["docker"] == {"version": "2", "driver": driver}
    assert seen["cgroup"] == "v2"
    assert seen["gaps"] == []
    lacks = {name: why for name, why in seen["capabilities"].items() if why != "yes"}
    assert set(lacks) <= {"network_of_host"}, lacks
    assert {"memory_high", "psi", "swap_limit", "docker", "network"} <= set(seen["capabilities"])


def test_containers_have_their_names_and_their_place(seen: dict[str, Any], driver: str) -> None:
    busy, quiet = seen["busy"], seen["quiet"]
    assert (busy["name"], busy["group"], busy["runtime"]) == ("busy", "yard", "docker")
    assert (quiet["name"], quiet["group"]) == ("quiet", None)
    container = busy["id"]
    assert busy["cgroup"] == PARENTS[driver].format(container)
    assert (busy["cpu_cores"], busy["memory_bytes"]) == (0.2, 64 * MIB)
    assert (quiet["cpu_cores"], quiet["memory_bytes"]) == ("unlimited", "unlimited")
    assert seen["after_kill"] == sorted({"quiet", *seen["services"]})


def test_the_figures_of_a_throttled_container(seen: dict[str, Any]) -> None:
    values = seen["busy"]["metrics"]
    assert 0.02 < values["cpu_usage_cores"] < 0.5
    assert values["cpu_throttled_periods_ratio"] > 0.1
    assert values["cpu_throttled_seconds_per_second"] > 0
    assert values["cpu_pressure_some_ratio"] > 0
    assert values["memory_peak_bytes"] >= values["memory_usage_bytes"]
    assert values["memory_limit_bytes"] == 64 * MIB
    for name in (
        "memory_refaults_per_second",
        "memory_oom_kills",
        "memory_high_events_per_second",
        "io_pressure_some_ratio",
    ):
        assert name in values
    assert values["pids"] >= 1


def test_memory_is_dockers_figure_to_the_byte(seen: dict[str, Any]) -> None:
    assert seen["quiet"]["metrics"]["memory_inactive_file_bytes"] > MIB, "so that it makes a difference"
    assert seen["quiet_reading"] == seen["stats"] > 0


def test_services_are_watched_where_they_are_asked_for(seen: dict[str, Any], driver: str) -> None:
    assert seen["services"] == (["dbus"] if driver == "systemd" else [])


def test_a_limit_set_by_hand_goes_through_docker_and_comes_back_by_undo(seen: dict[str, Any]) -> None:
    before = {"cpu.max": "20000 100000", "memory.max": str(64 * MIB), "memory.swap.max": str(64 * MIB)}
    assert seen["before"] == before
    assert seen["set"]["status"] == "applied"
    assert (seen["set"]["cpu.max"], seen["set"]["memory.max"]) == ("50000 100000", str(96 * MIB))
    assert seen["refused"]["status"] == "refused"
    assert seen["refused"]["memory.max"] == str(96 * MIB), "what is refused changes nothing"
    assert seen["undone"].pop("statuses")
    assert seen["undone"] == before


def test_a_limit_written_straight_into_the_kernel(seen: dict[str, Any]) -> None:
    assert (seen["direct"]["cpu.max"], seen["direct"]["memory.max"]) == ("70000 100000", str(80 * MIB))
    assert seen["direct"]["cpu_cores"] == 0.7
    assert (seen["read_back"]["cpu_cores"], seen["read_back"]["memory_bytes"]) == (0.7, 80 * MIB)


def test_the_doctor_finds_a_host_that_has_everything(seen: dict[str, Any]) -> None:
    assert seen["doctor"]["ok"]
    checks = seen["doctor"]["checks"]
    for name in ("cgroup", "containers", "controllers", "memory_peak", "cpu_max_burst", "cgroup_namespace", "rights"):
        assert checks[name][0] == "ok", checks[name]
    assert checks["cgroup_writable"][0] == "ok"


def test_the_tree_can_be_captured(seen: dict[str, Any]) -> None:
    place = seen["busy"]["cgroup"].strip("/")
    for name in ("cpu.stat", "memory.stat", "memory.peak", "io.stat", "cpu.pressure", "memory.events"):
        assert f"=== {place}/{name}\n" in seen["archive"]
    assert "=== cgroup.controllers\n" in seen["archive"]


def test_the_units_run_under_systemd(seen: dict[str, Any], driver: str) -> None:
    units = seen["units"]
    if driver != "systemd":
        assert units == {}
        return
    agent, web = "wharfinger-agent", "wharfinger-web"
    assert units["ready"], units["journal"][-3000:]
    states = {part["name"]: part["state"] for part in units["ready"]["parts"]}
    assert (states["agent"], states["store"], states["docker"]) == ("ok", "ok", "ok"), states
    assert states["tick"] in ("ok", "degraded"), "an emulated processor may be too slow for a tick, and then says so"
    assert [units["started"][unit]["ActiveState"] for unit in (agent, web)] == ["active", "active"]
    assert units["processes"][agent]["uid"] == "0"
    assert units["processes"][web]["uid"] == units["web_uid"] != "0"
    assert int(units["processes"][web]["capabilities"], 16) == 0
    assert {process["seccomp"] for process in units["processes"].values()} == {"2"}
    assert "CHECK" in units["journal"], "the doctor spoke before the start"


def test_a_killed_agent_is_started_again_and_what_it_left_is_looked_for(seen: dict[str, Any], driver: str) -> None:
    if driver != "systemd":
        return
    units = seen["units"]
    assert (units["after_kill"]["ActiveState"], units["after_kill"]["NRestarts"]) == ("active", "1")
    assert "nothing is left behind" in units["journal"]
    assert {unit["Result"] for unit in units["stopped"].values()} == {"success"}, units["journal"][-3000:]
    assert "Permission denied" not in units["journal"]
