"""The whole tick over trees of our own: what appears, goes, is made anew, is left alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.discovery.build import build_layers, build_sources
from collector.discovery.describe import Description
from collector.discovery.runtime import Job, RuntimeEvent, Source
from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
from model.errors import NotThere
from model.metrics import METRICS, spec_of
from model.sample import Snapshot
from tests.support.trees import HYBRID_HOST, PROC, SYSTEMD_HOST, V2_HOST, captured, host, plant, v2_cgroup, v2_root

A, B = "a" * 64, "b" * 64
NO_RUNTIMES = DiscoverySettings(docker="off", podman="off")


class KnownRuntime:
    """A runtime whose answers the test gives."""

    runtime = "docker"

    def __init__(self) -> None:
        self.known: dict[str, Description] = {}
        self.events: list[RuntimeEvent] = []
        self.answers = ("ok", "")
        self.was_asked = True

    def described(self) -> dict[str, Description]:
        return self.known

    def drain(self) -> list[RuntimeEvent]:
        events, self.events = self.events, []
        return events

    def state(self) -> tuple[str, str]:
        return self.answers

    reports = True

    def asked(self) -> bool:
        return self.was_asked

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        return ()

    def look(self) -> None:
        self.was_asked = True

    def close(self) -> None:
        self.known = {}


@pytest.fixture
def samplers() -> Iterator[list[Sampler]]:
    made: list[Sampler] = []
    yield made
    for sampler in made:
        sampler.close()


def sampler_of(
    samplers: list[Sampler],
    settings: HostSettings,
    discovery: DiscoverySettings = NO_RUNTIMES,
    sources: tuple[Source, ...] = (),
) -> Sampler:
    sampler = Sampler(settings, discovery, "h", 1.0, sources=sources)
    samplers.append(sampler)
    return sampler


def names(snapshot: Snapshot) -> set[str]:
    return {target.name for target in snapshot.targets.values()}


@pytest.mark.parametrize(("name", "count"), [(HYBRID_HOST, 2), (V2_HOST, 3), (SYSTEMD_HOST, 2)])
def test_a_captured_host(tmp_path: Path, samplers: list[Sampler], name: str, count: int) -> None:
    settings, hierarchy = captured(tmp_path, name)
    plant(tmp_path / "proc", PROC)
    sampler = sampler_of(samplers, settings)
    sampler.look()
    sampler.collect(1_000)
    snapshot = sampler.collect(2_000)
    assert (snapshot.cgroup, snapshot.host, snapshot.at_ms) == (hierarchy.mode, "h", 2_000)
    assert len(snapshot.targets) == count
    assert snapshot.gaps == ()
    for key, target in snapshot.targets.items():
        assert (target.key, target.id.runtime, target.name) == (key, "docker", key[:12])
        values = snapshot.samples[key].values
        assert {spec_of(value_name) for value_name in values} <= set(METRICS)
        assert snapshot.readings[key].inode == target.id.inode
        assert key in snapshot.limits
    busy = [s.values for s in snapshot.samples.values() if "cpu_limit_cores" in s.values]
    assert [values["cpu_limit_cores"] for values in busy] == [0.2]
    assert "cpu_usage_cores" in busy[0]
    assert sampler.collect(3_000).events == ()


def test_the_host_itself(tmp_path: Path, samplers: list[Sampler]) -> None:
    sampler = sampler_of(samplers, host(tmp_path, v2_root()))
    values = sampler.collect(1_000).host_sample.values
    assert values["host_memory_total_bytes"] == 1_000_000 * 1024
    assert values["memory_usage_bytes"] == 400_000 * 1024
    assert values["host_swap_used_bytes"] == 1500 * 1024
    assert (values["host_load_1m"], values["pids"]) == (0.5, 123)
    snapshot = sampler.collect(2_000)
    assert snapshot.host_sample.values["network_receive_bytes_per_second"] == 0
    assert snapshot.host_reading is not None
    assert snapshot.host_reading.io_devices is not None
    assert [d.device for d in snapshot.host_reading.io_devices] == ["254:0"], "the disk, not its partition"
    assert snapshot.host_reading.cpu_pressure_full_us is None
    assert snapshot.devices["254:0"] == "vda"


def test_a_host_without_proc_is_a_gap_and_the_containers_are_read(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}"), {"readme": ""})
    snapshot = sampler_of(samplers, settings).collect(1_000)
    assert snapshot.samples[A].values["memory_usage_bytes"] == 1_000_000
    assert [(gap.target, gap.part) for gap in snapshot.gaps] == [("", "host")]
    assert "host.proc" in snapshot.gaps[0].reason
    assert snapshot.host_sample.values == {}


def test_no_cgroup_tree_says_what_to_do(tmp_path: Path, samplers: list[Sampler]) -> None:
    sampler = sampler_of(samplers, HostSettings(str(tmp_path), str(tmp_path), str(tmp_path / "none")))
    with pytest.raises(NotThere, match=r"host\.cgroup"):
        sampler.collect(1_000)


def test_a_new_container_is_sampled_at_the_next_tick(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root())
    sampler = sampler_of(samplers, settings)
    assert sampler.collect(1_000).targets == {}
    plant(tmp_path / "cgroup", v2_cgroup(f"/docker/{A}"))
    second = sampler.collect(2_000)
    assert set(second.targets) == {A}
    assert [(e.kind, e.container_id) for e in second.events] == [("start", A)]
    plant(tmp_path / "cgroup", v2_cgroup(f"/docker/{B}"))
    plant(tmp_path / "cgroup", v2_cgroup(f"/deep/slice/of/docker-{'c' * 64}.scope"))
    assert set(sampler.collect(3_000).targets) == {A, B, "c" * 64}


def test_one_that_goes_and_one_that_comes_in_the_same_interval(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}"))
    runtime = KnownRuntime()
    sampler = sampler_of(samplers, settings, DiscoverySettings(), (runtime,))
    runtime.known[A] = Description("docker", A, "web", started_at_ms=500)
    sampler.collect(1_000)
    folder = tmp_path / "cgroup/docker"
    # an ordinary file system goes on answering from a removed file: the reader is made to look
    sampler._prepared().watchlist.entries[A].reader.close()
    shutil.rmtree(folder / A)
    plant(tmp_path / "cgroup", v2_cgroup(f"/docker/{B}"))
    runtime.known[A] = Description("docker", A, "web", state="exited", exit_code=4, started_at_ms=500)
    runtime.events.append(RuntimeEvent(1_500, "die", A, exit_code=4))
    snapshot = sampler.collect(2_000)
    assert set(snapshot.targets) == {B}
    (stop,) = snapshot.events
    assert (stop.kind, stop.name, stop.at_ms) == ("stop", "web", 1_500)
    assert stop.detail == {
        "exit_code": 4,
        "lived_s": 1.0,
        "cpu_seconds": 0.001,
        "memory_peak_bytes": 1_000_000,
        "oom_killed": False,
    }


def test_a_name_fills_in_when_the_runtime_answers_and_stays_when_it_is_lost(
    tmp_path: Path, samplers: list[Sampler]
) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}"))
    runtime = KnownRuntime()
    runtime.answers = ("down", "no socket")
    sampler = sampler_of(samplers, settings, DiscoverySettings(), (runtime,))
    assert names(sampler.collect(1_000)) == {A[:12]}
    assert sampler.part() == ("down", "no socket")
    assert sampler.capabilities()["docker"] == "no socket"
    runtime.known[A], runtime.answers = Description("docker", A, "web", "nginx"), ("ok", "")
    snapshot = sampler.collect(2_000)
    assert names(snapshot) == {"web"}
    assert snapshot.samples[A].values["cpu_usage_cores"] == 0
    runtime.answers = ("down", "gone")
    assert names(sampler.collect(3_000)) == {"web"}


@pytest.mark.parametrize(
    "known",
    [Description("docker", A, "build-tmp"), Description("docker", A, "web", labels={"wharfinger.ignore": "true"})],
)
def test_what_is_not_to_be_watched_is_left_alone(tmp_path: Path, samplers: list[Sampler], known: Description) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}") | v2_cgroup(f"/docker/{B}"))
    runtime = KnownRuntime()
    runtime.known = {A: known, B: Description("docker", B, "seen")}
    sampler = sampler_of(samplers, settings, DiscoverySettings(exclude=["*-tmp"]), (runtime,))
    runtime.events.append(RuntimeEvent(900, "oom", A))
    snapshot = sampler.collect(1_000)
    assert names(snapshot) == {"seen"}
    assert set(snapshot.samples) == set(snapshot.limits) == {B}
    assert snapshot.events == ()
    runtime.known[A] = Description("docker", A, "web")
    again = sampler.collect(2_000)
    assert names(again) == {"seen", "web"}
    assert again.samples[A].values["memory_usage_bytes"] == 1_000_000


def test_limits_are_read_every_fifth_tick_and_at_once_when_asked(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}"))
    runtime = KnownRuntime()
    sampler = sampler_of(samplers, settings, DiscoverySettings(), (runtime,))
    for second in range(1, 5):
        sampler.collect(second * 1_000)
    limit = tmp_path / f"cgroup/docker/{A}/memory.max"
    limit.write_text("5000\n")
    seen = [sampler.collect(second * 1_000).limits[A].memory_bytes for second in range(5, 10)]
    assert 5000 in seen
    limit.write_text("6000\n")
    sampler.refresh_limits(A)
    assert sampler.collect(10_000).limits[A].memory_bytes == 6000
    limit.write_text("7000\n")
    runtime.events.append(RuntimeEvent(10_500, "update", A))
    sampler.collect(11_000)
    assert sampler.collect(12_000).limits[A].memory_bytes == 7000


def test_a_container_that_does_nothing_says_so_and_wakes_up(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}"))
    runtime = KnownRuntime()
    runtime.known[A] = Description("docker", A, "web", started_at_ms=500)
    sampler = sampler_of(samplers, settings, DiscoverySettings(), (runtime,))
    quiet = [sampler.collect(second * 1_000).samples[A].values for second in range(1, 12)]
    assert [values["uptime_s"] for values in quiet] == [second - 0.5 for second in range(1, 12)]
    assert all(values["cpu_usage_cores"] == 0 for values in quiet[1:])
    assert len({frozenset(values) for values in quiet[1:]}) == 1, "the same names, computed or not"
    assert quiet[4] is not quiet[5]
    folder = tmp_path / f"cgroup/docker/{A}"
    (folder / "memory.current").write_text("2000000\n")
    (folder / "cpu.stat").write_text("usage_usec 900000\nuser_usec 500\nsystem_usec 500\n")
    woken = sampler.collect(12_000).samples[A].values
    assert woken["memory_usage_bytes"] == 2_000_000
    assert woken["cpu_usage_cores"] > 0
    after = [sampler.collect(second * 1_000).samples[A].values for second in (13, 14, 15)]
    assert [values["cpu_usage_cores"] for values in after] == [0, 0, 0]
    (folder / "memory.max").write_text("8000000\n")
    sampler.refresh_limits(A)
    assert sampler.collect(16_000).samples[A].values["memory_limit_bytes"] == 8_000_000
    runtime.known[A] = Description("docker", A, "web", started_at_ms=500, restarts=3)
    assert sampler.collect(17_000).samples[A].values["restarts"] == 3


def test_a_part_that_cannot_be_read_is_a_gap(tmp_path: Path, samplers: list[Sampler]) -> None:
    files = v2_root() | v2_cgroup(f"/docker/{A}", memory_current="garbage\n") | v2_cgroup(f"/docker/{B}")
    snapshot = sampler_of(samplers, host(tmp_path, files)).collect(1_000)
    assert [(gap.target, gap.part) for gap in snapshot.gaps] == [(A, "memory")]
    assert snapshot.samples[A].values["pids"] == 1
    assert snapshot.samples[B].values["memory_usage_bytes"] == 1_000_000


def test_an_oom_kill_is_told_by_the_kernels_counter_where_no_runtime_tells(
    tmp_path: Path, samplers: list[Sampler]
) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}"))
    runtime = KnownRuntime()
    sampler = sampler_of(samplers, settings, DiscoverySettings(), (runtime,))
    events = tmp_path / f"cgroup/docker/{A}/memory.events"
    sampler.collect(1_000)
    events.write_text("low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n")
    quiet = sampler.collect(2_000)
    assert quiet.samples[A].values["memory_oom_kills"] == 1
    assert quiet.events == (), "the runtime answers, and tells of its own"
    runtime.answers = ("down", "")
    events.write_text("low 0\nhigh 0\nmax 9\noom 3\noom_kill 3\n")
    (oom,) = sampler.collect(3_000).events
    assert (oom.kind, oom.container_id, oom.detail) == ("oom", A, {"count": 2})


def test_the_hosts_own_cgroups_are_shown_only_where_there_is_nothing_else(
    tmp_path: Path, samplers: list[Sampler]
) -> None:
    own = v2_cgroup("/system.slice/ssh.service", cgroup_procs="7\n") | v2_cgroup("/system.slice", cgroup_procs="")
    settings = host(tmp_path, v2_root() | own)
    runtime = KnownRuntime()
    runtime.answers, runtime.was_asked = ("down", ""), False
    sampler = sampler_of(samplers, settings, DiscoverySettings(), (runtime,))
    assert sampler.collect(1_000).targets == {}, "nobody was asked yet"
    runtime.was_asked = True
    snapshot = sampler.collect(2_000)
    (target,) = snapshot.targets.values()
    assert (target.id.runtime, target.key, target.name) == (
        "cgroup",
        "/system.slice/ssh.service",
        "system.slice/ssh.service",
    )
    assert snapshot.samples[target.key].values["memory_usage_bytes"] == 1_000_000
    assert snapshot.events == ()
    runtime.answers = ("ok", "")
    assert sampler.collect(3_000).targets == {}
    runtime.answers = ("down", "")
    sampler.look()
    assert len(sampler.collect(4_000).targets) == 1
    plant(tmp_path / "cgroup", v2_cgroup(f"/docker/{A}"))
    assert set(sampler.collect(5_000).targets) == {A}


def test_without_the_walk_containers_come_from_the_runtime_alone(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}") | v2_cgroup(f"/docker/{B}"))
    plant(tmp_path / "proc", {"42/cgroup": f"0::/docker/{A}\n", "43/cgroup": "0::/docker\n"})
    runtime = KnownRuntime()
    runtime.known = {
        A: Description("docker", A, "web", pid=42),
        B: Description("docker", B, "elsewhere", pid=43),  # the process is not of that container
    }
    sampler = sampler_of(samplers, settings, DiscoverySettings(cgroup_walk=False), (runtime,))
    assert names(sampler.collect(1_000)) == {"web"}
    assert sampler.capabilities()["own_cgroup"] == (
        "1 running containers have no cgroup of their own here and cannot be measured: elsewhere"
    )
    del runtime.known[B]
    sampler.collect(2_000)
    assert "own_cgroup" not in sampler.capabilities()


def test_containerd_may_be_left_out(tmp_path: Path, samplers: list[Sampler]) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup("/default/redis") | v2_cgroup(f"/docker/{A}"))
    everything = sampler_of(samplers, settings).collect(1_000)
    assert names(everything) == {"redis", A[:12]}
    without = DiscoverySettings(docker="off", podman="off", containerd="off")
    assert set(sampler_of(samplers, settings, without).collect(1_000).targets) == {A}


def test_network_is_of_the_containers_own_namespace_only(tmp_path: Path, samplers: list[Sampler]) -> None:
    files = v2_cgroup(f"/docker/{A}", cgroup_procs="42\n") | v2_cgroup(f"/docker/{B}", cgroup_procs="43\n")
    settings = host(tmp_path, v2_root() | files)
    line = "Inter-|\n face |\n  eth0: {} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    plant(tmp_path / "proc", {f"{pid}/net/dev": line.format(100) for pid in (42, 43)})
    plant(tmp_path / "proc", {"1/ns/net": "host", "42/ns/net": "own"})
    (tmp_path / "proc/43/ns").mkdir()
    (tmp_path / "proc/43/ns/net").hardlink_to(tmp_path / "proc/1/ns/net")
    sampler = sampler_of(samplers, settings)
    sampler.collect(1_000)
    plant(tmp_path / "proc", {f"{pid}/net/dev": line.format(900) for pid in (42, 43)})
    snapshot = sampler.collect(2_000)
    assert snapshot.samples[A].values["network_receive_bytes_per_second"] > 0
    assert "network_receive_bytes_per_second" not in snapshot.samples[B].values
    assert snapshot.gaps == ()
    assert B[:12] in sampler.capabilities()["network_of_host"]


def test_the_network_of_a_container_without_processes_is_looked_for_again(
    tmp_path: Path, samplers: list[Sampler]
) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup(f"/docker/{A}", cgroup_procs=""))
    plant(tmp_path / "proc", {"1/ns/net": "host", "42/ns/net": "own"})
    plant(tmp_path / "proc", {"42/net/dev": "Inter-|\n face |\n  eth0: 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"})
    sampler = sampler_of(samplers, settings)
    assert all(sampler.collect(second * 1_000).readings[A].interfaces is None for second in range(1, 40))
    (tmp_path / f"cgroup/docker/{A}/cgroup.procs").write_text("42\n")
    seen = [sampler.collect(second * 1_000).readings[A].interfaces for second in range(40, 80)]
    assert seen[-1] is not None
    assert seen[-1][0].receive_bytes == 7


def test_jobs_and_sources() -> None:
    nobody = DiscoverySettings(docker="off", podman="off", containerd="off")
    assert [source.state()[0] for source in build_sources(nobody, {})] == ["off"]
    sampler = Sampler(HostSettings(), DiscoverySettings(podman="off"), "h", 1.0)
    walks = ["cgroup-walk", "cgroup-young"]
    assert [name for name, _ in sampler.jobs()] == ["docker", "docker-events", "containerd", *walks]
    sampler.close()
    sampler = Sampler(HostSettings(), DiscoverySettings(docker="off", containerd="off"), "h", 1.0)
    assert [name for name, _ in sampler.jobs()] == ["podman", "podman-events", "podman-users", *walks]
    sampler.close()
    layers = DiscoverySettings(containerd="off", podman="off", writable_layer_s=300)
    assert [name for layer in build_layers(layers, {}) for name, _ in layer.jobs()] == ["docker-layers"]
    assert build_layers(DiscoverySettings(), {}) == ()
    off = Sampler(HostSettings(), NO_RUNTIMES, "h", 1.0)
    assert off.part()[0] == "off"
