"""Sets by hand and undo: refused rather than harmful, through the runtime, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limits.actuator.base import ActuatorAway
from limits.actuator.native import MEMORY_NONE
from limits.sizes import MIB
from model.change import ChangeStatus
from model.errors import NotThere, Refused
from model.limits import UNLIMITED
from tests.limits.world import AUTO, CPUS_02, GIB, M64, World

APPLIED, REVERTED = ChangeStatus.APPLIED, ChangeStatus.REVERTED


def test_a_set_goes_through_the_runtime_and_keeps_the_controller_off() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(1)
    change = world.controller.set(world.request(ship, cpu_cores=0.4, hold_s=60), world.now_ms)
    assert (change.status, change.rule, change.actor) == (APPLIED, "manual", "ann")
    assert (change.before.cpu_cores, change.after.cpu_cores, change.read_back.cpu_cores) == (0.2, 0.4, 0.4)
    assert ship.dry.updates == [{"NanoCpus": 400_000_000}]
    assert ship.dry.writes == []
    world.tick(58)
    assert ship.dry.cores == 0.4
    world.tick(10)
    assert ship.dry.cores > 0.4, "afterwards the law goes on, with 0.4 as the owner's floor"
    assert world.state.audit_entries()[0].action == "limits.set"


def test_a_hold_of_zero_lasts_until_the_policy_changes_and_through_restarts() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(1)
    world.controller.set(world.request(ship, cpu_cores=0.3, hold_s=0), world.now_ms)
    world.start()
    world.tick(7000)
    assert ship.dry.cores == 0.3
    world.controller.set_policy(ship.dry.container_id, {"mode": "auto"}, "ann", world.now_ms)
    world.tick(3)
    assert ship.dry.cores > 0.3


def test_several_knobs_go_together() -> None:
    world = World()
    ship = world.ship(**CPUS_02, **M64)
    world.tick()
    change = world.controller.set(
        world.request(ship, cpu_cores=0.5, memory_bytes=128 * MIB, cpu_weight=200), world.now_ms
    )
    assert ship.dry.updates == [
        {"NanoCpus": 500_000_000, "Memory": 128 * MIB, "MemorySwap": 192 * MIB, "CpuShares": 2048}
    ]
    assert change.read_back.cpu_weight == 200
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    assert {k: ship.dry.native[k] for k in ("NanoCpus", "Memory", "MemorySwap", "CpuShares")} == {
        **CPUS_02, **M64, "CpuShares": 1024,
    }  # fmt: skip


def test_a_dry_run_answers_and_keeps_nothing() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick()
    change = world.controller.set(world.request(ship, cpu_cores=0.5, dry_run=True), world.now_ms)
    assert change.status is ChangeStatus.DRY_RUN
    assert (change.before.cpu_cores, change.after.cpu_cores) == (0.2, 0.5)
    assert ship.dry.updates == []
    assert world.changes() == []
    with pytest.raises(Refused):
        world.controller.set(world.request(ship, cpu_cores=99.0, dry_run=True), world.now_ms)


def test_what_is_so_already_is_not_written() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick()
    change = world.controller.set(world.request(ship, cpu_cores=0.2), world.now_ms)
    assert change.status is APPLIED
    assert "nothing was written" in change.reason
    assert ship.dry.updates == []
    assert world.changes() == []


@pytest.mark.parametrize(
    ("fields", "conflict", "words"),
    [
        ({}, False, "name at least one"),
        ({"cpu_cores": 0.001}, False, "between 0.01 and 4"),
        ({"cpu_cores": 4.5}, False, "between 0.01 and 4"),
        ({"cpu_cores": float("nan")}, False, "between 0.01 and 4"),
        ({"cpu_weight": 0}, False, "between 1 and 10000"),
        ({"memory_bytes": 0}, False, "cannot be removed"),
        ({"memory_bytes": -1}, False, "cannot be removed"),
        ({"memory_bytes": 5 * MIB}, False, "at least 6 MiB"),
        ({"memory_bytes": 1 << 62}, False, "cannot be removed"),
        ({"memory_bytes": 39 * MIB}, True, "it uses 40 MiB now"),
    ],
)
@pytest.mark.parametrize("v2", [False, True])
def test_harmful_and_impossible_values_are_refused(
    fields: dict[str, float], conflict: bool, words: str, v2: bool
) -> None:
    world = World(v2=v2)
    ship = world.ship(memory=40 * MIB, **CPUS_02, **M64)
    world.tick()
    with pytest.raises(Refused, match=words) as refusal:
        world.controller.set(world.request(ship, **fields), world.now_ms)
    assert refusal.value.conflict is conflict
    assert ship.dry.updates == []
    assert len(world.changes(ChangeStatus.REFUSED)) == (1 if conflict else 0)


def test_on_v2_memory_needs_a_margin_because_there_it_kills() -> None:
    world = World(v2=True)
    ship = world.ship(memory=40 * MIB, **M64)
    world.tick()
    with pytest.raises(Refused, match="with a margin"):
        world.controller.set(world.request(ship, memory_bytes=42 * MIB), world.now_ms)
    world.controller.set(world.request(ship, memory_bytes=50 * MIB), world.now_ms)
    assert (ship.dry.memory, ship.dry.kills) == (50 * MIB, 0)


def test_unknown_and_managed_containers() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    ship.managed_by = "kubernetes"
    world.tick()
    with pytest.raises(Refused, match="kubernetes owns its limits"):
        world.controller.set(world.request(ship, cpu_cores=1.0), world.now_ms)
    ghost = replace(world.request(ship, cpu_cores=1.0), container_id="f" * 64)
    with pytest.raises(NotThere, match="no running container ffffffffffff"):
        world.controller.set(ghost, world.now_ms)


def test_a_runtime_that_is_away_is_a_refusal_and_leaves_a_failed_row_at_most() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick()

    def away(*_: object) -> None:
        raise ActuatorAway("Docker does not answer")

    world.host.update = away  # type: ignore[assignment,method-assign]
    with pytest.raises(Refused, match="Docker does not answer"):
        world.controller.set(world.request(ship, cpu_cores=1.0), world.now_ms)
    assert [row.status for row in world.changes()] == [ChangeStatus.FAILED]


@pytest.mark.parametrize(
    "native",
    [
        {"NanoCpus": 250_000_000},
        {"CpuQuota": 25_000},
        {"CpuQuota": 12_500, "CpuPeriod": 50_000},
        {"NanoCpus": 250_000_000, "CpuShares": 512, "Memory": 64 * MIB, "MemorySwap": -1},
        {"CpuQuota": 25_000, "Memory": 64 * MIB, "MemorySwap": 64 * MIB},
    ],
)
def test_undo_restores_bit_for_bit(native: dict[str, int]) -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 0.1 + s * 0.1, memory=lambda s: s * 4 * MIB, **native)
    before = dict(ship.dry.native)
    world.tick(30)
    assert ship.dry.native != before
    (made,) = (
        world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
        if not native.get("Memory")
        else (world.controller.undo("ann", world.now_ms, change_id=world.changes(APPLIED)[0].id)[0],)
    )
    cpu = ("NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares")
    assert {k: ship.dry.native[k] for k in cpu} == {k: before[k] for k in cpu}
    assert ship.dry.cores == 0.25
    assert (made.rule, made.status) == ("undo", APPLIED)
    taken_back = [row for row in world.changes() if row.rule == "cpu_law"]
    assert {row.status for row in taken_back} == {REVERTED}
    assert world.controller.counts()["wharfinger_limit_changes_reverted_total"] == len(taken_back)
    assert {row.undone_by for row in world.changes() if row.rule == "cpu_law"} == {made.id}


def test_undo_keeps_the_controller_off_for_an_hour() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(5)
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    world.tick(3590)
    assert ship.dry.cores == 0.2
    assert "Left alone until" in world.controller.annotate((world.finding(ship),))[0].deed
    world.tick(20)
    assert ship.dry.cores > 0.2


def test_undo_of_memory_in_use_is_refused_and_of_everything_else_done() -> None:
    world = World()
    grown = world.ship("grown", labels=AUTO, memory=lambda s: min(200, 5 * s) * MIB, **M64)
    busy = world.ship("busy", labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(60)
    assert grown.dry.memory > 200 * MIB
    made = world.controller.undo("ann", world.now_ms, everything=True)
    assert {row.status for row in made if row.name == "grown"} == {ChangeStatus.REFUSED}
    assert grown.dry.memory > 200 * MIB
    assert busy.dry.native["NanoCpus"] == 200_000_000
    with pytest.raises(Refused, match="it uses 200 MiB"):
        world.controller.undo("ann", world.now_ms, container_id=grown.dry.container_id)


def test_undo_of_one_change_takes_the_later_ones_with_it() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick()
    first = world.controller.set(world.request(ship, cpu_cores=0.4), world.now_ms)
    second = world.controller.set(world.request(ship, cpu_cores=0.8), world.now_ms + 1)
    (made,) = world.controller.undo("ann", world.now_ms + 2, change_id=second.id)
    assert ship.dry.cores == 0.4
    with pytest.raises(Refused, match="is reverted"):
        world.controller.undo("ann", world.now_ms, change_id=second.id)
    world.controller.set(world.request(ship, cpu_cores=1.5), world.now_ms + 3)
    world.controller.undo("ann", world.now_ms + 4, change_id=first.id)
    assert ship.dry.cores == 0.2
    assert made.undone_by is None
    with pytest.raises(NotThere):
        world.controller.undo("ann", world.now_ms, change_id="none such")


def test_undo_does_not_overrule_somebody_else() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick()
    change = world.controller.set(world.request(ship, cpu_cores=0.4), world.now_ms)
    world.host.update(ship.dry.container_id, {"NanoCpus": 700_000_000})
    with pytest.raises(Refused, match=r"someone else changed its cpu limit since: it is 0\.70 cores now"):
        world.controller.undo("ann", world.now_ms, change_id=change.id)
    assert ship.dry.cores == 0.7


def test_undo_where_nothing_stands_is_empty_and_unknown_is_not_there() -> None:
    world = World()
    ship = world.ship(labels=AUTO, **CPUS_02)
    world.tick(2)
    assert world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id) == ()
    assert world.controller.undo("ann", world.now_ms, everything=True) == ()
    with pytest.raises(NotThere):
        world.controller.undo("ann", world.now_ms, container_id="f" * 64)


def test_a_limit_set_on_an_unlimited_container_can_be_lifted_again() -> None:
    world = World()
    ship = world.ship()
    world.tick()
    world.controller.set(world.request(ship, cpu_cores=0.5, memory_bytes=1 * GIB), world.now_ms)
    assert ship.dry.native["CpuQuota"] == 50_000, "NanoCpus could never be taken away again"
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    assert ship.dry.cores is UNLIMITED
    assert ship.dry.memory is UNLIMITED
    assert (ship.dry.native["CpuQuota"], ship.dry.native["Memory"]) == (-1, MEMORY_NONE)


def test_a_stopped_container_is_undone_through_the_runtime_alone() -> None:
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick()
    change = world.controller.set(world.request(ship, cpu_cores=0.4), world.now_ms)
    del world.ships[ship.dry.container_id]
    world.tick(70)
    assert ship.dry.container_id not in world.controller.policies()
    world.controller.undo("ann", world.now_ms, change_id=change.id)
    assert ship.dry.native["NanoCpus"] == 200_000_000
