"""Memory between two ticks: who is looked at, when a raise is asked for, and what it costs nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from limits.actuator.base import MemoryUse
from limits.between import EVERY_MS, IDLE_S
from limits.sizes import MIB
from model.change import ChangeStatus
from tests.limits.world import AUTO, M64, Ship, World

M256 = {"Memory": 256 * MIB, "MemorySwap": 512 * MIB}


class Scale:
    """Stands for the kernel's ``memory.usage_in_bytes``: what each container weighs at the next look."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.usage: dict[str, int] = {}
        self.asked: list[set[str]] = []

    def __call__(self, keys: Collection[str]) -> Mapping[str, int]:
        self.asked.append(set(keys))
        return {key: self.usage[key] for key in keys if key in self.usage}

    def weigh(self, ship: Ship, used: float, *, cache: float = 0.0) -> float:
        """One look a tenth of a second later; the worker then makes what was planned."""
        self.world.now_ms += EVERY_MS
        self.usage[ship.dry.container_id] = round(used + cache)
        ship.dry.in_use = round(used)
        wait_s = self.world.controller.between_ticks(self, self.world.now_ms)
        self.world.act()
        return wait_s


def afloat(memory: float = 30 * MIB, *, v2: bool = False) -> tuple[World, Ship, Scale]:
    """A host with one container of 256 MiB under auto, known for some ticks."""
    world = World(v2=v2)
    ship = world.ship(labels=AUTO, memory=memory, **M256)
    world.tick(3)
    return world, ship, Scale(world)


def test_growth_that_a_second_would_not_have_shown_is_met_at_once() -> None:
    world, ship, scale = afloat()
    for step in range(10):  # 200 MiB a second, from 30 MiB
        scale.weigh(ship, (30 + 20 * step) * MIB)
        assert ship.dry.in_use < (ship.dry.memory or 0), f"it would have been killed at step {step}"
    change = world.changes(ChangeStatus.APPLIED)[0]
    assert (change.rule, change.before.memory_bytes) == ("memory_law", 256 * MIB)
    assert (change.after.memory_bytes or 0) > 256 * MIB
    assert "MiB" in change.reason


def test_it_is_looked_at_ten_times_a_second_between_the_ticks() -> None:
    world, ship, scale = afloat()
    for odd_ms in (0, 3, 49, 50, 51, 99):
        world.now_ms = world.now_ms // 1000 * 1000 + odd_ms
        wait_s = scale.weigh(ship, 30 * MIB)
        assert (world.now_ms + round(wait_s * 1000)) % EVERY_MS == 50
        assert 0 < wait_s <= EVERY_MS / 1000


def test_little_growth_asks_the_kernel_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship, scale = afloat()
    monkeypatch.setattr(world.host, "memory_use", lambda _cgroup: pytest.fail("nothing was the matter"))
    for step in range(10):
        scale.weigh(ship, (30 + 0.2 * step) * MIB)
    assert world.changes() == []


def test_file_cache_is_no_need(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship, scale = afloat()
    key, reads = ship.dry.container_id, []

    def use(_cgroup: str) -> MemoryUse:
        reads.append(world.now_ms)
        return MemoryUse(ship.dry.in_use, current=scale.usage[key])

    monkeypatch.setattr(world.host, "memory_use", use)
    for step in range(10):
        scale.weigh(ship, 30 * MIB, cache=22 * MIB * step)
    assert world.changes() == []
    assert 1 <= len(reads) <= 10


def test_nobody_is_looked_at_who_did_not_ask() -> None:
    world = World()
    world.ship("watched", memory=30 * MIB, **M256)
    world.ship("unbounded", labels=AUTO, memory=30 * MIB)
    world.tick(3)
    scale = Scale(world)
    assert world.controller.between_ticks(scale, world.now_ms) == IDLE_S
    assert scale.asked == []


@pytest.mark.parametrize("how", ["paused", "held", "rule", "stopped"])
def test_who_may_not_be_raised_is_not_looked_at(how: str) -> None:
    world, ship, scale = afloat()
    if how == "paused":
        world.controller.pause(True, "test", None, "ann", world.now_ms)
    elif how == "held":
        world.controller.set(world.request(ship, memory_bytes=300 * MIB, hold_s=3600.0), world.now_ms)
    elif how == "rule":
        world.hands = {(ship.dry.container_id, "memory"): "mine"}
    else:
        ship.state = "paused"
    world.tick()
    assert scale.weigh(ship, 250 * MIB) == IDLE_S
    assert scale.asked == []


def test_on_cgroup_v2_the_airbag_does_it() -> None:
    _, ship, scale = afloat(v2=True)
    assert scale.weigh(ship, 250 * MIB) == IDLE_S
    assert scale.asked == []


@pytest.mark.parametrize("looked_at", [True, False])
def test_one_that_is_looked_at_needs_no_more_room_than_with_an_airbag(looked_at: bool) -> None:
    world, ship, scale = afloat()
    for used in range(30, 180, 10):
        if looked_at:
            scale.weigh(ship, used * MIB)
        now = float(used * MIB)
        ship.memory = lambda _second, now=now: now
        world.tick()
    assert (ship.dry.memory == 256 * MIB) is looked_at, "86 MiB are left: enough only for one that is looked at"


def test_what_the_bounds_refuse_is_not_asked_for_at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {**AUTO, "wharfinger.memory.max": "256m"}
    world = World()
    ship = world.ship(labels=labels, memory=30 * MIB, **M256)
    world.tick(3)
    scale, reads = Scale(world), []
    real = world.host.memory_use
    monkeypatch.setattr(world.host, "memory_use", lambda cgroup: reads.append(cgroup) or real(cgroup))
    for _ in range(9):
        scale.weigh(ship, 250 * MIB)
    assert len(reads) == 1
    assert world.changes(ChangeStatus.APPLIED) == []


def test_one_that_cannot_be_read_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship, scale = afloat()
    other = world.ship("other", labels=AUTO, memory=30 * MIB, **M64)
    world.tick(3)
    scale.usage[other.dry.container_id] = 63 * MIB
    real = world.host.memory_use
    monkeypatch.setattr(world.host, "memory_use", lambda cgroup: None if cgroup == other.dry.cgroup else real(cgroup))
    scale.weigh(ship, 250 * MIB)
    assert [change.name for change in world.changes(ChangeStatus.APPLIED)] == [ship.dry.name]
