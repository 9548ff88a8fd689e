"""The CPU weight that the owner names is set once under ``auto``, and a person's word stands above it."""

from __future__ import annotations

from limits.actuator.native import NATIVE_FIELDS
from model.change import ChangeStatus
from tests.limits.world import AUTO, World

LABELS = {**AUTO, "wharfinger.cpu.weight": "300"}


def test_it_is_set_once_journalled_and_undone() -> None:
    world = World()
    ship = world.ship(labels=LABELS, NanoCpus=500_000_000)
    world.tick(5)
    (row,) = world.changes(ChangeStatus.APPLIED)
    assert (row.rule, row.after.cpu_weight) == ("owner_weight", 300)
    assert [list(one) for one in ship.dry.updates] == [["CpuShares"]]
    assert ship.dry.shares > 1024
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    assert ship.dry.shares == 1024
    world.tick(5)
    assert ship.dry.shares == 1024
    assert set(NATIVE_FIELDS) == set(ship.dry.native)


def test_nobody_else_gets_one() -> None:
    world = World()
    ship = world.ship(labels={"wharfinger.cpu.weight": "300"}, NanoCpus=500_000_000)
    world.tick(5)
    assert ship.dry.updates == []


def test_a_person_who_set_another_is_not_overruled_by_a_restart() -> None:
    world = World()
    ship = world.ship(labels=LABELS, NanoCpus=500_000_000)
    world.tick(5)
    world.controller.set(world.request(ship, cpu_weight=50, hold_s=1.0), world.now_ms)
    shares = ship.dry.shares
    world.start()
    world.tick(10)
    assert ship.dry.shares == shares
