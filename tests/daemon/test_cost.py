"""What we cost, and what the machine is: read from a made-up /proc, and from the real one."""

from __future__ import annotations

import os
from pathlib import Path

from config.schema import HostSettings
from daemon.cost import TICKS, Cost, find, in_all, numbers_of, request_numbers, usage_of, with_requests
from daemon.machine import cpu_gauges, look, swap_gauge

CPUINFO = "".join(f"processor\t: {cpu}\nphysical id\t: {cpu // 4}\ncore id\t\t: {cpu % 4 // 2}\n\n" for cpu in range(8))


def process(proc: Path, pid: int, name: str, ticks: int, pages: int = 10, pss_kb: int | None = None) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comm").write_text(f"{name}\n")
    fields = ["S", *["0"] * 10, str(ticks), "0", *["0"] * 8, str(pages), "0"]
    (folder / "stat").write_text(f"{pid} (a) b) {' '.join(fields)}\n")
    if pss_kb is not None:
        (folder / "smaps_rollup").write_text(f"Rss: 99 kB\nPss: {pss_kb} kB\n")


def test_usage_is_the_sum_of_those_that_are_there(tmp_path: Path) -> None:
    process(tmp_path, 7, "dockerd", 100)
    process(tmp_path, 8, "dockerd", 50, pss_kb=4)
    used = usage_of(str(tmp_path), (7, 8, 9), pss=True)
    assert used is not None
    assert used.cpu_s == 150 / TICKS
    assert used.memory_bytes == 10 * os.sysconf("SC_PAGE_SIZE") + 4096
    assert usage_of(str(tmp_path), (9,), pss=False) is None


def test_processes_are_found_by_name(tmp_path: Path) -> None:
    process(tmp_path, 7, "dockerd", 1)
    process(tmp_path, 8, "containerd-shim", 1)
    process(tmp_path, 9, "dockerd", 1)
    (tmp_path / "self").mkdir()
    (tmp_path / "10").mkdir()
    found = find(str(tmp_path), frozenset({"dockerd", "containerd"}))
    assert {name: sorted(pids) for name, pids in found.items()} == {"dockerd": [7, 9]}
    assert find(str(tmp_path / "nothing"), frozenset({"dockerd"})) == {}


def test_a_share_is_that_of_the_time_between_two_looks(tmp_path: Path) -> None:
    process(tmp_path, 7, "dockerd", 100)
    cost = Cost("agent", str(tmp_path))
    cost.job(10_000)
    said = cost.said()
    assert said["dockerd"] == {"cpu_seconds": 100 / TICKS, "cpu_cores": None, "memory_bytes": 40_960}
    assert said["agent"]["memory_bytes"] is not None
    assert said["agent"]["memory_bytes"] > 1_000_000
    process(tmp_path, 7, "dockerd", 100 + TICKS)
    cost.job(20_000)
    assert cost.said()["dockerd"]["cpu_cores"] == 0.1
    process(tmp_path, 7, "dockerd", 5)
    cost.job(30_000)
    assert cost.said()["dockerd"]["cpu_cores"] is None, "another process took its place: no rate across"


def test_the_web_process_looks_at_itself_alone(tmp_path: Path) -> None:
    process(tmp_path, 7, "dockerd", 100)
    cost = Cost("web", str(tmp_path), others=False)
    cost.job(1000)
    assert set(cost.said()) == {"web"}


def test_numbers_have_prometheus_names() -> None:
    said = {
        "agent": {"cpu_seconds": 1.5, "cpu_cores": None, "memory_bytes": 7},
        "dockerd": {"cpu_seconds": 2.0, "cpu_cores": 0.1, "memory_bytes": 9},
    }
    assert numbers_of(said) == {
        'wharfinger_own_cpu_seconds_total{process="agent"}': 1.5,
        'wharfinger_own_memory_bytes{process="agent"}': 7.0,
        'wharfinger_runtime_cpu_seconds_total{process="dockerd"}': 2.0,
        'wharfinger_runtime_memory_bytes{process="dockerd"}': 9.0,
    }


def test_what_was_asked_of_the_runtimes_has_names() -> None:
    assert request_numbers({"docker": (12, 0.5)}) == {
        'wharfinger_runtime_requests_total{runtime="docker"}': 12.0,
        'wharfinger_runtime_request_seconds_total{runtime="docker"}': 0.5,
    }


def test_discovery_and_the_limits_ask_the_same_daemon() -> None:
    asked = in_all(lambda: {"docker": (12, 0.5), "crio": (1, 0.1)}, lambda: {"docker": (2, 0.25), "podman": (0, 0)})
    assert asked() == {"docker": (14, 0.75), "crio": (1, 0.1), "podman": (0, 0.0)}


def test_what_was_asked_stands_at_the_runtimes_daemon(tmp_path: Path) -> None:
    process(tmp_path, 7, "dockerd", 100)
    cost = Cost("agent", str(tmp_path), asked=lambda: {"docker": (12, 0.5), "podman": (3, 0.25), "containerd": (0, 0)})
    cost.job(10_000)
    said = cost.said()
    assert (said["dockerd"]["requests"], said["dockerd"]["request_seconds"]) == (12.0, 0.5)
    assert said["dockerd"]["memory_bytes"] == 40_960
    assert said["podman"]["requests"] == 3.0, "it answers, though its process is not to be found"
    assert said["podman"]["memory_bytes"] is None
    assert "containerd" not in said
    assert "requests" not in said["agent"]
    numbers = cost.numbers()
    assert numbers['wharfinger_runtime_requests_total{runtime="docker"}'] == 12.0
    assert 'wharfinger_runtime_memory_bytes{process="podman"}' not in numbers
    before = {"dockerd": {"cpu_seconds": 1.0}}
    with_requests(before, {"docker": (1, 1.0)})
    assert before == {"dockerd": {"cpu_seconds": 1.0}}


def test_cores_and_sockets() -> None:
    assert cpu_gauges(CPUINFO) == {"machine_cpu_physical_cores": 4.0, "machine_cpu_sockets": 2.0}
    assert cpu_gauges("processor : 0\nBogoMIPS : 1\n") == {}
    assert swap_gauge("MemTotal: 5 kB\nSwapTotal:    2 kB\n") == {"machine_swap_bytes": 2048.0}
    assert swap_gauge("SwapTotal: \n") == {}


def test_the_machine_is_read_through_the_hosts_own_places(tmp_path: Path) -> None:
    for name, text in {
        "proc/1/root/etc/machine-id": "abc\n",
        "proc/sys/kernel/random/boot_id": "b-1\n",
        "proc/cpuinfo": CPUINFO,
        "sys/class/dmi/id/product_uuid": "U-1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    machine = look(HostSettings(proc=str(tmp_path / "proc"), sys=str(tmp_path / "sys")))
    assert machine.identity == {"machine_id": "abc", "system_uuid": "U-1", "boot_id": "b-1"}
    assert machine.gauges == {"machine_cpu_physical_cores": 4.0, "machine_cpu_sockets": 2.0}
    bare = look(HostSettings(proc=str(tmp_path / "none"), sys=str(tmp_path / "none")))
    assert bare.identity["boot_id"] == ""
    assert bare.gauges == {}
