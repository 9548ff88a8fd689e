"""Kills that only a counter above the containers shows: of a parent on cgroup v2, of the host on v1."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.cgroupfs.files import Descriptors
from collector.cgroupfs.hierarchy import Hierarchy
from collector.kills import KillCounters, parent_of
from collector.lives import Ended, Suspected
from collector.sampler import Sampler
from config.schema import DiscoverySettings
from model.event import Event
from model.target import Target, TargetId
from tests.support.trees import host, plant, v2_cgroup, v2_root

NO_RUNTIMES = DiscoverySettings(docker="off", podman="off", containerd="off")
A, B = "a" * 64, "b" * 64
POD = "/kubepods/pod12345678-9abc-def0-1234-56789abcdef0"


def life(cgroup: str) -> Ended:
    return Ended(1, Target(TargetId("kubernetes", cgroup, 5, None), cgroup, cgroup), None, 0)


def events(kills: int) -> str:
    return f"low 0\nhigh 0\nmax 9\noom {kills}\noom_kill {kills}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plant(tmp_path, {"vmstat": "oom_kill 10\n", "tree/k/memory.events": events(3), "tree/l/memory.events": events(0)})
    return tmp_path


@pytest.fixture
def counters(root: Path) -> Iterator[KillCounters]:
    descriptors = Descriptors(8)
    counters = KillCounters(Hierarchy("v2", {}, root / "tree"), str(root), descriptors)
    yield counters
    counters.close()
    assert descriptors.used == 0


def suspected(counters: KillCounters, *ended: str) -> list[Suspected | None]:
    judged, _ = counters.judge({"/k", "/l"}, [life(path) for path in ended])
    return [one.suspected for one in judged]


def test_the_parent_tells(root: Path, counters: KillCounters) -> None:
    assert suspected(counters, "/k/a") == [None], "nothing to compare with"
    assert suspected(counters, "/k/a") == [Suspected("/k", 0, 1)]
    plant(root, {"vmstat": "oom_kill 11\n", "tree/k/memory.events": events(4)})
    assert suspected(counters, "/k/a", "/l/b") == [Suspected("/k", 1, 1), Suspected("/l", 0, 1)]
    plant(root, {"tree/k/memory.events": events(6)})
    counters.explain("/k/c", 1)
    assert suspected(counters, "/k/a", "/k/b") == [Suspected("/k", 1, 2)] * 2, "one of both, the other is c's"
    assert suspected(counters, "/k/a") == [Suspected("/k", 0, 1)], "what was explained is not used twice"


def test_where_the_parent_went_too_the_host_tells(root: Path, counters: KillCounters) -> None:
    suspected(counters)
    shutil.rmtree(root / "tree/k")
    counters._close("/k")  # an ordinary file system goes on answering from a removed file
    plant(root, {"vmstat": "oom_kill 11\n"})
    assert suspected(counters, "/k/a", "/x") == [Suspected("host", 1, 2)] * 2


def test_a_kill_below_a_parent_in_what_is_not_watched(root: Path, counters: KillCounters) -> None:
    suspected(counters)
    plant(root, {"vmstat": "oom_kill 12\n", "tree/k/memory.events": events(5)})
    assert counters.judge((), ()) == ([], {"/k": 2}), "read on when its last container went"


def test_on_v1_the_host_alone_tells(root: Path) -> None:
    v1 = KillCounters(Hierarchy("hybrid", {"memory": root / "tree"}, root / "tree"), str(root), Descriptors(8))
    assert suspected(v1) == []
    plant(root, {"vmstat": "oom_kill 13\n", "tree/k/memory.events": events(4)})
    v1.explain("/l/b", 2)
    assert suspected(v1, "/k/a") == [Suspected("host", 1, 1)]


@pytest.mark.parametrize("vmstat", ["pgfault 1\n", "", "garbage", "oom_kill many\n"])
def test_without_any_counter_nothing_is_said(tmp_path: Path, vmstat: str) -> None:
    plant(tmp_path, {"vmstat": vmstat})
    counters = KillCounters(Hierarchy("v1", {"memory": tmp_path}, None), str(tmp_path), Descriptors(8))
    for _ in range(2):
        assert suspected(counters, "/k/a") == [None]


def test_without_descriptors_it_is_read_all_the_same(root: Path) -> None:
    counters = KillCounters(Hierarchy("v2", {}, root / "tree"), str(root), Descriptors(0))
    suspected(counters)
    plant(root, {"tree/k/memory.events": events(4)})
    assert suspected(counters, "/k/a") == [Suspected("/k", 1, 1)]


@pytest.mark.parametrize(("path", "parent"), [("/a/b", "/a"), ("/a", "/"), ("/", "/")])
def test_parent_of(path: str, parent: str) -> None:
    assert parent_of(path) == parent


def test_a_container_that_vanished_after_a_kill(tmp_path: Path) -> None:
    """Through the whole tick: no runtime answers, its cgroup goes between two ticks, its pod's counts on."""
    tree = v2_root() | v2_cgroup(POD) | v2_cgroup(f"{POD}/{A}") | v2_cgroup(f"{POD}/{B}")
    settings = host(tmp_path, tree)
    sampler = Sampler(settings, NO_RUNTIMES, "h", 1.0, sources=())

    def gone(key: str, kills: int, now_ms: int) -> list[Event]:
        sampler._prepared().watchlist.entries[key].reader.close()
        shutil.rmtree(tmp_path / "cgroup" / POD[1:] / key)
        plant(tmp_path / "cgroup" / POD[1:], {"memory.events": events(kills)})
        return list(sampler.collect(now_ms).events)

    sampler.collect(11_000)
    oom, stop = gone(A, 1, 12_000)
    assert (oom.kind, oom.container_id, stop.kind) == ("oom", A, "stop")
    assert oom.detail == {"count": 1, "counted_by": POD, "among": 1, "memory_usage_bytes": 1_000_000}
    assert (stop.detail["oom_killed"], stop.detail["exit_code"]) == (True, None)
    (stop,) = gone(B, 1, 13_000)
    assert (stop.kind, stop.detail["oom_killed"]) == ("stop", False)
    sampler.close()
