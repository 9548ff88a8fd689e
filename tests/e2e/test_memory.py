"""Memory on the real engine: what grows is given room in time, what is only watched is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import DOCKER, running
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine

pytestmark = pytest.mark.docker

MIB = 1 << 20
GROW = (
    'BEGIN { for (i = 0; i < 54; i++) { kept[i] = sprintf("%5242880s", "x"); system("sleep 1") } system("sleep 3600") }'
)
"""awk that keeps five more mebibytes of its own memory each second, up to 270."""


def test_what_grows_under_auto_is_not_killed_and_its_watched_neighbours_are_left_alone(
    tmp_path: Path, docker_engine: DockerEngine
) -> None:
    with running(tmp_path, **{DOCKER: docker_engine.address}) as house:
        auto = {"wharfinger.limits": "auto", "wharfinger.memory.max": "300m"}
        options = {"mem_limit": "64m", "network_mode": "none"}
        grower = docker_engine.run(["awk", GROW], labels=auto, **options)
        watched = docker_engine.run(["sh", "-c", "head -c 58m /dev/zero | tail -n 1; sleep 3600"], **options)
        idle = docker_engine.run(["sleep", "3600"], labels=auto, **options)

        def memory_limit(container: object) -> int:
            config = docker_engine.client.api.inspect_container(container.id)["HostConfig"]  # type: ignore[attr-defined]
            return int(config["Memory"])

        def used() -> float:
            return float(house.get(f"/containers/{grower.id}")["latest"].get("memory_working_set_bytes", 0))

        wait_until(lambda: used() >= 270 * MIB, 120, "the grower holds 270 MiB")
        state = docker_engine.client.api.inspect_container(grower.id)["State"]
        assert (state["OOMKilled"], state["Running"]) == (False, True)
        assert 270 * MIB < memory_limit(grower) <= 300 * MIB
        changes = house.items("/limits/changes", container=grower.id)
        assert {c["rule"] for c in changes if c["status"] == "applied"} == {"memory_law"}
        for container in (watched, idle):
            assert memory_limit(container) == 64 * MIB
            assert not [c for c in house.items("/limits/changes", container=container.id) if c["status"] == "applied"]
        house.ask("POST", "/limits/undo", {"container": grower.id})
