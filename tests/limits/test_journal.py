"""What a crash leaves behind is settled by what the kernel shows."""

from __future__ import annotations

import pytest

from limits.actuator.base import Unanswered
from limits.sizes import MIB
from model.change import Change, ChangeStatus, Knobs
from model.errors import Refused
from tests.limits.world import AUTO, CPUS_02, M64, START_MS, World


class Killed(BaseException):
    """Stands for kill -9: nothing of ours runs after it."""


def pending(container_id: str, after: float) -> Change:
    return Change(
        "left", START_MS, "quay", container_id, "web", ChangeStatus.PENDING, "cpu_law", "load rose",
        Knobs(cpu_cores=0.2), Knobs(cpu_cores=after),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("in_force", "status", "words"),
    [
        (0.5, ChangeStatus.APPLIED, "found in force afterwards"),
        (0.2, ChangeStatus.FAILED, "it was not done"),
        (0.9, ChangeStatus.FAILED, "now it is otherwise"),
    ],
)
def test_a_pending_row_is_settled_honestly(in_force: float, status: ChangeStatus, words: str) -> None:
    world = World()
    ship = world.ship(labels=AUTO, **CPUS_02)
    ship.dry.cores = in_force
    world.state.put_change(pending(ship.dry.container_id, 0.5))
    world.start()
    world.tick(12)
    (row,) = world.changes()
    assert row.status is status
    assert words in row.reason
    assert row.read_back.cpu_cores == in_force


def test_a_pending_row_of_a_container_that_is_gone() -> None:
    world = World()
    world.state.put_change(pending("e" * 64, 0.5))
    world.start()
    world.tick(20)
    (row,) = world.changes()
    assert row.status is ChangeStatus.FAILED
    assert "the container is gone" in row.reason


@pytest.mark.parametrize("door", ["write_cpu", "raise_memory", "update", "inspect", "read"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_door_the_next_start_can_undo_everything(door: str, after: bool) -> None:
    """The original is on record before anything is written, and no row stays pending."""
    world = World(cpu_count=64)
    ship = world.ship(labels=AUTO, demand=lambda s: 0.1 + s * 0.1, memory=lambda s: 3 * s * MIB, **CPUS_02, **M64)
    before = dict(ship.dry.native)
    world.tick(2)
    whole = getattr(world.host, door)

    def killed(*given: object) -> object:
        if after:
            whole(*given)
        raise Killed

    for calls in range(4):
        world.tick(calls)
        setattr(world.host, door, killed)
        with pytest.raises(Killed):
            world.tick(60)
        setattr(world.host, door, whole)
        world.start()
        world.tick(12)
        assert world.changes(ChangeStatus.PENDING) == []
    ship.memory = lambda _second: 2 * MIB
    world.tick(2)
    world.controller.undo("ann", world.now_ms, everything=True)
    assert ship.dry.native == before
    assert (ship.dry.cores, ship.dry.memory) == (0.2, 64 * MIB)


def test_the_runtime_that_lagged_behind_at_a_crash_follows_after_the_start() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 0.1 + s * 0.1, **CPUS_02)
    world.tick(10)
    assert ship.dry.native["NanoCpus"] < ship.dry.cores * 1e9
    ahead = ship.dry.cores
    world.start()
    world.tick(1)
    assert ship.dry.native["NanoCpus"] == pytest.approx(ahead * 1e9)


def test_memory_is_not_raised_again_while_an_update_without_an_answer_may_still_come() -> None:
    """Docker took longer than our patience, and wrote the older, lower limit over a higher one: that kills."""
    world = World(v2=True)
    ship = world.ship(labels=AUTO, memory=lambda s: (40 + 8 * min(s, 60)) * MIB, **M64)
    world.tick(1)
    update, late = world.host.update, []

    def silent(_container_id: str, fields: dict[str, int]) -> None:
        late.append(dict(fields))
        raise Unanswered("Docker does not answer")

    world.host.update = silent  # type: ignore[method-assign,assignment]
    while not late:
        world.tick(1)
    raised = ship.dry.memory
    assert raised > 64 * MIB, "the kernel is told at once"
    world.tick(3)
    assert (ship.dry.memory, len(late)) == (raised, 1)
    world.host.update = update  # type: ignore[method-assign]
    update(ship.dry.container_id, late[0])
    assert ship.dry.memory == raised, "what comes late takes nothing back"
    world.tick(8)
    assert ship.dry.memory > raised, "it is done with: on it goes"
    assert world.changes(ChangeStatus.PENDING) == []


def test_memory_is_raised_again_where_an_update_without_an_answer_never_came() -> None:
    world = World(v2=True)
    ship = world.ship(labels=AUTO, memory=lambda s: (40 + 8 * min(s, 60)) * MIB, **M64)
    world.tick(1)
    update = world.host.update

    def silent(_container_id: str, _fields: dict[str, int]) -> None:
        raise Unanswered("Docker does not answer")

    world.host.update = silent  # type: ignore[method-assign,assignment]
    while ship.dry.memory == 64 * MIB:
        world.tick(1)
    raised = ship.dry.memory
    world.host.update = update  # type: ignore[method-assign]
    world.tick(20)
    assert ship.dry.memory > raised
    assert world.changes(ChangeStatus.PENDING) == []


def test_an_update_without_an_answer_stays_pending_until_it_shows() -> None:
    """The runtime may be at it still: it is settled by what the kernel shows later."""
    world = World()
    ship = world.ship(**CPUS_02)
    world.tick(1)
    update = world.host.update
    late: list[dict[str, int]] = []

    def silent(container_id: str, fields: dict[str, int]) -> None:
        late.append(dict(fields))
        raise Unanswered("Docker does not answer")

    world.host.update = silent  # type: ignore[method-assign,assignment]
    with pytest.raises(Refused, match="the journal will tell"):
        world.controller.set(world.request(ship, cpu_cores=0.5), world.now_ms)
    assert [row.status for row in world.changes()] == [ChangeStatus.PENDING]
    world.host.update = update  # type: ignore[method-assign]
    world.tick(2)
    with pytest.raises(Refused, match="try again in ten seconds"):
        world.controller.undo("ann", world.now_ms, everything=True)
    update(ship.dry.container_id, late[0])
    world.tick(3)
    assert [row.status for row in world.changes()] == [ChangeStatus.APPLIED]
    assert world.state.audit_entries() == ()
    world.controller.undo("ann", world.now_ms, everything=True)
    assert ship.dry.cores == 0.2
