"""``memory.high`` under the limit: kept on disk before it is written, raised with the limit, never left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from limits.actuator.cgroupfs import kernel_version
from limits.airbag import KEPT, bags_of
from limits.sizes import MIB
from model.errors import StoreError
from model.limits import UNLIMITED
from tests.limits.world import AUTO, GIB, Ship, World
from tests.support.wait import wait_until

M256 = {"Memory": 256 * MIB, "MemorySwap": 512 * MIB}


def world_with(memory: float = 100.0, **fields: object) -> tuple[World, Ship]:
    world = World(v2=True)
    ship = world.ship(labels=AUTO, memory=lambda _second: memory * MIB, **M256)
    for name, value in fields.items():
        setattr(ship, name, value)
    world.tick(3)
    return world, ship


def kept(world: World) -> object:
    return world.state.value(KEPT)


def test_it_is_put_on_under_auto_below_the_limit_and_above_what_is_in_use() -> None:
    world, ship = world_with()
    assert ship.dry.memory == 256 * MIB
    assert ship.dry.high == 0.9 * 256 * MIB // 4096 * 4096
    row = kept(world)
    assert row == {ship.dry.container_id: {"cgroup": ship.dry.cgroup, "values": [ship.dry.high]}}
    world.tick(60)
    assert [name for name, _ in ship.dry.writes].count("memory.high") == 1


@pytest.mark.parametrize("labels", [{}, {"wharfinger.limits": "off"}])
def test_it_is_put_on_nobody_who_did_not_ask(labels: dict[str, str]) -> None:
    world = World(v2=True)
    ship = world.ship(labels=labels, memory=100.0 * MIB, **M256)
    world.tick(20)
    assert ship.dry.high is UNLIMITED
    assert ship.dry.writes == []


def test_it_is_back_in_the_same_call_after_systemd_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship = world_with()
    update = world.host.update

    def through_systemd(container_id: str, fields: dict[str, int]) -> None:
        update(container_id, fields)
        ship.dry.high = UNLIMITED

    monkeypatch.setattr(world.host, "update", through_systemd)
    high = ship.dry.high
    world.controller.set_policy(ship.dry.container_id, {"mode": "auto", "cpu_weight": 200}, "ann", world.now_ms)
    world.tick()
    assert (list(ship.dry.updates[-1]), ship.dry.high) == (["CpuShares"], high)
    ship.memory = lambda _second: 240.0 * MIB
    world.tick()
    assert ship.dry.updates[-1]["Memory"] > 256 * MIB, "the runtime was asked"
    assert isinstance(ship.dry.high, int)
    assert 240 * MIB < ship.dry.high < ship.dry.memory


def test_there_is_none_on_v1() -> None:
    world = World()
    ship = world.ship(labels=AUTO, memory=100.0 * MIB, **M256)
    world.tick(20)
    assert ship.dry.high is UNLIMITED
    assert kept(world) is None


def test_it_rises_with_the_limit_in_the_same_call() -> None:
    world, ship = world_with()
    before = ship.dry.high
    ship.memory = lambda _second: 225.0 * MIB
    world.tick()
    assert ship.dry.memory > 256 * MIB
    assert ship.dry.high > before
    assert ship.dry.writes[-2][0] == "memory"
    assert ship.dry.writes[-1][0] == "memory.high"


def test_it_has_risen_before_the_runtime_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship = world_with()
    update, before, seen = world.host.update, ship.dry.high, []

    def slow(container_id: str, fields: dict[str, int]) -> None:
        seen.append((ship.dry.memory, ship.dry.high, kept(world)[container_id]["values"][-1]))
        update(container_id, fields)

    monkeypatch.setattr(world.host, "update", slow)
    ship.memory = lambda _second: 225.0 * MIB
    world.tick()
    ((limit, high, on_disk),) = seen
    assert before < high < limit
    assert high == on_disk == ship.dry.high


def test_a_runtime_slower_than_the_ticks_keeps_no_airbag_and_no_clock_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship = world_with()
    update, began = world.host.update, world.now_ms

    def slower_than_a_tick(container_id: str, fields: dict[str, int]) -> None:
        update(container_id, fields)
        world.acts = False
        if world.now_ms < began + 5000:
            ship.memory = lambda _second: ship.dry.memory - 10.0 * MIB
            world.tick()

    monkeypatch.setattr(world.host, "update", slower_than_a_tick)
    ship.memory = lambda _second: 240.0 * MIB
    world.tick()
    times = [row.at_ms for row in world.changes()]
    assert times == [began + 1000 * second for second in range(1, 6)], "each as it was planned"
    assert [name for name, _ in ship.dry.writes[1:]] == ["memory", "memory.high"] * 5


def through_systemd(world: World, ship: Ship, meanwhile: Callable[[], None]) -> Callable[[str, dict[str, int]], None]:
    """An update that sets ``memory.high`` to none long before it ends."""
    update = world.host.update

    def slow(container_id: str, fields: dict[str, int]) -> None:
        update(container_id, fields)
        ship.dry.high = UNLIMITED
        meanwhile()

    return slow


def test_it_is_back_while_the_runtime_is_still_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship = world_with()
    seen: list[object] = []

    def is_back() -> bool:
        return ship.dry.high is not UNLIMITED

    def goes_on() -> None:
        wait_until(is_back, 20, "its airbag, put back")
        seen.append(ship.dry.high)

    monkeypatch.setattr(world.host, "update", through_systemd(world, ship, goes_on))
    ship.memory = lambda _second: 225.0 * MIB
    world.tick()
    assert seen == [ship.dry.high]


def test_it_is_put_back_above_what_grew_past_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ship = world_with()
    seen: list[object] = []

    def grows() -> None:
        ship.dry.in_use = int(0.99 * ship.dry.memory)
        wait_until(lambda: ship.dry.high is not UNLIMITED, 20, "its airbag, put back")
        seen.append(ship.dry.high)
        assert kept(world)[ship.dry.container_id]["values"][-1] == ship.dry.high
        assert ship.dry.in_use < ship.dry.high < ship.dry.memory

    monkeypatch.setattr(world.host, "update", through_systemd(world, ship, grows))
    ship.memory = lambda _second: 225.0 * MIB
    world.tick()
    assert len(seen) == 1


def test_it_is_not_written_below_what_is_in_use() -> None:
    world = World(v2=True)
    world.host_values = {"host_memory_available_bytes": 0.0}
    ship = world.ship(labels=AUTO, memory=250.0 * MIB, **M256)
    world.tick(5)
    assert ship.dry.high is UNLIMITED


def test_the_end_lifts_it() -> None:
    world, ship = world_with()
    world.controller.close()
    assert ship.dry.high is UNLIMITED
    assert kept(world) == {}


def test_after_a_crash_the_next_start_lifts_it_before_anything_else() -> None:
    world, ship = world_with()
    assert ship.dry.high is not UNLIMITED
    world.settings = world.settings.__class__(mode="off")
    ship.labels.clear()
    world.start()
    assert ship.dry.high is UNLIMITED
    world.tick(5)
    assert ship.dry.high is UNLIMITED
    assert kept(world) == {}


def test_a_crash_between_disk_and_kernel_leaves_nothing() -> None:
    world, ship = world_with()
    written = ship.dry.high
    ship.dry.high = UNLIMITED
    world.start()
    assert ship.dry.high is UNLIMITED
    world.tick(3)
    assert ship.dry.high == written, "and it is put on anew"


def test_what_somebody_set_while_we_were_away_stays() -> None:
    world, ship = world_with()
    ship.dry.high = 200 * MIB
    world.start()
    world.tick(10)
    assert ship.dry.high == 200 * MIB


def test_without_the_store_it_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(v2=True, act=False)
    ship = world.ship(labels=AUTO, memory=100.0 * MIB, **M256)
    world.tick()
    world.act()

    def broken(_name: str, _value: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(world.state, "put_value", broken)
    world.tick()
    with pytest.raises(StoreError):
        world.act()
    assert ship.dry.high is UNLIMITED


def test_an_owners_own_is_left_alone() -> None:
    world = World(v2=True)
    ship = world.ship(labels=AUTO, memory=100.0 * MIB, **M256)
    ship.dry.high = 240 * MIB
    world.tick(10)
    world.controller.close()
    assert ship.dry.high == 240 * MIB


def test_one_that_somebody_changes_is_theirs() -> None:
    world, ship = world_with()
    ship.dry.high = 180 * MIB
    world.tick(5)
    world.controller.close()
    assert ship.dry.high == 180 * MIB
    assert kept(world) == {}


def test_one_that_the_host_lost_is_put_on_again() -> None:
    world, ship = world_with()
    before = ship.dry.high
    world.tick(10)
    ship.dry.high = UNLIMITED
    world.tick(2)
    assert ship.dry.high == before


def test_it_is_lifted_when_raises_are_refused_for_ten_seconds() -> None:
    world, ship = world_with()
    world.host_values = {"host_memory_available_bytes": 0.1 * GIB, "host_memory_total_bytes": 0.6 * GIB}
    ship.memory = lambda _second: 235.0 * MIB
    world.tick(8)
    assert ship.dry.memory == 256 * MIB
    assert ship.dry.high is not UNLIMITED
    world.tick(5)
    assert ship.dry.high is UNLIMITED


@pytest.mark.parametrize("how", ["pause", "hold", "policy"])
def test_it_is_lifted_when_the_controller_may_not_raise(how: str) -> None:
    world, ship = world_with()
    if how == "pause":
        world.controller.pause(True, "because", None, "ann", world.now_ms)
    elif how == "hold":
        world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
        world.controller.set(world.request(ship, memory_bytes=300 * MIB, hold_s=600.0), world.now_ms)
    else:
        world.controller.set_policy(ship.dry.container_id, {"mode": "observe"}, "ann", world.now_ms)
    world.tick(2)
    assert ship.dry.high is UNLIMITED
    assert kept(world) == {}


def test_a_stall_raises_and_reclaimed_cache_does_not() -> None:
    world, ship = world_with()
    world.sample_values = {"memory_high_events_per_second": 50.0, "memory_pressure_full_ratio": 0.0}
    world.tick(20)
    assert ship.dry.memory == 256 * MIB
    ship.memory = lambda _second: 228.0 * MIB
    world.sample_values = {"memory_high_events_per_second": 50.0, "memory_pressure_full_ratio": 0.5}
    world.tick(1)
    assert ship.dry.memory >= 1.2 * 256 * MIB


def test_a_container_that_is_gone_is_forgotten() -> None:
    world, ship = world_with()
    world.host.containers.pop(ship.dry.container_id)
    world.ships.clear()
    world.tick(70)
    assert kept(world) == {}


def test_what_was_kept_and_is_no_bag() -> None:
    assert bags_of(None) == {}
    assert bags_of({"a": 1, "b": {"values": "x"}}) == {}
    assert list(bags_of({"a": {"cgroup": "/a", "values": [1, True, "2"]}})["a"].values) == [1]


def test_kernel_versions() -> None:
    assert kernel_version("6.1.0-13-amd64") == (6, 1)
    assert kernel_version("5.10") > (5, 9)
    assert kernel_version("new") == (0, 0)
