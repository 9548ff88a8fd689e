"""What a service needs is learnt over its containers, fades, is kept, and is what a new container starts with."""

from __future__ import annotations

import pytest

from limits.profile import HALF_LIFE_MS, Histogram, Profile, Profiles
from limits.sizes import MIB
from model.limits import bounded
from tests.limits.world import AUTO, Ship, World

M256 = {"NanoCpus": 500_000_000, "Memory": 256 * MIB, "MemorySwap": 256 * MIB}
M512 = {**M256, "Memory": 512 * MIB, "MemorySwap": 512 * MIB}
HOUR_S = 3700


def test_the_past_fades_by_half_in_a_day() -> None:
    found = Histogram(0.01)
    for _ in range(100):
        found.add(4.0, 0)
    for _ in range(60):
        found.add(1.0, HALF_LIFE_MS)
    assert found.total == pytest.approx(110)
    assert found.share_above(2.0) == pytest.approx(50 / 110)
    assert found.value_at(0.5) == pytest.approx(1.0, rel=0.06)
    assert found.value_at(1.0) == pytest.approx(4.0, rel=0.06)
    assert Histogram(1.0).value_at(0.9) is None


def test_a_value_lies_in_a_bucket_that_ends_a_twentieth_above_it_at_most() -> None:
    for value in (0.01, 0.013, 0.5, 3.99, 64.0):
        found = Histogram(0.01)
        found.add(value, 0)
        end = found.value_at(1.0)
        assert end is not None
        assert value < end <= value * 1.0501


def test_what_is_kept_is_what_is_loaded_and_rubbish_is_left_out() -> None:
    one, other = Profiles(), Profiles()
    for minute in range(90):
        one.of("shop/web").learn({"cpu": 1.2, "memory": 300.0 * MIB}, minute * 60_000)
    one.of("shop/web").kill_floor = (400.0 * MIB, 10**12, 86_400_000)
    kept = one.kept(90 * 60_000)
    other.load({**kept, "bad": {"needs": 3}, "worse": None})
    assert other.kept(90 * 60_000) == kept
    assert other.of("shop/web").start_with("cpu") == one.of("shop/web").start_with("cpu")
    assert other.of("bad") == Profile()
    assert one.kept(100 * HALF_LIFE_MS) == {}


def recreated(world: World, ship: Ship, **native: int) -> Ship:
    """The same service in a container with another id."""
    world.ships.pop(ship.dry.container_id)
    fresh = world.ship("web2", labels=AUTO, demand=0.05, memory=20.0 * MIB, **native)
    fresh.service = ship.service
    return fresh


def test_a_recreated_container_starts_with_what_its_service_needs_even_after_a_restart() -> None:
    world = World()
    ship = world.ship(
        labels=AUTO, demand=2.0, memory=300.0 * MIB, **{**M256, "Memory": 512 * MIB, "MemorySwap": 512 * MIB}
    )
    ship.service = "shop/web"
    world.tick(HOUR_S)
    world.controller.close()
    world.start()
    fresh = recreated(world, ship, **M256)
    world.tick(4)
    assert (bounded(fresh.dry.cores) or 0) >= 2.0
    assert (bounded(fresh.dry.memory) or 0) >= 330 * MIB
    world.tick(1800)
    assert (bounded(fresh.dry.cores) or 0) == 0.5, "what it does not need goes back to its owner's limit"


def test_a_service_that_nobody_knows_starts_as_it_is() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=0.05, memory=20.0 * MIB, **M256)
    world.tick(30)
    assert (bounded(ship.dry.cores), bounded(ship.dry.memory)) == (0.5, 256 * MIB)


def test_who_only_watches_is_told_right_sizes_with_their_risk_and_saving() -> None:
    world = World()
    world.ship(demand=0.2, memory=100.0 * MIB, NanoCpus=3_000_000_000, Memory=2048 * MIB, MemorySwap=2048 * MIB)
    world.tick(HOUR_S)
    cpu, memory = world.controller.recommendations()
    assert (cpu.knob, memory.knob) == ("cpu", "memory")
    assert 0.2 <= cpu.proposed <= 1.0
    assert cpu.saving == pytest.approx(cpu.now - cpu.proposed)
    assert 164 * MIB <= memory.proposed <= 180 * MIB
    assert memory.risk == 0
    assert 0.03 <= memory.confidence <= 0.06
    size = f"{memory.proposed / MIB:.0f} MiB"
    assert memory.reason == f"{size} is what its service needs with room to spare, by 1 container-hours"
