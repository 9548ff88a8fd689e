"""``cpu_control = "weight"``: the weight follows the need, and no quota is ever written."""

from __future__ import annotations

import pytest

from config.schema import LimitSettings
from limits.actuator.base import NATIVE_FIELDS
from limits.weight_law import CpuNeed, is_worth, wanted_weight
from model.change import ChangeStatus, WorkClass
from model.errors import Refused
from tests.limits.world import AUTO, CPUS_02, Ship, World

WEIGHT = {**AUTO, "wharfinger.cpu.control": "weight"}


def shares_written(ship: Ship) -> list[int]:
    """What was asked of the runtime; anything but a weight fails."""
    assert all(list(one) == ["CpuShares"] for one in ship.dry.updates)
    assert not ship.dry.writes
    return [one["CpuShares"] for one in ship.dry.updates]


def test_the_weight_follows_the_busiest_minute_and_comes_back_down() -> None:
    world = World()
    ship = world.ship(labels=WEIGHT, demand=lambda second: 3.0 if second < 130 else 0.1)
    world.tick(120)
    assert shares_written(ship) == [3 * 1024]
    (row,) = world.changes(ChangeStatus.APPLIED)
    assert (row.rule, row.before.cpu_weight, row.after.cpu_weight) == ("weight_law", 100, 300)
    world.tick(600)
    assert shares_written(ship) == [3 * 1024]
    world.tick(180)
    assert shares_written(ship)[-1] == 1024
    assert len(ship.dry.updates) <= 3


def test_a_quota_that_holds_it_back_is_left_as_it_is_until_its_owner_lifts_it() -> None:
    world = World()
    ship = world.ship(labels=WEIGHT, demand=2.0, CpuQuota=50_000, CpuPeriod=100_000)
    world.findings = (world.finding(ship),)
    world.requests = (world.request(ship, rule="rule:more", cpu_cores=1.0),)
    world.tick(90)
    assert shares_written(ship) == []
    assert world.controller.recommendations() == ()
    (told,) = world.controller.annotate(world.findings)
    assert "by weight only" in told.deed
    world.requests = ()
    made = world.controller.set(world.request(ship, lift_quota=True, hold_s=1.0), world.now_ms)
    assert (made.status, made.after.unlimited) == (ChangeStatus.APPLIED, ("cpu_cores",))
    assert ship.dry.native["CpuQuota"] == -1
    world.tick(800)
    assert ship.dry.updates[-1] == {"CpuShares": 2 * 1024}
    world.controller.undo("ann", world.now_ms, container_id=ship.dry.container_id)
    fields = {key: ship.dry.native[key] for key in ("CpuQuota", "CpuPeriod", "CpuShares")}
    assert fields == {"CpuQuota": 50_000, "CpuPeriod": 100_000, "CpuShares": 1024}
    assert set(ship.dry.native) == set(NATIVE_FIELDS)
    updates = len(ship.dry.updates)
    world.tick(300)
    assert len(ship.dry.updates) == updates


def test_who_only_watches_is_told_the_weight_that_would_be_set() -> None:
    world = World()
    ship = world.ship(labels={**WEIGHT, "wharfinger.limits": "observe"}, demand=3.0)
    world.tick(50)
    finding = world.finding(ship, "cpu_contended")
    (early,) = world.controller.annotate((finding,))
    assert "Would set" not in early.deed, "before the first whole minute nothing is known"
    world.tick(80)
    (told,) = world.controller.annotate((finding,))
    assert "Would set its CPU weight 100 → 300: its busiest minute of ten used 3.00 cores." in told.deed
    assert shares_written(ship) == []


def test_a_quota_given_as_cpus_is_not_lifted_since_docker_could_not_put_it_back() -> None:
    world = World()
    ship = world.ship(labels=WEIGHT, **CPUS_02)
    world.tick(2)
    with pytest.raises(Refused, match="set 4 cores instead"):
        world.controller.set(world.request(ship, lift_quota=True), world.now_ms)
    assert ship.dry.updates == []


def test_somebody_elses_weight_is_the_owners_from_then_on() -> None:
    world = World()
    ship = world.ship(labels=WEIGHT, demand=3.0)
    world.tick(70)
    ship.dry.native["CpuShares"] = ship.dry.shares = 512
    world.tick(500)
    assert shares_written(ship) == [3 * 1024]
    (entry,) = [e for e in world.state.audit_entries() if e.action == "limits.foreign_change"]
    assert entry.detail["knob"] == "cpu_weight"
    world.tick(200)
    assert shares_written(ship) == [3 * 1024, 3 * 512]


@pytest.mark.parametrize("foreign", [False, True])
def test_a_restart_goes_on_from_what_the_journal_says(foreign: bool) -> None:
    world = World()
    ship = world.ship(labels=WEIGHT, demand=lambda second: 3.0 if second < 100 else 3.7)
    world.tick(70)
    if foreign:
        ship.dry.native["CpuShares"] = ship.dry.shares = 512
    world.start()
    world.tick(130)
    assert shares_written(ship) == ([3 * 1024] if foreign else [3 * 1024, round(3.7 * 1024)])


def test_priority_and_class_count_and_a_named_weight_stands_above() -> None:
    settings = LimitSettings(mode="auto", cpu_control="weight")
    world = World(settings=settings)
    prior = world.ship("prior", labels={"wharfinger.priority": "1"}, demand=0.2)
    quick = world.ship("quick", labels={"wharfinger.class": "latency"}, demand=0.2)
    plain = world.ship("plain", demand=0.2)
    named = world.ship("named", labels={"wharfinger.cpu.weight": "300"}, demand=2.0)
    by_quota = world.ship("by-quota", labels={"wharfinger.cpu.control": "quota"}, demand=2.0)
    world.tick(200)
    assert [ship.dry.shares for ship in (prior, quick, plain, named, by_quota)] == [2048, 2048, 1024, 3072, 1024]


def test_usage_that_falls_for_want_of_the_hosts_cpu_is_no_need_that_falls() -> None:
    need = CpuNeed()
    assert need.cores() is None
    for _ in range(60):
        need.see(2.0, 1.0, contended=False)
    for _ in range(1200):
        need.see(0.5, 1.0, contended=True)
    assert need.cores() == pytest.approx(2.0)
    for _ in range(600):
        need.see(0.5, 1.0, contended=False)
    assert need.cores() == pytest.approx(0.5)


def test_a_weight_stays_on_the_kernels_scale_and_small_differences_are_not_written() -> None:
    assert wanted_weight(9000, 40.0, WorkClass.LATENCY, 5) == 10_000
    assert wanted_weight(1, 0.1, WorkClass.DENSE, -9) == 1
    assert not is_worth(120, 100)
    assert is_worth(79, 100)
