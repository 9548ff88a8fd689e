"""Memory that was given is taken back: only where asked, tried first, watched, undone when it is missed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from config.schema import LimitSettings
from limits.leak import LeakWatch
from limits.rollback import Lowerings, harm
from limits.runtimes import start_sized
from limits.sizes import MIB
from model.change import ChangeStatus
from model.limits import bounded
from tests.limits.world import AUTO, Ship, World

SHRINK = {**AUTO, "wharfinger.memory.min": "32m"}
SETTINGS = LimitSettings(shrink_memory=True, memory_peak_window="10m")
M1024 = {"Memory": 1024 * MIB, "MemorySwap": 1024 * MIB}


def world_with(*, v2: bool, commands: tuple[str, ...] = ("app",)) -> tuple[World, Ship]:
    world = World(settings=SETTINGS, v2=v2)
    ship = world.ship(labels=SHRINK, memory=200.0 * MIB, **M1024)
    ship.dry.commands = commands
    return world, ship


def size(ship: Ship) -> float:
    return (bounded(ship.dry.memory) or 0) / MIB


def until_lowered(world: World, ship: Ship, seconds: int = 900) -> float:
    """Ticks until the limit falls; what it was before."""
    for _ in range(seconds):
        before = size(ship)
        world.tick()
        if size(ship) < before:
            return before
    raise AssertionError("nothing was lowered")


@pytest.mark.parametrize("v2", [False, True])
def test_a_lowering_that_is_missed_is_put_back_at_once(v2: bool) -> None:
    world, ship = world_with(v2=v2)
    before = until_lowered(world, ship)
    world.tick(20)
    world.sample_values = {"memory_refaults_per_second": 900.0}
    world.tick()
    assert size(ship) == before
    (back,) = [row for row in world.changes(ChangeStatus.APPLIED) if row.rule == "memory_rollback"]
    assert "what was taken back is missed: pages thrown out are read again: 900 a second" in back.reason
    world.sample_values = {}
    lowest = size(ship)
    world.tick(890)
    assert size(ship) == lowest, "a quarter of an hour of rest"
    until_lowered(world, ship, 200)


def test_what_hurts_later_than_five_minutes_is_another_matter() -> None:
    world, ship = world_with(v2=False)
    until_lowered(world, ship)
    for _ in range(1000):
        low = size(ship)
        world.tick(301)
        if size(ship) == low:
            break
    world.sample_values = {"memory_refaults_per_second": 900.0}
    world.tick()
    assert size(ship) == low


def test_three_rollbacks_in_a_day_end_it_even_over_a_restart() -> None:
    world, ship = world_with(v2=False)
    for _ in range(3):
        world.sample_values = {}
        until_lowered(world, ship, 3600)
        world.sample_values = {"memory_pressure_full_ratio": 0.5}
        world.tick(3)
    world.sample_values = {}
    low = size(ship)
    world.tick(1800)
    assert size(ship) == low
    assert sum(row.rule == "memory_rollback" for row in world.changes(ChangeStatus.APPLIED)) == 3
    world.start()
    world.tick(900)
    assert size(ship) == low
    (told,) = world.controller.annotate(())
    assert (told.detector, told.container_id) == ("memory_kept", ship.dry.container_id)


def test_on_v2_memory_high_goes_first_for_a_minute() -> None:
    world, ship = world_with(v2=True)
    highs: list[tuple[float, float]] = []
    for _ in range(760):
        world.tick()
        highs.append((size(ship), (bounded(ship.dry.high) or 0) / MIB))
        if size(ship) < 1024:
            break
    tried = [high for limit, high in highs if limit == 1024 and high < 900]
    assert 55 <= len(tried) <= 70, "about a minute under memory.high alone"
    assert size(ship) >= tried[-1], "then as far as was tried"


def test_a_trial_that_stalls_lowers_nothing() -> None:
    world, ship = world_with(v2=True)
    for _ in range(760):
        world.tick()
        if 0 < (bounded(ship.dry.high) or 0) < 900 * MIB:
            break
    world.sample_values = {"memory_pressure_full_ratio": 0.2}
    world.tick(5)
    world.sample_values = {}
    world.tick(300)
    assert size(ship) == 1024
    assert (bounded(ship.dry.high) or 0) > 900 * MIB, "memory.high is back where the airbag has it"


def test_a_program_that_sized_itself_keeps_what_it_started_with() -> None:
    world, ship = world_with(v2=False, commands=("tini", "java"))
    world.tick(1500)
    assert size(ship) == 1024


def test_programs_are_known_by_name() -> None:
    assert start_sized(("sh", "java")) == "java"
    assert start_sized(("java17",)) == "java17"
    assert start_sized(("nginx", "app")) is None


def test_after_a_kill_the_limit_that_killed_is_not_gone_back_to_for_a_day() -> None:
    world = World(settings=SETTINGS)
    m256 = {"Memory": 256 * MIB, "MemorySwap": 256 * MIB}
    ship = world.ship(labels=SHRINK, memory=lambda s: (400.0 if s == 30 else 90.0) * MIB, **m256)
    world.tick(2400)
    assert ship.kills == 1
    assert 1.2 * 256 - 1 <= size(ship) <= 1.4 * 256


def test_a_leak_is_given_double_and_then_told() -> None:
    world = World()
    m512 = {"Memory": 512 * MIB, "MemorySwap": 512 * MIB}
    ship = world.ship(labels=AUTO, memory=lambda s: (100 + s / 10) * MIB, **m512)
    world.tick(4805)
    recognised = size(ship)
    world.tick(9000)
    assert size(ship) == pytest.approx(2 * recognised, rel=0.01)
    refused = [row for row in world.changes(ChangeStatus.REFUSED) if "as a leak does" in row.reason]
    assert "at this rate it is full at" in refused[0].reason
    assert "360 MiB/h" in refused[0].reason


def test_work_that_gives_back_is_no_leak() -> None:
    watch = LeakWatch()
    for second in range(20_000):
        watch.see((100 + (second % 1000)) * MIB, 2048 * MIB, 1.0, second * 1000)
    assert not watch.leaks()
    assert watch.most() == float("inf")


def test_what_was_usual_before_is_no_harm() -> None:
    lowerings = Lowerings()
    for _ in range(300):
        lowerings.see({"memory_refaults_per_second": 400.0}, 1.0)
    lowerings.made(100.0, 0)
    assert lowerings.hurts({"memory_refaults_per_second": 1000.0}, 1000, killed=False) is None
    assert lowerings.hurts({"memory_refaults_per_second": 1300.0}, 2000, killed=False) is not None
    assert lowerings.last is not None
    assert harm({"health": 0.0}, {}, lowerings.last.stalls) == "its health check fails"


def test_one_lowering_at_a_time_on_a_host_and_none_while_it_is_short() -> None:
    world = World(settings=SETTINGS)
    ships = [world.ship(f"c{i}", labels=SHRINK, memory=200.0 * MIB, **M1024) for i in range(4)]
    world.host_values = {"memory_pressure_full_ratio": 0.5}
    world.tick(900)
    assert {size(ship) for ship in ships} == {1024}
    world.host_values = {}
    world.tick(120)
    times = [row.at_ms for row in world.changes(ChangeStatus.APPLIED)]
    assert len(times) >= 4
    assert all(later - earlier >= 10_000 for earlier, later in pairwise(times))
