"""Memory usage between two ticks: right, cheap in files, and level when containers come and go."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collector import quick
from collector.quick import QuickLook
from collector.sampler import Sampler
from config.schema import DiscoverySettings
from tests.support.trees import V2_HOST, captured, host, plant

IDS = [letter * 64 for letter in "abc"]
NO_RUNTIMES = DiscoverySettings(docker="off", podman="off", containerd="off")


def v1_tree(tmp_path: Path, ids: list[str]) -> dict[str, str]:
    files = {f"{controller}/cgroup.procs": "" for controller in ("cpu", "cpuacct", "memory")}
    for number, key in enumerate(ids, 1):
        files[f"memory/docker/{key}/memory.usage_in_bytes"] = f"{number}000\n"
        files[f"memory/docker/{key}/cgroup.procs"] = ""
        files[f"cpuacct/docker/{key}/cpuacct.usage"] = "1\n"
        files[f"cpu/docker/{key}/cgroup.procs"] = ""
    return files


def test_usage_between_two_ticks(tmp_path: Path) -> None:
    settings = host(tmp_path, v1_tree(tmp_path, IDS))
    sampler = Sampler(settings, NO_RUNTIMES, "h", 1.0, sources=())
    assert sampler.quick_look(IDS) == {}, "nothing is known before the first tick"
    assert set(sampler.collect(1_000).targets) == set(IDS)
    assert sampler.quick_look([IDS[0], IDS[2], "unknown"]) == {IDS[0]: 1000, IDS[2]: 3000}
    plant(tmp_path / "cgroup", {f"memory/docker/{IDS[0]}/memory.usage_in_bytes": "7777\n"})
    plant(tmp_path / "cgroup", {f"memory/docker/{IDS[2]}/memory.usage_in_bytes": "garbage\n"})
    assert sampler.quick_look([IDS[0], IDS[2]]) == {IDS[0]: 7777}
    sampler.close()


def test_there_is_none_on_v2(tmp_path: Path) -> None:
    settings, _ = captured(tmp_path, V2_HOST)
    sampler = Sampler(settings, NO_RUNTIMES, "h", 1.0, sources=())
    assert sampler.quick_look(list(sampler.collect(1_000).targets)) == {}
    sampler.close()


def test_files_are_given_back_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host(tmp_path, v1_tree(tmp_path, IDS))
    folder, look = str(tmp_path / "cgroup/memory"), QuickLook()
    paths = {key: f"/docker/{key}" for key in IDS}
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        assert len(look.look(folder, paths)) == 3
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 3
    assert look.look(folder, {IDS[1]: paths[IDS[1]]}) == {IDS[1]: 2000}
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    monkeypatch.setattr(quick, "MOST", 2)
    assert len(look.look(folder, paths)) == 2
    shutil.rmtree(tmp_path / f"cgroup/memory/docker/{IDS[0]}")
    look.close()
    assert set(look.look(folder, paths)) == {IDS[1], IDS[2]}
    look.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
