"""The whole room over a host in memory: what is decided, made, kept and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.schema import LimitSettings
from limits.sizes import MIB
from model.change import Change, ChangeStatus
from model.errors import NotThere, Refused, StoreError
from model.limits import UNLIMITED, Limits, bounded
from tests.limits.world import AUTO, CPUS_02, GIB, M64, World

APPLIED, REFUSED, DRY = ChangeStatus.APPLIED, ChangeStatus.REFUSED, ChangeStatus.DRY_RUN


def test_a_throttled_container_under_auto_is_raised_in_the_second_after_it_began() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 1.0 if s >= 5 else 0.1, **CPUS_02)
    world.tick(4)
    assert ship.dry.cores == 0.2
    world.findings = (world.finding(ship),)
    world.tick(3)
    assert ship.dry.cores > 0.4
    first = world.changes(APPLIED)[0]
    assert first.before.cpu_cores == 0.2
    assert first.rule == "cpu_law"
    assert first.finding_id == "f1"
    assert first.read_back == first.after
    assert "throttled in 100% of periods" in first.reason
    assert ship.dry.updates[0] == {"NanoCpus": round(first.after.cpu_cores * 1e9)}, (
        "the API follows at once, the first time"
    )
    assert [change.id for change in world.told][:1] == [first.id]


def test_the_api_follows_a_busy_law_once_a_minute_with_the_latest_value() -> None:
    world = World(cpu_count=8)
    ship = world.ship(labels=AUTO, demand=lambda s: 0.3 + 0.4 * (s // 10), **CPUS_02)
    world.tick(59)
    assert len(ship.dry.writes) >= 3
    assert len(ship.dry.updates) == 1
    world.tick(62)
    assert 2 <= len(ship.dry.updates) <= 3
    for _ in range(70):
        world.tick()
    assert ship.dry.native["NanoCpus"] == pytest.approx(ship.dry.cores * 1e9, rel=0.3)


def test_watching_only_changes_nothing_and_says_what_it_would_do() -> None:
    world = World()
    ship = world.ship(demand=1.0, **CPUS_02)
    world.tick(5)
    assert ship.dry.writes == []
    assert ship.dry.updates == []
    assert world.changes() == []
    (advice,) = world.controller.recommendations()
    assert (advice.knob, advice.now, advice.name) == ("cpu", 0.2, "web")
    assert advice.proposed > 0.4
    (finding,) = world.controller.annotate((world.finding(ship),))
    assert finding.deed.startswith("Watching only: its policy is observe. Would raise 0.20 → 0.")
    assert finding.proposed == advice.proposed


def test_the_law_leaves_a_knob_alone_that_a_rule_adjusts() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.hands = {(ship.dry.container_id, "cpu"): "Shop is slow"}
    world.tick(8)
    assert ship.dry.cores == 0.2
    assert world.changes() == []
    (finding,) = world.controller.annotate((world.finding(ship),))
    assert finding.deed.startswith("Left alone: the rule Shop is slow adjusts it.")
    world.hands = {}
    world.tick(3)
    assert ship.dry.cores > 0.4, "the rule is gone: the law takes over"


@pytest.mark.parametrize(
    ("detector", "deed"),
    [
        ("cpu_contended", "Watching only: its policy is observe. Would raise 0.20 → 0."),
        ("memory_oom_killed", "Watching only: its policy is observe."),
        ("unlimited_on_crowded_host", "Watching only: its policy is observe."),
        ("io_saturated", "No CPU or memory limit is the cause, so nothing was changed."),
        ("over_provisioned", "Not lowered: only what was given is taken back, never what its owner set."),
    ],
)
def test_every_finding_says_what_was_done_about_it(detector: str, deed: str) -> None:
    world = World()
    ship = world.ship(demand=1.0, **CPUS_02, **M64)
    world.tick(5)
    (finding,) = world.controller.annotate((replace(world.finding(ship, detector), proposed=None),))
    assert finding.deed.startswith(deed)
    assert finding.proposed is None, "a proposal is the detector's own"


def test_of_a_container_that_is_gone_nothing_was_changed() -> None:
    world = World()
    ship = world.ship(**M64)
    killed = replace(world.finding(ship, "memory_oom_killed"), container_id="f" * 64)
    (finding,) = world.controller.annotate((killed,))
    assert finding.deed == "Nothing was changed: its limits could not be read so far."


def test_a_raise_is_what_was_done_about_the_contention_too() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.findings = (world.finding(ship),)
    world.tick(4)
    change = world.changes(APPLIED)[0]
    (finding,) = world.controller.annotate((world.finding(ship, "cpu_contended", "f2"),))
    assert finding.deed.startswith("Raised 0.")
    assert finding.change_id in {c.id for c in world.changes(APPLIED)}
    late = replace(finding, since_ms=change.at_ms + 3_600_000, change_id=None, deed=None)
    assert world.controller.annotate((late,))[0].change_id is None


def test_mode_off_does_not_even_advise() -> None:
    world = World(settings=LimitSettings(mode="off"))
    world.ship(demand=1.0, **CPUS_02)
    world.tick(5)
    assert world.controller.recommendations() == ()


def test_an_unlimited_container_gets_no_limit() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, memory=lambda s: s * 50 * MIB)
    world.tick(60)
    assert ship.dry.cores is UNLIMITED
    assert ship.dry.memory is UNLIMITED
    assert world.changes() == []
    (finding,) = world.controller.annotate((world.finding(ship),))
    assert finding.deed == "Left alone: it has no CPU limit, and one that it never had is not added."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"managed_by": "swarm"}, "swarm owns its limits"),
        ({"state": "paused"}, "it is paused"),
        ({"state": "restarting"}, "it is restarting"),
        ({"runtime": "lxc"}, "it is run by lxc"),
        ({"image_labels": AUTO}, "its policy is observe"),
    ],
)
def test_excluded_containers_are_left_alone(change: dict[str, object], words: str) -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    for name, value in change.items():
        setattr(ship, name, value)
    world.tick(10)
    assert ship.dry.writes == []
    assert ship.dry.updates == []
    assert words in world.controller.annotate((world.finding(ship),))[0].deed


def test_the_owners_limit_is_the_floor_and_a_maximum_is_held() -> None:
    world = World()
    ship = world.ship(labels={**AUTO, "wharfinger.cpu.max": "0.5"}, demand=lambda s: 2.0 if s < 60 else 0.01, **CPUS_02)
    world.tick(50)
    assert ship.dry.cores == pytest.approx(0.5)
    assert "is the most that its bounds allow" in world.controller.annotate((world.finding(ship),))[0].deed
    world.tick(400)
    assert ship.dry.cores == pytest.approx(0.2)


def test_a_full_host_grants_no_raise_and_says_so_once() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.host_values = {"cpu_usage_cores": 3.9, "cpu_pressure_some_ratio": 0.6}
    world.tick(30)
    assert ship.dry.cores == 0.2
    (row,) = world.changes()
    assert row.status is REFUSED
    assert "the host's CPU is full" in row.reason
    assert [change.id for change in world.told] == [row.id]
    assert "Not raised: the host's CPU is full" in world.controller.annotate((world.finding(ship),))[0].deed
    world.host_values = {}
    world.tick(2)
    assert ship.dry.cores > 0.2


def test_memory_that_grows_is_followed_up_to_the_maximum() -> None:
    world = World()
    ship = world.ship(
        labels={**AUTO, "wharfinger.memory.max": "300m"},
        memory=lambda s: min(280, 2 + 5 * max(0, s - 5)) * MIB,
        **M64,
    )
    world.tick(90)
    assert ship.kills == 0
    assert ship.dry.memory == 300 * MIB
    assert ship.dry.native["MemorySwap"] - ship.dry.native["Memory"] == 64 * MIB, "swap stays what it was"
    assert {row.rule for row in world.changes()} == {"memory_law"}


def test_an_idle_container_with_a_small_memory_limit_stays_as_it_is() -> None:
    world = World()
    ship = world.ship(labels=AUTO, memory=1.5 * MIB, **M64)
    world.tick(600)
    assert ship.dry.memory == 64 * MIB
    assert ship.dry.updates == []


def test_memory_is_not_given_that_the_host_does_not_have() -> None:
    world = World()
    ship = world.ship(labels=AUTO, memory=lambda s: (40 + 5 * s) * MIB, Memory=1 * GIB, MemorySwap=1 * GIB)
    world.host_values = {"host_memory_total_bytes": 1.2 * GIB, "host_memory_available_bytes": 0.2 * GIB}
    world.tick(190)
    assert ship.dry.memory == 1 * GIB
    assert world.changes()[-1].status is REFUSED


def test_three_kills_in_an_hour_stop_the_feeding() -> None:
    world = World()
    ship = world.ship(labels=AUTO, memory=lambda s: 10 * GIB if s % 20 == 0 else 30 * MIB, **M64)
    world.tick(200)
    raised = len(world.changes(APPLIED))
    assert ship.kills >= 8
    assert raised <= 4
    assert world.changes(REFUSED)[0].reason.startswith("it was killed for lack of memory three times")


def test_a_foreign_change_is_adopted_at_once_and_left_alone_for_ten_minutes() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(8)
    assert ship.dry.cores > 0.2
    world.tick(60)
    world.host.update(ship.dry.container_id, {"NanoCpus": 300_000_000})
    writes = len(ship.dry.writes)
    world.tick(590)
    assert len(ship.dry.writes) == writes
    assert ship.dry.cores == 0.3
    assert world.state.originals()[ship.dry.container_id].native["NanoCpus"] == 300_000_000
    assert world.state.audit_entries()[0].action == "limits.foreign_change"
    world.tick(20)
    assert ship.dry.cores > 0.3, "afterwards it goes on from there"


def test_the_limit_that_a_container_is_started_with_is_no_foreign_change() -> None:
    world = World()
    ship = world.ship(labels=AUTO, memory=100.0 * MIB)
    world.tick()
    ship.dry.native |= {"Memory": 256 * MIB, "MemorySwap": 512 * MIB}
    ship.dry.memory = 256 * MIB
    world.tick(2)
    assert world.state.audit_entries() == ()
    ship.memory = lambda _second: 250.0 * MIB
    world.tick()
    assert ship.dry.memory > 256 * MIB, "it is looked after from its beginning"


def test_a_container_without_a_limit_is_believed_after_three_seconds() -> None:
    world = World()
    ship = world.ship(labels=AUTO, memory=100.0 * MIB)
    world.tick(5)
    ship.dry.memory = 256 * MIB
    world.tick()
    assert world.state.audit_entries()[0].action == "limits.foreign_change"


def test_a_late_reading_of_the_old_value_is_no_foreign_change() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(1)
    world.stale_limits = {ship.dry.container_id: Limits(cpu_cores=0.2, memory_bytes=UNLIMITED)}
    world.tick(4)
    assert ship.dry.cores > 0.2
    assert world.state.audit_entries() == ()


def test_what_the_runtime_puts_back_is_not_foreign() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 0.1 + 0.15 * s, **CPUS_02)
    world.tick(12)
    saved = ship.dry.native["NanoCpus"] / 1e9
    assert ship.dry.cores > saved, "the kernel is ahead of the runtime"
    ship.dry.cores = saved
    world.tick(8)
    assert world.state.audit_entries() == ()
    assert ship.dry.cores > saved


def test_the_kill_switch_stops_the_law_and_survives_a_restart() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    shown = world.controller.pause(True, "maintenance", 120, "ann", world.now_ms)
    assert shown["paused"] is True
    assert str(shown["until"]).endswith("Z")
    world.tick(20)
    world.start()
    world.tick(20)
    assert ship.dry.cores == 0.2
    assert "limits are paused (maintenance)" in world.controller.annotate((world.finding(ship),))[0].deed
    world.tick(90)
    assert world.controller.pause_state(world.now_ms) == {"paused": False, "reason": "", "until": None}
    assert ship.dry.cores > 0.2


def test_the_effect_of_a_change_is_measured_and_kept() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=0.35, **CPUS_02)
    world.tick(20)
    assert ship.dry.cores >= 0.35
    effect = world.changes(APPLIED)[0].effect
    assert effect["throttled_periods_ratio_before"] > 0.5
    assert effect["throttled_periods_ratio_after"] == 0.0


def test_a_finding_that_comes_after_the_change_is_named_by_it() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=0.35, **CPUS_02)
    world.tick(3)
    assert world.changes(APPLIED)[0].finding_id is None
    world.findings = (world.finding(ship, finding_id="late"),)
    world.tick(2)
    row = world.changes(APPLIED)[0]
    assert row.finding_id == "late"
    (finding,) = world.controller.annotate(world.findings)
    assert finding.change_id == row.id
    assert finding.deed.startswith("Raised 0.20 → 0.")
    assert "UTC: pinned at its quota" in finding.deed


def test_after_a_restart_of_the_agent_it_knows_what_it_gave_and_what_was_the_owners() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 1.0 if s < 30 else 0.01, **CPUS_02)
    world.tick(25)
    given = ship.dry.cores
    world.start()
    world.tick(3)
    assert ship.dry.cores == given
    assert world.state.audit_entries() == ()
    world.tick(300)
    assert ship.dry.cores == pytest.approx(0.2)


def test_a_change_made_while_the_agent_was_away_is_the_owners_will() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(25)
    world.host.update(ship.dry.container_id, {"NanoCpus": 350_000_000})
    world.start()
    world.tick(60)
    assert ship.dry.cores == 0.35
    assert world.state.audit_entries()[0].action == "limits.foreign_change"


def test_a_container_that_begins_has_no_limits_for_a_moment_and_that_is_nobodys_will() -> None:
    """The runtime makes the cgroup first, and sets its limits a moment after."""
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(25)
    given, shown = ship.dry.cores, ship.dry.cores
    ship.dry.cores = UNLIMITED
    world.start()
    world.tick(2)
    ship.dry.cores = shown
    world.tick(3)
    assert ship.dry.cores == given
    assert world.state.audit_entries() == ()
    assert world.state.originals()[ship.dry.container_id].native["NanoCpus"] == 200_000_000


def test_rules_pass_the_same_guard_and_are_reverted() -> None:
    world = World()
    ship = world.ship(labels={**AUTO, "wharfinger.cpu.max": "0.6"}, demand=0.15, **CPUS_02)
    world.tick(3)
    world.requests = (world.request(ship, rule="rule:slow", cpu_cores=2.0, reason="slow", alert_id="a1"),)
    world.tick(3)
    assert ship.dry.cores == pytest.approx(0.6)
    assert world.changes(APPLIED)[0].rule == "rule:slow"
    world.requests = (world.request(ship, rule="rule:slow", revert=True, reason="resolved"),)
    world.tick(3)
    assert ship.dry.cores == pytest.approx(0.2)
    assert ship.dry.native["NanoCpus"] == 200_000_000
    statuses = [(row.rule, row.status) for row in world.changes()]
    assert statuses == [("rule:slow", ChangeStatus.REVERTED), ("revert", APPLIED)]


def test_what_a_rule_gave_is_taken_back_even_if_the_cpu_law_went_on_from_there() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 0.15 if s < 6 or s > 15 else 1.5, **CPUS_02)
    world.tick(3)
    world.requests = (world.request(ship, rule="rule:slow", cpu_cores=0.4, reason="slow", alert_id="a1"),)
    world.tick(1)
    assert ship.dry.cores == pytest.approx(0.4)
    world.requests = ()
    world.tick(14)
    assert world.changes(APPLIED)[-1].rule == "cpu_law"
    world.requests = (world.request(ship, rule="rule:slow", revert=True, reason="resolved"),)
    world.tick(1)
    assert ship.dry.cores == pytest.approx(0.2)
    assert world.changes(ChangeStatus.REVERTED)[0].rule == "rule:slow"


def test_what_a_person_set_after_a_rule_stays() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=0.15, **CPUS_02)
    world.tick(3)
    world.requests = (world.request(ship, rule="rule:slow", cpu_cores=0.4, reason="slow", alert_id="a1"),)
    world.tick(1)
    world.controller.set(world.request(ship, cpu_cores=0.8), world.now_ms)
    world.requests = (world.request(ship, rule="rule:slow", revert=True, reason="resolved"),)
    world.tick(3)
    assert ship.dry.cores == 0.8


def test_a_rule_where_the_policy_is_observe_is_advice_told_once() -> None:
    world = World()
    ship = world.ship(demand=0.15, **CPUS_02)
    world.tick(3)
    world.requests = (world.request(ship, rule="rule:slow", cpu_cores=0.4, reason="slow", alert_id="a1"),)
    world.tick(10)
    (row,) = world.changes()
    assert row.status is DRY
    assert "watching only" in row.reason
    assert ship.dry.cores == 0.2


def test_policies_by_api_survive_and_are_filed_under_the_service() -> None:
    world = World()
    ship = world.ship(demand=1.0, **CPUS_02)
    ship.service = "shop/web"
    world.tick(3)
    policy = world.controller.set_policy(ship.dry.container_id, {"mode": "auto", "cpu_max": 0.4}, "ann", world.now_ms)
    assert policy.mode.value == "auto"
    assert world.state.policies() == {"shop/web": {"mode": "auto", "cpu_max": 0.4}}
    world.tick(3)
    assert ship.dry.cores == pytest.approx(0.4)
    world.start()
    world.tick(2)
    assert world.controller.policies()[ship.dry.container_id].sources["mode"] == "api"
    assert world.controller.delete_policy(ship.dry.container_id, "ann", world.now_ms).mode.value == "observe"
    with pytest.raises(NotThere):
        world.controller.set_policy("nobody", {}, "ann", world.now_ms)


def test_a_reload_reaches_every_container() -> None:
    world = World()
    ship = world.ship(demand=1.0, **CPUS_02)
    world.tick(3)
    world.controller.reload(LimitSettings(mode="auto"))
    world.tick(4)
    assert ship.dry.cores > 0.2


def test_no_change_is_made_without_its_original_on_record() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    inspect = world.host.inspect

    def away(container_id: str) -> object:
        raise Refused("not now")

    world.host.inspect = away  # type: ignore[assignment,method-assign]
    world.tick(10)
    assert ship.dry.cores == 0.2
    assert "could not be recorded" in world.controller.annotate((world.finding(ship),))[0].deed
    world.host.inspect = inspect  # type: ignore[method-assign]
    world.tick(3)
    assert ship.dry.cores > 0.2


def test_many_containers_are_written_at_most_twenty_a_second() -> None:
    world = World(cpu_count=64)
    ships = [world.ship(f"s{n}", labels=AUTO, demand=1.0, **CPUS_02) for n in range(60)]
    world.tick(2)
    assert sum(ship.dry.cores > 0.2 for ship in ships) <= 20
    world.tick(6)
    assert all(ship.dry.cores > 0.2 for ship in ships)


def test_a_restarted_container_is_a_new_one_to_the_law() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=lambda s: 0.1 + 0.15 * s, **CPUS_02)
    world.tick(12)
    ship.dry.cores, ship.inode = ship.dry.native["NanoCpus"] / 1e9, 2
    world.tick(6)
    assert world.state.audit_entries() == ()
    assert ship.dry.cores > ship.dry.native["NanoCpus"] / 1e9


def test_a_tick_between_the_write_and_its_end_sees_nothing_foreign() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    write, seen = world.host.write_cpu, []

    def slow(cgroup: str, cores: float) -> None:
        write(cgroup, cores)
        world.now_ms += 1000
        world.controller.consider(world.snapshot(), (), world.now_ms)
        seen.append(cores)

    world.host.write_cpu = slow  # type: ignore[method-assign]
    world.tick(6)
    assert seen
    assert world.state.audit_entries() == ()
    assert ship.dry.cores > 0.2


def test_a_store_that_fails_in_the_middle_of_a_change_makes_nothing_foreign() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    world.tick(1)
    put, calls = world.state.put_change, []

    def full(change: Change) -> None:
        calls.append(change.status)
        if change.status is APPLIED:
            raise StoreError("the disk is full: make room")
        put(change)

    world.state.put_change = full  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        world.tick(2)
    assert ship.dry.cores > 0.2
    world.state.put_change = put  # type: ignore[method-assign]
    world.tick(20)
    assert world.state.audit_entries() == ()
    assert world.changes(ChangeStatus.PENDING) == []
    assert "found in force afterwards" in world.changes(APPLIED)[0].reason


def test_a_bad_label_is_a_finding_on_its_container() -> None:
    world = World()
    ship = world.ship(labels={"wharfinger.limits": "on"}, demand=1.0, **CPUS_02)
    world.tick(3)
    (finding,) = world.controller.annotate(())
    assert (finding.container_id, finding.detector) == (ship.dry.container_id, "policy_fault")
    assert finding.summary == "Label wharfinger.limits = 'on' is not a mode: write off, observe or auto."
    world.tick(3)
    assert world.controller.annotate(())[0].id == finding.id


def test_a_container_that_cannot_be_read_yet_is_learnt_later() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    read = world.host.read

    def gone(cgroup: str) -> Limits:
        raise NotThere("not yet")

    snapshot = world.snapshot()
    world.host.read = gone  # type: ignore[method-assign]
    world.controller.consider(snapshot, (), world.now_ms)
    world.act()
    world.host.read = read  # type: ignore[method-assign]
    world.tick(5)
    assert ship.dry.cores > 0.2


def test_nothing_is_decided_before_the_store_could_be_read() -> None:
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    policies = world.state.policies

    def broken() -> dict[str, dict[str, object]]:
        raise StoreError("state.db is locked: stop the other agent")

    world.state.policies = broken  # type: ignore[method-assign,assignment]
    world.start()
    world.controller.consider(world.snapshot(), (), world.now_ms)
    with pytest.raises(StoreError):
        world.controller.act(world.now_ms)
    assert world.controller.policies() == {}
    world.state.policies = policies  # type: ignore[method-assign]
    world.act()
    world.tick(4)
    assert ship.dry.cores > 0.2


@pytest.mark.parametrize(("interval", "most"), [(0.25, 3.0), (1.0, 3.0), (5.0, 10.0)])
def test_any_interval_will_do(interval: float, most: float) -> None:
    """The law counts seconds, not ticks."""
    world = World()
    ship = world.ship(labels=AUTO, demand=1.0, **CPUS_02)
    began = world.now_ms
    while ship.dry.cores == 0.2:
        world.now_ms += round(interval * 1000)
        world.controller.consider(replace(world.snapshot(), interval_s=interval), (), world.now_ms)
        world.act()
        assert world.now_ms - began <= most * 1000


@pytest.mark.parametrize("has_pressure", [True, False])
def test_on_a_saturated_host_usage_that_falls_is_not_demand_that_falls(has_pressure: bool) -> None:
    world = World(cpu_count=2)
    ship = world.ship(
        labels={**AUTO, "wharfinger.cpu.min": "0.05"}, demand=lambda s: 0.9 if s < 60 or s % 3 else 0.3, NanoCpus=10**9
    )
    world.tick(60)
    before, written = ship.dry.cores, len(ship.dry.writes)
    world.host_values = {"cpu_usage_cores": 2.0, "cpu_pressure_some_ratio": 0.8}
    world.sample_values = {"cpu_pressure_some_ratio": 0.6} if has_pressure else {}
    world.tick(50)
    assert ship.dry.cores == before
    assert len(ship.dry.writes) == written
    (finding,) = world.controller.annotate((world.finding(ship),))
    assert "a higher weight would help" in finding.deed


def test_a_memory_update_takes_the_cpu_quota_along_that_the_runtime_does_not_know_yet() -> None:
    world = World()

    def grows(second: int) -> float:
        return (20 if second < 20 else 60) * MIB

    ship = world.ship(labels=AUTO, demand=lambda s: 0.1 if s < 12 else 3.0, memory=grows, **CPUS_02, **M64)
    world.tick(30)
    first, update = ship.dry.updates
    assert "Memory" in update
    assert update["NanoCpus"] > first["NanoCpus"]
    assert update["NanoCpus"] / 1e9 in [cores for knob, cores in ship.dry.writes if knob == "cpu"]


def test_a_raise_does_not_wait_for_the_many_from_whom_something_is_taken() -> None:
    world = World()
    wide = {**AUTO, "wharfinger.cpu.min": "0.05"}
    many = [world.ship(f"wide-{number}", labels=wide, demand=0.01, NanoCpus=2 * 10**9) for number in range(150)]
    busy = world.ship("busy", labels=AUTO, demand=lambda second: 0.05 if second < 13 else 1.0, **CPUS_02)
    full = world.ship(
        "full",
        labels=AUTO,
        memory=lambda second: (20 if second < 13 else 62) * MIB,
        Memory=64 * MIB,
        MemorySwap=128 * MIB,
    )
    world.tick(16)
    lowered = sum(1 for ship in many if ship.dry.writes)
    assert 0 < lowered < len(many), "they still take turns"
    assert (bounded(busy.dry.cores) or 0.0) > 0.2
    assert (bounded(full.dry.memory) or 0) > 64 * MIB
