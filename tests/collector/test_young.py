"""Lives of less than a tick: what is read of a container in its first seconds, and who tells its end."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collector.cgroupfs.hierarchy import find_hierarchy
from collector.discovery.describe import Description
from collector.discovery.paths import ContainerPath, recognise
from collector.discovery.runtime import RuntimeEvent
from collector.discovery.walk import Found
from collector.endings import with_glimpse
from collector.lives import Ended
from collector.sampler import Sampler
from collector.young import LOOK_S, MOST, YOUNG_NS, Glimpse, Young, life_plan
from config.schema import DiscoverySettings
from model.event import Event
from model.reading import CgroupReading
from model.target import Target, TargetId
from tests.collector.test_sampler import KnownRuntime
from tests.support.trees import HYBRID_HOST, V2_HOST, captured, host, plant, v2_cgroup, v2_root

A, B, C = "a" * 64, "b" * 64, "c" * 64
STAT = "usage_usec {}\nuser_usec 1\nsystem_usec 1\n"


class House:
    """A host, its sampler and both its hands: the tick and the look at the young."""

    def __init__(self, folder: Path, runtime: KnownRuntime | None) -> None:
        self.folder = folder
        self.tree = folder / "cgroup"
        discovery = DiscoverySettings(docker="auto" if runtime else "off", podman="off", containerd="off")
        settings = host(folder, v2_root() | v2_cgroup(f"/docker/{A}"))
        self.sampler = Sampler(settings, discovery, "h", 1.0, sources=(runtime,) if runtime else ())
        self.start_ns = time.monotonic_ns() - 10_000 * 10**6
        self.tick(10_000)
        self.look(10_000)

    def tick(self, now_ms: int) -> list[Event]:
        return list(self.sampler.collect(now_ms).events)

    def look(self, now_ms: int) -> None:
        young = self.sampler._prepared().young
        young.look(now_ms, self.start_ns + now_ms * 10**6)

    def begin(self, key: str, cpu_us: int = 1_000, memory: int = 1_000_000) -> None:
        cpu = {"cpu_stat": STAT.format(cpu_us)}
        plant(self.tree, v2_cgroup(f"/docker/{key}", **cpu, memory_current=f"{memory}\n"))

    def end(self, key: str) -> None:
        shutil.rmtree(self.tree / "docker" / key)
        # an ordinary file system goes on answering from a removed file: readers are made to look again
        ground = self.sampler._prepared()
        if key in ground.watchlist.entries:
            ground.watchlist.entries[key].reader.close()
        if key in ground.young._readers:
            ground.young._readers[key].close()


@pytest.fixture
def runtime() -> KnownRuntime:
    runtime = KnownRuntime()
    runtime.known[A] = Description("docker", A, "old", started_at_ms=500)
    return runtime


@pytest.fixture
def docker(tmp_path: Path, runtime: KnownRuntime) -> Iterator[House]:
    house = House(tmp_path, runtime)
    yield house
    house.sampler.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, None)
    yield house
    house.sampler.close()


def test_a_life_between_two_ticks_leaves_its_figures(docker: House, runtime: KnownRuntime) -> None:
    docker.begin(B, cpu_us=100_000, memory=8_000_000)
    docker.look(10_100)
    docker.begin(B, cpu_us=250_000, memory=5_000_000)
    docker.look(10_200)
    docker.end(B)
    docker.look(10_300)
    gone = Description("docker", B, "job", state="exited", exit_code=3, started_at_ms=10_050)
    runtime.known[B] = gone
    runtime.events += [RuntimeEvent(10_050, "start", B), RuntimeEvent(10_250, "die", B, exit_code=3)]
    start, stop = docker.tick(11_000)
    assert (start.kind, start.name) == ("start", "job")
    assert stop.detail == {
        "exit_code": 3,
        "lived_s": 0.2,
        "cpu_seconds": 0.25,
        "memory_peak_bytes": 8_000_000,
        "oom_killed": False,
    }
    assert [docker.tick(at_ms) for at_ms in range(12_000, 18_000, 1_000)] == [[]] * 6


def test_a_die_event_before_anyone_looked_again(docker: House, runtime: KnownRuntime) -> None:
    docker.begin(B, cpu_us=100_000)
    docker.look(10_100)
    docker.end(B)
    runtime.events.append(RuntimeEvent(10_250, "die", B, exit_code=3))
    (stop,) = docker.tick(11_000)
    assert stop.detail["cpu_seconds"] == 0.1
    docker.look(11_100)
    assert [docker.tick(at_ms) for at_ms in range(12_000, 18_000, 1_000)] == [[]] * 6


def test_without_a_runtime_such_a_life_has_a_start_and_a_stop(plain: House) -> None:
    plain.begin(B, cpu_us=100_000)
    plain.look(10_100)
    plain.look(10_400)
    plain.end(B)
    plain.look(10_500)
    start, stop = plain.tick(11_000)
    assert (start.kind, start.at_ms, start.container_id) == ("start", 10_100, B)
    assert (stop.kind, stop.at_ms, stop.detail["lived_s"]) == ("stop", 10_400, 0.3)
    assert stop.detail["cpu_seconds"] == 0.1
    assert plain.tick(12_000) == []


def test_what_a_tick_read_is_brought_up_to_date(plain: House) -> None:
    plain.begin(B, cpu_us=100_000, memory=1_000_000)
    plain.look(10_900)
    assert [e.kind for e in plain.tick(11_000)] == ["start"]
    plain.begin(B, cpu_us=700_000, memory=9_000_000)
    plain.look(11_600)
    plain.end(B)
    (stop,) = plain.tick(12_000)
    assert (stop.detail["cpu_seconds"], stop.detail["memory_peak_bytes"]) == (0.7, 9_000_000)
    plain.look(12_100)
    assert plain.tick(13_000) == [], "told once"


def test_the_end_is_noticed_between_the_ticks_and_told_once(plain: House) -> None:
    plain.begin(B)
    plain.look(10_900)
    plain.tick(11_000)
    plain.end(B)
    plain.look(11_500)
    assert [e.kind for e in plain.tick(12_000)] == ["stop"]
    assert plain.tick(13_000) == []


def test_an_end_after_the_tick_read_it_waits_for_the_next(plain: House) -> None:
    plain.begin(B)
    plain.look(10_900)
    plain.tick(11_000)
    young = plain.sampler._prepared().young
    taken = young.take(B)
    assert taken is not None
    young._gone.append(taken)
    assert plain.tick(12_000) == []
    plain.end(B)
    assert [e.kind for e in plain.tick(13_000)] == ["stop"]


def test_one_that_goes_and_one_that_comes_between_two_looks(plain: House) -> None:
    plain.begin(B)
    plain.look(10_100)
    plain.end(B)
    plain.begin(C)
    plain.look(10_200)
    assert set(plain.sampler._prepared().young._glimpses) == {C}


def test_an_ignored_life_is_not_told(tmp_path: Path, docker: House, runtime: KnownRuntime) -> None:
    runtime.known[B] = Description("docker", B, "job", labels={"wharfinger.ignore": "true"})
    docker.begin(B)
    docker.look(10_100)
    docker.end(B)
    docker.look(10_200)
    assert [docker.tick(at_ms) for at_ms in range(11_000, 17_000, 1_000)] == [[]] * 6


def test_what_was_there_before_and_what_is_grown_up_is_left_to_the_ticks(plain: House) -> None:
    young = plain.sampler._prepared().young
    assert young._readers == {}, "A was there before us"
    plain.begin(B)
    plain.look(10_100)
    assert set(young._readers) == {B}
    plain.look(10_101 + YOUNG_NS // 10**6)
    assert young._readers == {}
    assert young.take(B) is None
    young.watch(("/new",))
    plant(plain.tree, v2_cgroup(f"/new/{C}"))
    plain.look(20_000)
    assert young._readers == {}, "what a new parent holds was there before"


def test_a_crowd_is_left_to_the_ticks(tmp_path: Path) -> None:
    settings = host(tmp_path, v2_root() | v2_cgroup("/docker"))
    young = Young(find_hierarchy(settings), recognise)
    young.look(0, 0)
    for number in range(MOST + 6):
        plant(tmp_path / "cgroup", v2_cgroup(f"/docker/{number:064x}"))
    young.look(100, 100)
    assert len(young._readers) == MOST
    assert young._descriptors.free == 0
    young.close()
    assert young._descriptors.used == 0


def test_it_rests_while_nobody_is_young(plain: House) -> None:
    young = plain.sampler._prepared().young
    plain.begin(B)
    plain.look(10_100)
    assert young.rest() == LOOK_S, "one is young: ten looks a second"
    plain.look(10_100 + YOUNG_NS // 10**6 + 100)
    assert young._readers == {}
    seen: list[float] = []
    resting = threading.Thread(target=lambda: seen.append(young.rest()), daemon=True)
    resting.start()
    resting.join(10)
    assert seen == [0.0], "a second at most, then it looks again"
    young.close()
    assert young.rest() == LOOK_S


@pytest.mark.parametrize("name", [HYBRID_HOST, V2_HOST])
def test_few_files_are_read(tmp_path: Path, name: str) -> None:
    _, hierarchy = captured(tmp_path, name)
    files = [choice[0].files[0] for choice in life_plan(hierarchy).choices]
    assert files == (
        ["cpuacct.usage", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"]
        if name == HYBRID_HOST
        else ["cpu.stat", "memory.current", "memory.peak", "memory.events"]
    )


def test_the_later_of_both_readings_counts() -> None:
    target = Target(TargetId("docker", B, 5, None), f"/docker/{B}", "job")
    ticks = CgroupReading(100, 5, cpu_usage_ns=7, memory_usage_bytes=50, pids=3)
    seen = CgroupReading(200, 5, cpu_usage_ns=9, memory_peak_bytes=70)
    between = Glimpse(Found("/docker/b", ContainerPath("docker", B)), 0, 0, 1, seen, 60)
    life = with_glimpse(Ended(1, target, ticks, 55), between)
    assert life.last == CgroupReading(200, 5, cpu_usage_ns=9, memory_usage_bytes=50, memory_peak_bytes=70, pids=3)
    assert life.peak_bytes == 60
    earlier = replace(between, reading=between.reading._replace(read_at_ns=50))
    assert with_glimpse(Ended(1, target, ticks, 55), earlier).last == ticks
    assert with_glimpse(Ended(1, target, None, 0), between).last == between.reading
    assert with_glimpse(life, None) is life
