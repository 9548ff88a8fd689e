"""Containers whose limits nobody keeps for us: written directly, undone, and written again when the host lost them."""

from __future__ import annotations

import pytest

from limits.actuator.by_runtime import ByRuntime, native_in
from limits.actuator.podman import resources
from limits.sizes import MIB
from model.change import ChangeStatus, Mode
from model.limits import UNLIMITED, Limits
from model.target import Target, TargetId
from tests.limits.world import AUTO, GIB, Ship, World

HALF = {"CpuQuota": 50_000, "CpuPeriod": 100_000, "Memory": 256 * MIB, "MemorySwap": 512 * MIB}


def world_with(
    runtime: str = "containerd", *, labels: dict[str, str] = AUTO, demand: float = 0.1
) -> tuple[World, Ship]:
    world = World()
    ship = world.ship(labels=labels, demand=demand, memory=64.0 * MIB, **HALF)
    ship.runtime = runtime
    world.tick(3)
    return world, ship


def rules(world: World) -> list[tuple[str, str]]:
    return [(row.rule, row.status.value) for row in world.changes()]


@pytest.mark.parametrize("runtime", ["containerd", "podman"])
def test_a_law_writes_straight_into_the_kernel_and_undo_puts_back(runtime: str) -> None:
    world, ship = world_with(runtime, demand=1.5)
    world.tick(30)
    assert ship.dry.cores >= 1.5
    assert ship.dry.updates == [], "Docker is not asked"
    assert {row.status for row in world.changes()} == {ChangeStatus.APPLIED}
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    assert ship.dry.cores == 0.5


def test_what_a_person_set_is_written_again_when_the_host_lost_it() -> None:
    world, ship = world_with(labels={})
    world.controller.set(world.request(ship, cpu_cores=0.8, memory_bytes=GIB), world.now_ms)
    world.tick(10)
    ship.dry.cores, ship.dry.memory = 0.5, 256 * MIB
    world.tick(2)
    assert (ship.dry.cores, ship.dry.memory) == (0.8, GIB)
    assert rules(world)[1:] == [("reassert", "applied"), ("reassert", "applied")]
    assert [e.action for e in world.state.audit_entries()] == ["limits.set"]
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    assert (ship.dry.cores, ship.dry.memory) == (0.5, 256 * MIB)
    world.tick(10)
    assert ship.dry.cores == 0.5


def test_a_restarted_container_gets_it_again_and_a_foreign_value_is_its_owners() -> None:
    world, ship = world_with(labels={})
    world.controller.set(world.request(ship, cpu_cores=0.8), world.now_ms)
    ship.inode, ship.dry.cores = 2, 0.5
    world.tick(3)
    assert ship.dry.cores == 0.8
    world.tick(10)
    ship.dry.cores = 0.6
    world.tick(10)
    assert ship.dry.cores == 0.6
    assert "limits.foreign_change" in [e.action for e in world.state.audit_entries()]


def test_a_host_that_insists_is_not_fought() -> None:
    world, ship = world_with(labels={})
    world.controller.set(world.request(ship, cpu_cores=0.8), world.now_ms)
    for _ in range(6):
        world.tick(8)
        ship.dry.cores = 0.5
    world.tick(8)
    assert ship.dry.cores == 0.5
    assert [rule for rule, _ in rules(world)].count("reassert") == 3


def test_a_memory_limit_is_not_written_again_below_what_is_in_use() -> None:
    world, ship = world_with(labels={})
    world.controller.set(world.request(ship, memory_bytes=128 * MIB), world.now_ms)
    world.tick(10)
    ship.memory = lambda _second: 200.0 * MIB
    ship.dry.memory = 256 * MIB
    world.tick(10)
    assert (ship.dry.memory, ship.dry.kills) == (256 * MIB, 0)


def test_nothing_is_written_again_while_limits_are_paused() -> None:
    world, ship = world_with(labels={})
    world.controller.set(world.request(ship, cpu_cores=0.8), world.now_ms)
    world.tick(10)
    world.controller.pause(True, "a test", None, "ann", world.now_ms)
    ship.dry.cores = 0.5
    world.tick(10)
    assert ship.dry.cores == 0.5


def test_a_service_is_under_auto_by_its_name_only() -> None:
    world = World()
    world.settings = world.settings.__class__(mode="auto")
    world.start()
    ship = world.ship("dbus", demand=1.5, **HALF)
    ship.runtime = "systemd"
    world.tick(10)
    assert ship.dry.writes == []
    policy = world.controller.set_policy(ship.dry.container_id, {"mode": "auto"}, "ann", world.now_ms)
    assert policy.mode is Mode.AUTO
    world.tick(30)
    assert ship.dry.cores >= 1.5


def test_the_kernels_limits_in_dockers_form_and_back() -> None:
    limits = Limits(0.5, 50_000, 100_000, 200, 64 * MIB, None, None, 64 * MIB)
    fields = {"NanoCpus": 0, "CpuQuota": 50_000, "CpuPeriod": 100_000, "CpuShares": 2048}
    assert native_in(limits, v2=False) == fields | {"Memory": 64 * MIB, "MemorySwap": 128 * MIB}
    none = Limits(UNLIMITED, UNLIMITED, 100_000, None, UNLIMITED, None, None, UNLIMITED)
    assert native_in(none, v2=True)["CpuQuota"] == -1
    assert native_in(none, v2=True)["Memory"] == native_in(none, v2=True)["MemorySwap"] == 0


@pytest.mark.parametrize("v2", [False, True])
def test_a_weight_comes_through_whichever_scale_the_runtime_has(v2: bool) -> None:
    world = World(v2=v2)
    ship = world.ship(**HALF)
    target = Target(TargetId("containerd", ship.dry.container_id, 1), ship.dry.cgroup, "web")
    door = ByRuntime(world.host, None, world.host, lambda _key: target)
    for weight in (1, 79, 100, 300, 10_000):
        world.host.write_weight(ship.dry.cgroup, weight)
        shown = world.host.read(ship.dry.cgroup).cpu_weight
        native = door.inspect(ship.dry.container_id)
        assert native.knobs is not None
        assert native.knobs.cpu_weight == shown
        door.update(ship.dry.container_id, {"CpuShares": native.native["CpuShares"]})
        assert world.host.read(ship.dry.cgroup).cpu_weight == shown


def test_podmans_resources() -> None:
    assert resources({"CpuQuota": -1, "CpuPeriod": 100_000}) == {"cpu": {"quota": -1, "period": 100_000}}
    none = (1 << 63) - 4096
    assert resources({"Memory": none, "MemorySwap": none}) == {"memory": {"limit": -1, "swap": -1}}
    assert resources({"CpuShares": 512}) == {"cpu": {"shares": 512}}
