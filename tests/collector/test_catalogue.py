"""Every metric of the catalogue on captured hosts of each kind, against the same formula worked out here from the raw
texts alone; or the map of capabilities says why it is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from collector import sampler as sampler_module
from collector.discovery.describe import Description
from collector.sampler import Sampler
from config.schema import DiscoverySettings
from model.metrics import CONTAINER_METRICS
from tests.collector.test_sampler import KnownRuntime
from tests.support.trees import (
    CONTROLLERS_V2,
    HYBRID_HOST,
    PROC,
    SYSTEMD_HOST,
    V2_HOST,
    archive,
    host,
    plant,
)

SECONDS = 1.6
STARTED_MS, NOW_MS = 40_000, 100_000
LIMITS = re.compile(r"(max|high|low|min|limit_in_bytes|weight|shares|quota_us|period_us|procs|controllers|burst)$")
COUNTS = re.compile(r"(?<==)\d+(?!\.)|(?<= )\d+$|^\d+$")
NET = (
    "Inter-|\n face |\n    lo: 5 5 5 5 0 0 0 0 5 5 5 5 0 0 0 0\n"
    "  eth0: {0} 2{0} 3 4 0 0 0 0 5{0} 6{0} 7{0} 8 0 0 0 0\n  eth1: {0} 1 {0} {0} 0 0 0 0 1 1 1 {0} 0 0 0 0\n"
)


def grown(texts: Mapping[str, str]) -> dict[str, str]:
    """The same host a little later: every counter and level went up, each line by another step, no limit changed."""

    def later(number: int, line: str) -> str:
        return COUNTS.sub(lambda found: str(int(found[0]) + 10_000 // (number + 2) + len(found[0])), line)

    return {
        path: text
        if LIMITS.search(path)
        else "".join(later(number, line) for number, line in enumerate(text.splitlines(keepends=True)))
        for path, text in texts.items()
    }


@dataclass(frozen=True)
class Kernel:
    """The texts of one container, before and after; ``v1`` and ``unified`` are the heads of its paths."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    v1: str
    unified: str

    def text(self, controller: str, name: str, *, before: bool = False) -> str:
        head = self.unified if controller == "unified" else self.v1.format(controller)
        return (self.before if before else self.after)[f"{head}/{name}"]

    def value(self, controller: str, name: str, key: str = "", *, before: bool = False) -> int:
        """The number after a key; the sum of all ``key=`` of a file of devices; a file that is one number."""
        text = self.text(controller, name, before=before)
        if key.endswith("="):
            return sum(int(found) for found in re.findall(rf"\b{key}(\d+)", text))
        if " " in key:
            return sum(int(line.split()[2]) for line in text.splitlines() if line.split()[1:2] == [key.split()[1]])
        return int(dict(line.split() for line in text.splitlines())[key] if key else text)

    def rate(self, controller: str, name: str, key: str = "", unit: float = 1.0) -> float:
        return self.growth(controller, name, key) * unit / SECONDS

    def growth(self, controller: str, name: str, key: str = "") -> int:
        return self.value(controller, name, key) - self.value(controller, name, key, before=True)

    def stall(self, name: str, kind: str) -> float:
        def total(text: str) -> int:
            (line,) = [line for line in text.splitlines() if line.startswith(kind)]
            return int(line.rpartition("total=")[2])

        spent = total(self.text("unified", name)) - total(self.text("unified", name, before=True))
        return min(1.0, spent / 1e6 / SECONDS)


def pressures(kernel: Kernel) -> dict[str, float]:
    return {
        f"{what}_pressure_{kind}_ratio": kernel.stall(f"{what}.pressure", kind)
        for what in ("cpu", "memory", "io")
        for kind in ("some", "full")
    }


def of_v1(k: Kernel) -> dict[str, float]:
    """cgroup v1: Documentation/admin-guide/cgroup-v1, contract of docker stats."""
    stat = ("memory", "memory.stat")
    usage, inactive = k.value("memory", "memory.usage_in_bytes"), k.value(*stat, "total_inactive_file")
    levels = {
        "memory_anon_bytes": "total_rss", "memory_file_bytes": "total_cache", "memory_shmem_bytes": "total_shmem",
        "memory_inactive_file_bytes": "total_inactive_file", "memory_swap_bytes": "total_swap",
    }  # fmt: skip
    exact = k.unified != ""
    values = {
        "cpu_usage_cores": k.rate("cpuacct", "cpuacct.usage", unit=1e-9),
        "cpu_user_cores": k.rate("unified", "cpu.stat", "user_usec", 1e-6)
        if exact
        else k.rate("cpuacct", "cpuacct.stat", "user", 0.01),
        "cpu_system_cores": k.rate("unified", "cpu.stat", "system_usec", 1e-6)
        if exact
        else k.rate("cpuacct", "cpuacct.stat", "system", 0.01),
        "cpu_throttled_periods_ratio": k.growth("cpu", "cpu.stat", "nr_throttled")
        / k.growth("cpu", "cpu.stat", "nr_periods"),
        "cpu_throttled_seconds_per_second": k.rate("cpu", "cpu.stat", "throttled_time", 1e-9),
        "cpu_limit_cores": k.value("cpu", "cpu.cfs_quota_us") / k.value("cpu", "cpu.cfs_period_us"),
        "cpu_weight": max(1, round(k.value("cpu", "cpu.shares") * 100 / 1024)),
        "memory_usage_bytes": usage,
        "memory_working_set_bytes": usage - inactive if inactive < usage else usage,
        "memory_kernel_bytes": k.value("memory", "memory.kmem.usage_in_bytes"),
        "memory_peak_bytes": k.value("memory", "memory.max_usage_in_bytes"),
        "memory_limit_bytes": k.value("memory", "memory.limit_in_bytes"),
        "memory_page_faults_per_second": k.rate(*stat, "total_pgfault"),
        "memory_major_faults_per_second": k.rate(*stat, "total_pgmajfault"),
        "memory_refaults_per_second": k.rate(*stat, "total_workingset_refault_file")
        + k.rate(*stat, "total_workingset_refault_anon"),
        "memory_max_events_per_second": k.rate("memory", "memory.failcnt"),
        "memory_oom_kills": k.growth("memory", "memory.oom_control", "oom_kill"),
        "io_read_bytes_per_second": k.rate("blkio", "blkio.throttle.io_service_bytes_recursive", "device Read"),
        "io_write_bytes_per_second": k.rate("blkio", "blkio.throttle.io_service_bytes_recursive", "device Write"),
        "io_read_operations_per_second": k.rate("blkio", "blkio.throttle.io_serviced_recursive", "device Read"),
        "io_write_operations_per_second": k.rate("blkio", "blkio.throttle.io_serviced_recursive", "device Write"),
        "pids": k.value("pids", "pids.current"),
        "pids_limit": k.value("pids", "pids.max"),
        **{name: k.value(*stat, key) for name, key in levels.items()},
    }
    return values | (pressures(k) if exact else {})


def of_v2(k: Kernel) -> dict[str, float]:
    """cgroup v2: Documentation/admin-guide/cgroup-v2.rst, contract of docker stats."""
    stat, events, cpu = ("unified", "memory.stat"), ("unified", "memory.events"), ("unified", "cpu.stat")
    usage, inactive = k.value("unified", "memory.current"), k.value(*stat, "inactive_file")
    quota, period = k.text("unified", "cpu.max").split()
    levels = {
        "memory_anon_bytes": "anon", "memory_file_bytes": "file", "memory_shmem_bytes": "shmem",
        "memory_inactive_file_bytes": "inactive_file", "memory_kernel_bytes": "kernel",
    }  # fmt: skip
    return {
        "cpu_usage_cores": k.rate(*cpu, "usage_usec", 1e-6),
        "cpu_user_cores": k.rate(*cpu, "user_usec", 1e-6),
        "cpu_system_cores": k.rate(*cpu, "system_usec", 1e-6),
        "cpu_throttled_periods_ratio": k.growth(*cpu, "nr_throttled") / k.growth(*cpu, "nr_periods"),
        "cpu_throttled_seconds_per_second": k.rate(*cpu, "throttled_usec", 1e-6),
        "cpu_limit_cores": int(quota) / int(period),
        "cpu_weight": k.value("unified", "cpu.weight"),
        "memory_usage_bytes": usage,
        "memory_working_set_bytes": usage - inactive if inactive < usage else usage,
        "memory_swap_bytes": k.value("unified", "memory.swap.current"),
        "memory_peak_bytes": k.value("unified", "memory.peak"),
        "memory_limit_bytes": k.value("unified", "memory.max"),
        "memory_high_bytes": k.value("unified", "memory.high"),
        "memory_page_faults_per_second": k.rate(*stat, "pgfault"),
        "memory_major_faults_per_second": k.rate(*stat, "pgmajfault"),
        "memory_refaults_per_second": k.rate(*stat, "workingset_refault_file")
        + k.rate(*stat, "workingset_refault_anon"),
        "memory_high_events_per_second": k.rate(*events, "high"),
        "memory_max_events_per_second": k.rate(*events, "max"),
        "memory_oom_kills": k.growth(*events, "oom_kill"),
        "io_read_bytes_per_second": k.rate("unified", "io.stat", "rbytes="),
        "io_write_bytes_per_second": k.rate("unified", "io.stat", "wbytes="),
        "io_read_operations_per_second": k.rate("unified", "io.stat", "rios="),
        "io_write_operations_per_second": k.rate("unified", "io.stat", "wios="),
        "pids": k.value("unified", "pids.current"),
        "pids_limit": k.value("unified", "pids.max"),
        **{name: k.value(*stat, key) for name, key in levels.items()},
        **pressures(k),
    }


def of_any(values: Mapping[str, float], net: tuple[str, str]) -> dict[str, float]:
    """What does not depend on the cgroup version."""

    def traffic(*columns: int) -> float:
        before, after = (
            [int(word) for line in text.splitlines()[3:] for i, word in enumerate(line.split()[1:]) if i in columns]
            for text in net
        )
        return (sum(after) - sum(before)) / SECONDS

    return {
        "cpu_usage_of_limit_ratio": values["cpu_usage_cores"] / values["cpu_limit_cores"],
        "memory_working_set_of_limit_ratio": values["memory_working_set_bytes"] / values["memory_limit_bytes"],
        "network_receive_bytes_per_second": traffic(0),
        "network_receive_packets_per_second": traffic(1),
        "network_receive_drops_per_second": traffic(3),
        "network_transmit_bytes_per_second": traffic(8),
        "network_transmit_packets_per_second": traffic(9),
        "network_transmit_drops_per_second": traffic(11),
        "network_errors_per_second": traffic(2, 10),
        "restarts": 2,
        "uptime_s": (NOW_MS - STARTED_MS) / 1000,
        "health": 1,
    }


def two_ticks(
    folder: Path, before: Mapping[str, str], proc: tuple[Mapping[str, str], Mapping[str, str]], known: Description,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Mapping[str, float], Mapping[str, float], Mapping[str, str]]:  # fmt: skip
    """Values of the container, of the host, and the capabilities, over two ticks that lie SECONDS apart."""
    settings = host(folder, before, proc[0])
    clock = SimpleNamespace(monotonic_ns=lambda: 5 * 10**9)
    monkeypatch.setattr(sampler_module, "time", clock)
    runtime = KnownRuntime()
    runtime.known[known.id] = known
    sampler = Sampler(settings, DiscoverySettings(), "h", 1.0, sources=(runtime,))
    try:
        sampler.collect(NOW_MS - 1000)
        plant(folder / "cgroup", grown(before))
        plant(folder / "proc", proc[1])
        clock.monotonic_ns = lambda: 5 * 10**9 + round(SECONDS * 1e9)
        snapshot = sampler.collect(NOW_MS)
        assert snapshot.gaps == ()
        return snapshot.samples[known.id].values, snapshot.host_sample.values, sampler.capabilities()
    finally:
        sampler.close()


LACKING = {
    "v1": {"pressure": "psi", "memory_high": "memory_high"},
    "hybrid": {"memory_high": "memory_high"},
    "v2": {},
}
"""Beginning or middle of a metric's name → the capability that says why it is not there."""
OPT_IN = {"writable_layer_bytes"}
"""Asked of the runtime, and only where the settings wish it: test_layers.py."""
CASES = {
    "v1": (HYBRID_HOST, "{}/docker/9072f665e720e78d2c1fde6915a32d5a3435e83c67e22e6e2a89da719d198067", ""),
    "hybrid": (
        HYBRID_HOST,
        "{}/docker/9072f665e720e78d2c1fde6915a32d5a3435e83c67e22e6e2a89da719d198067",
        "unified/docker/9072f665e720e78d2c1fde6915a32d5a3435e83c67e22e6e2a89da719d198067",
    ),
    "v2": (V2_HOST, "", "docker/afc6f1741b53e0c3e7631c953c06a30e20f5d611b7d0e72e5c0a9440fad5a262"),
    "v2 of systemd": (SYSTEMD_HOST, "", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_every_metric_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    name, v1, unified = CASES[case]
    texts = {path: text for path, text in archive(name).items() if not path.startswith("proc/")}
    if case == "v1":
        texts = {path: text for path, text in texts.items() if not path.startswith("unified/")}
    if case.startswith("v2"):
        texts |= {"cgroup.controllers": CONTROLLERS_V2, "cgroup.procs": ""}
        if not unified:
            (quota,) = [
                path
                for path, text in texts.items()
                if path.endswith("/cpu.max") and "docker" in path and "max" not in text.split()[0]
            ]
            unified = quota.removesuffix("/cpu.max")
        texts[f"{unified}/memory.high"] = "30000000\n"
        texts.setdefault(f"{unified}/io.stat", "")
        texts[f"{unified}/io.stat"] += "8:0 rbytes=5 wbytes=6 rios=7 wios=8 dbytes=0 dios=0\n"
    container = re.findall(r"[0-9a-f]{64}", unified or v1)[0]
    procs = next(text for path, text in texts.items() if container in path and path.endswith("cgroup.procs"))
    pid = procs.split()[0]
    net = NET.format(1), NET.format(3)
    proc = tuple({**PROC, "1/ns/net": "host", f"{pid}/ns/net": "own", f"{pid}/net/dev": text} for text in net)
    known = Description(
        "docker", container, "web", pid=int(pid), health="healthy", restarts=2, started_at_ms=STARTED_MS
    )
    values, _, capabilities = two_ticks(tmp_path, texts, (proc[0], proc[1]), known, monkeypatch)
    kernel = Kernel(texts, grown(texts), v1, unified)
    expected = of_v1(kernel) if v1 else of_v2(kernel)
    expected |= of_any(expected, net)
    assert dict(values) == pytest.approx(expected, rel=1e-9)
    lacking = {spec.name for spec in CONTAINER_METRICS} - set(values) - OPT_IN
    reasons = LACKING[case.split(maxsplit=1)[0]]
    for metric in lacking:
        reason = next((why for part, why in reasons.items() if part in metric), None)
        assert reason is not None, f"{metric} is missing on {case}, and nothing says why"
        assert capabilities[reason] != "yes", f"{metric} is missing although {reason} is there"
    assert all(expected[name] > 0 for name in expected), "a formula that gives 0 proves little"
