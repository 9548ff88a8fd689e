"""Clock steps, pauses, renames, restarts, recreations, resets: no negative rate, no spike, no mixed identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from collector import sampler as sampler_module
from collector.discovery.describe import Description
from collector.discovery.runtime import RuntimeEvent
from collector.sampler import Sampler
from config.schema import DiscoverySettings
from model.sample import Snapshot
from tests.collector.test_sampler import KnownRuntime
from tests.support.trees import host, plant, remake, v2_cgroup, v2_root

A, B = "a" * 64, "b" * 64
CORES = 0.25
START_MS = 1_700_000_000_000
STAT = "usage_usec {0}\nuser_usec {0}\nsystem_usec 0\nnr_periods {1}\nnr_throttled 0\nthrottled_usec 0\n"


class Machine:
    """A host whose container uses a quarter of a core, whatever its clock says. ``tick`` is one second of real time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.used_us, self.real_s, self.wall_ms = folder, 10_000_000, 0, START_MS
        self.runtime = KnownRuntime()
        self.runtime.known[A] = Description("docker", A, "web", started_at_ms=START_MS - 10_000)
        settings = host(folder, v2_root())
        clock = SimpleNamespace(monotonic_ns=lambda: self.real_s * 10**9)
        monkeypatch.setattr(sampler_module, "time", clock)
        self.write()
        self.sampler = Sampler(settings, DiscoverySettings(), "h", 1.0, sources=(self.runtime,))

    def write(self, key: str = A) -> None:
        plant(self.folder / "cgroup", self.files(key))

    def files(self, key: str = A) -> dict[str, str]:
        return v2_cgroup(f"/docker/{key}", cpu_stat=STAT.format(self.used_us, self.used_us // 100_000))

    def tick(self, *, cores: float = CORES, step_ms: int = 0, key: str = A) -> Snapshot:
        self.real_s += 1
        self.wall_ms += 1_000 + step_ms
        self.used_us += round(cores * 1_000_000)
        self.write(key)
        return self.sampler.collect(self.wall_ms)

    def cores(self, **options: float) -> float | None:
        return self.tick(**options).samples[A].values.get("cpu_usage_cores")  # type: ignore[arg-type]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine(tmp_path, monkeypatch)
    machine.tick()
    assert machine.cores() == CORES
    yield machine
    machine.sampler.close()


@pytest.mark.parametrize("step_ms", [-3_600_000, -1_500, 1_500, 86_400_000])
def test_a_step_of_the_clock_changes_no_rate(machine: Machine, step_ms: int) -> None:
    snapshot = machine.tick(step_ms=step_ms)
    values = snapshot.samples[A].values
    assert values["cpu_usage_cores"] == CORES, "rates are by the monotonic clock"
    assert values["uptime_s"] >= 0
    assert snapshot.events == ()
    assert snapshot.at_ms == machine.wall_ms
    assert all(value >= 0 for value in values.values())
    assert machine.cores() == CORES
    machine.runtime.answers = ("down", "")
    plant(machine.folder / "cgroup", machine.files(B))
    assert [(e.kind, e.container_id) for e in machine.tick().events] == [("start", B)], "told at once all the same"


def test_a_pause_is_no_use_and_its_end_no_spike(machine: Machine) -> None:
    machine.runtime.known[A] = Description("docker", A, "web", state="paused", started_at_ms=START_MS - 10_000)
    seen = [machine.tick(cores=0) for _ in range(4)]
    assert [s.samples[A].values["cpu_usage_cores"] for s in seen] == [0, 0, 0, 0]
    assert seen[-1].targets[A].state == "paused"
    machine.runtime.known[A] = Description("docker", A, "web", started_at_ms=START_MS - 10_000)
    assert machine.cores() == CORES
    assert machine.sampler.collect(machine.wall_ms).targets[A].state == "running"


def test_a_rename_keeps_the_series(machine: Machine) -> None:
    machine.runtime.known[A] = Description("docker", A, "shop", started_at_ms=START_MS - 10_000)
    snapshot = machine.tick()
    assert (snapshot.targets[A].name, snapshot.samples[A].values["cpu_usage_cores"]) == ("shop", CORES)
    assert snapshot.events == ()


def test_a_restart_begins_anew(machine: Machine) -> None:
    before = machine.sampler.collect(machine.wall_ms).targets[A].id
    machine.sampler._prepared().watchlist.entries[A].reader.close()
    died = machine.wall_ms + 300
    machine.used_us = 0
    remake(machine.folder / f"cgroup/docker/{A}", machine.files(), machine.folder / "cgroup")
    machine.runtime.known[A] = Description("docker", A, "web", started_at_ms=died + 100, restarts=1)
    machine.runtime.events += [RuntimeEvent(died, "die", A, exit_code=1), RuntimeEvent(died + 100, "start", A)]
    snapshot = machine.tick()
    after = snapshot.targets[A].id
    assert (after.id, after.started_at_ms) == (A, died + 100)
    assert after.inode != before.inode
    values = snapshot.samples[A].values
    assert "cpu_usage_cores" not in values, "no rate across two lives"
    assert values["uptime_s"] == 0.6
    stop, start, restart = snapshot.events
    assert (stop.kind, start.kind, restart.kind) == ("stop", "start", "restart")
    assert stop.detail["cpu_seconds"] == 10.5, "the old life's, not the new one's"
    assert stop.detail["lived_s"] == (died - (START_MS - 10_000)) / 1000
    assert machine.cores() == CORES


def test_a_recreation_is_another_container_of_the_same_name(machine: Machine) -> None:
    known = Description("docker", B, "web", labels={"com.docker.compose.service": "web"}, started_at_ms=START_MS)
    machine.runtime.known[B] = known
    snapshot = machine.tick(key=B)
    assert {key: target.name for key, target in snapshot.targets.items()} == {A: "web", B: "web"}
    assert "cpu_usage_cores" not in snapshot.samples[B].values
    assert machine.tick(key=B).samples[B].values["cpu_usage_cores"] == CORES


def test_a_counter_that_begins_anew_gives_no_value_for_one_interval(machine: Machine) -> None:
    machine.used_us = 5
    values = machine.tick().samples[A].values
    assert "cpu_usage_cores" not in values
    assert "cpu_throttled_periods_ratio" not in values
    assert values["memory_page_faults_per_second"] == 0, "the other counters went on"
    assert machine.cores() == CORES


def test_a_skipped_tick_gives_the_mean_of_both_intervals(machine: Machine) -> None:
    machine.real_s += 1
    machine.used_us += round(CORES * 1_000_000)
    assert machine.cores() == CORES


def test_two_looks_at_the_same_moment_give_no_rate(machine: Machine) -> None:
    machine.used_us += 100_000
    machine.write()
    assert "cpu_usage_cores" not in machine.sampler.collect(machine.wall_ms).samples[A].values
