"""The demo's workloads: each shows what it is there to show, and nothing of it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine
from tools.workloads import WORKLOADS, CgroupStage, DockerStage

CGROUP = Path("/sys/fs/cgroup")


@pytest.mark.docker
def test_the_containers_come_and_go(docker_engine: DockerEngine) -> None:
    engine = DockerEngine(docker_engine.address)
    stage = DockerStage(engine)
    stage.start()
    try:
        demo = {"label": ["com.docker.compose.project=demo", "wharfinger.test=demo"]}
        running = docker_engine.client.containers.list(filters=demo, ignore_removed=True)
        services = {c.labels["com.docker.compose.service"]: c for c in running}
        assert set(services) >= {w.name for w in WORKLOADS}
        ours = {w.name: services[w.name] for w in WORKLOADS}

        def throttled() -> bool:
            stats = ours["throttled"].stats(stream=False)
            return bool(stats["cpu_stats"]["throttling_data"]["throttled_periods"])

        wait_until(throttled, 15, "throttling")
        assert ours["growing"].attrs["HostConfig"]["Memory"] == 64 * 1024 * 1024
    finally:
        stage.stop()
    left = {c.id for c in docker_engine.client.containers.list(all=True, ignore_removed=True)}
    assert not left & {c.id for c in ours.values()}


@pytest.mark.root
def test_cgroups_made_by_hand_come_and_go(as_root: None) -> None:
    stage = CgroupStage(CGROUP)
    stage.start()
    folders = stage.folders()
    try:
        assert {f.name for f in folders} == {w.name for w in WORKLOADS}
        stat = next(f / "cpu.stat" for f in folders if f.name == "throttled" and (f / "cpu.stat").exists())
        wait_until(
            lambda: int(dict(x.split() for x in stat.read_text().splitlines())["nr_throttled"]) > 0, 10, "throttling"
        )
    finally:
        stage.stop()
    assert not [f for f in folders if f.exists()]
