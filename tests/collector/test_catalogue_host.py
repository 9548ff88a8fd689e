"""Every metric of the host, against the same formula worked out here from the raw texts alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from collector.discovery.describe import Description
from model.metrics import HOST_METRICS, base_name
from tests.collector.test_catalogue import SECONDS, two_ticks
from tests.support.trees import CONTROLLERS_V2, PROC, v2_cgroup

COUNTERS = ("stat", "vmstat", "diskstats", "pressure/cpu", "pressure/memory", "pressure/io", "1/net/dev")


def later(name: str, text: str) -> str:
    """Every number of every counter goes up, each line and column by another step."""
    if name not in COUNTERS:
        return text
    first = 3 if name == "diskstats" else 1

    def word_later(line: int, column: int, word: str) -> str:
        if column < first or "." in word:
            return word
        return re.sub(r"\d+$", lambda found: str(int(found[0]) + 50 + line + 3 * column), word)

    lines = [
        " ".join(word_later(number, i, word) for i, word in enumerate(line.split()))
        for number, line in enumerate(text.splitlines())
    ]
    return "\n".join(lines) + "\n"


def of_host(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, float]:
    """proc(5), Documentation/admin-guide/iostats.rst, Documentation/accounting/psi.rst."""

    def keyed(name: str, key: str, texts: Mapping[str, str] = after) -> int:
        return next(int(line.split()[1]) for line in texts[name].splitlines() if line.split()[0].strip(":") == key)

    def growth(name: str, key: str) -> int:
        return keyed(name, key) - keyed(name, key, before)

    def grew(name: str, line: int, skip: int) -> list[int]:
        """How much each number of a line grew."""
        was, now = ([int(word) for word in texts[name].splitlines()[line].split()[skip:]] for texts in (before, after))
        return [b - a for a, b in zip(was, now, strict=True)]

    def stall(what: str, line: int) -> float:
        was, now = (int(texts[f"pressure/{what}"].splitlines()[line].rpartition("=")[2]) for texts in (before, after))
        return (now - was) / 1e6 / SECONDS

    user, nice, system, idle, waiting, irq, softirq, steal = (ticks / 100 for ticks in grew("stat", 0, 1)[:8])
    everything = user + nice + system + irq + softirq + idle + waiting + steal
    disk = [count / SECONDS for count in grew("diskstats", 0, 3)]
    net = [count / SECONDS for count in grew("1/net/dev", 3, 1)]
    kib = {key: keyed("meminfo", key) * 1024 for key in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")}
    used, swapped = kib["MemTotal"] - kib["MemAvailable"], kib["SwapTotal"] - kib["SwapFree"]
    return {
        "cpu_usage_cores": (user + nice + system + irq + softirq) / SECONDS,
        "cpu_user_cores": (user + nice) / SECONDS,
        "cpu_system_cores": (system + irq + softirq) / SECONDS,
        "cpu_pressure_some_ratio": stall("cpu", 0),
        "memory_pressure_some_ratio": stall("memory", 0),
        "memory_pressure_full_ratio": stall("memory", 1),
        "io_pressure_some_ratio": stall("io", 0),
        "io_pressure_full_ratio": stall("io", 1),
        "memory_usage_bytes": used,
        "memory_working_set_bytes": used,
        "memory_swap_bytes": swapped,
        "memory_page_faults_per_second": growth("vmstat", "pgfault") / SECONDS,
        "memory_major_faults_per_second": growth("vmstat", "pgmajfault") / SECONDS,
        "memory_oom_kills": growth("vmstat", "oom_kill"),
        "io_read_operations_per_second": disk[0],
        "io_read_bytes_per_second": disk[2] * 512,
        "io_write_operations_per_second": disk[4],
        "io_write_bytes_per_second": disk[6] * 512,
        "network_receive_bytes_per_second": net[0],
        "network_receive_packets_per_second": net[1],
        "network_receive_drops_per_second": net[3],
        "network_transmit_bytes_per_second": net[8],
        "network_transmit_packets_per_second": net[9],
        "network_transmit_drops_per_second": net[11],
        "network_errors_per_second": net[2] + net[10],
        "pids": 123,
        "host_cpu_count": os.cpu_count() or 0,
        "host_load_1m": 0.5,
        "host_cpu_steal_ratio": steal / everything,
        "host_cpu_iowait_ratio": waiting / everything,
        "host_memory_total_bytes": kib["MemTotal"],
        "host_memory_available_bytes": kib["MemAvailable"],
        "host_swap_used_bytes": swapped,
    }


def test_every_metric_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    after = {name: later(name, text) for name, text in PROC.items()}
    known = Description("docker", "a" * 64, "web")
    tree = {"cgroup.controllers": CONTROLLERS_V2, "cgroup.procs": "1\n", **v2_cgroup(f"/docker/{known.id}")}
    _, values, _ = two_ticks(tmp_path, tree, (PROC, after), known, monkeypatch)
    of_mounts = ("host_disk_used_ratio", "host_disk_inodes_used_ratio")
    disks = {name: value for name, value in values.items() if base_name(name) in of_mounts}
    expected = of_host(PROC, after)
    assert {name: value for name, value in values.items() if name not in disks} == pytest.approx(expected, rel=1e-9)
    assert all(value > 0 for value in expected.values()), "a formula that gives 0 proves little"
    space = os.statvfs("/")
    taken = space.f_blocks - space.f_bfree
    assert disks.pop("host_disk_used_ratio{/}") == pytest.approx(taken / (taken + space.f_bavail), abs=0.05)
    nodes = space.f_files - space.f_ffree
    inodes = {"host_disk_inodes_used_ratio{/}": pytest.approx(nodes / (nodes + space.f_favail), abs=0.05)}
    assert disks == (inodes if space.f_files else {})
    # of a whole system the kernel shows zeroes there, which mean nothing (psi.rst)
    lacking = {spec.name for spec in HOST_METRICS} - {base_name(name) for name in values}
    assert lacking == {"cpu_pressure_full_ratio"}
