"""Starts and stops told once each, with what was last read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.discovery.describe import Description
from collector.discovery.runtime import RuntimeEvent
from collector.lives import Ended, Lives, Suspected
from model.event import Event
from model.reading import CgroupReading
from model.target import Target, TargetId

TARGET = Target(TargetId("docker", "id1", 5, 10_000), "/docker/id1", "web", service="shop/web")
LAST = CgroupReading(0, 5, cpu_usage_ns=2_500_000_000, memory_peak_bytes=700, memory_oom_kills=0)
KNOWN = Description("docker", "id1", "web", "nginx", started_at_ms=10_000, restarts=0)
GONE = replace(KNOWN, state="exited", exit_code=3, oom_killed=False, finished_at_ms=12_000)
DOCKER = frozenset({"docker"})


def ended(at_ms: int = 12_100, last: CgroupReading | None = LAST) -> Ended:
    return Ended(at_ms, TARGET, last, 600)


def details(events: list[Event]) -> list[tuple[str, object]]:
    return [(event.kind, event.detail) for event in events]


STOP = {
    "exit_code": 3,
    "lived_s": 2.0,
    "cpu_seconds": 2.5,
    "memory_peak_bytes": 700,
    "oom_killed": False,
}


def test_the_tree_notices_first_and_the_runtime_tells() -> None:
    lives = Lives("h")
    lives.ended(ended())
    assert lives.settle(12_200, {"id1": GONE}, DOCKER) == []
    assert lives.awaits_stop("id1")
    events = lives.report(RuntimeEvent(12_000, "die", "id1", exit_code=3), GONE, None)
    assert details(events) == [("stop", STOP)]
    assert (events[0].name, events[0].container_id, events[0].host) == ("web", "id1", "h")
    assert not lives.awaits_stop("id1")
    assert lives.settle(99_000, {"id1": GONE}, DOCKER) == []


def test_the_runtime_tells_first() -> None:
    lives = Lives("h")
    assert details(lives.report(RuntimeEvent(12_000, "die", "id1", exit_code=3), GONE, ended())) == [("stop", STOP)]


def test_without_a_runtime_the_tree_is_enough() -> None:
    lives = Lives("h")
    lives.begun(TARGET, 10_000)
    started = lives.settle(10_000, {}, frozenset())
    assert details(started) == [("start", {"image": None})]
    lives.ended(ended())
    stopped = lives.settle(12_100, {}, frozenset())
    unknown = {"exit_code": None, "lived_s": 2.1, "oom_killed": None}
    assert details(stopped) == [("stop", STOP | unknown)], "no runtime and no counter: nobody knows of a kill"
    assert stopped[0].service == "shop/web"


def test_a_runtime_that_stays_silent_is_waited_for_and_then_not() -> None:
    lives = Lives("h")
    lives.begun(TARGET, 10_000)
    lives.ended(ended())
    assert [e.kind for e in lives.settle(12_100, {"id1": KNOWN}, DOCKER)] == []
    assert [e.kind for e in lives.settle(13_000, {"id1": KNOWN}, DOCKER)] == ["start"]
    (stop,) = lives.settle(15_200, {"id1": GONE}, DOCKER)
    assert (stop.kind, stop.detail["exit_code"], stop.at_ms) == ("stop", 3, 12_100)


def test_a_report_that_comes_after_the_trees_word_is_not_a_second_stop() -> None:
    lives = Lives("h")
    lives.ended(ended(12_100))
    (stop,) = lives.settle(15_200, {"id1": KNOWN}, DOCKER)
    assert stop.kind == "stop"
    assert lives.report(RuntimeEvent(12_000, "die", "id1", exit_code=3), GONE, None) == []
    assert [e.kind for e in lives.report(RuntimeEvent(15_900, "die", "id1", exit_code=3), GONE, None)] == ["stop"]


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    lives = Lives("h")
    lives.tick(5_000_000)
    lives.ended(ended(5_000_000))
    assert [e.kind for e in lives.settle(5_000_000, {}, frozenset())] == ["stop"]
    lives.begun(TARGET, 5_000_000)
    lives.ended(ended(5_000_000))
    lives.tick(1_001_000)
    assert lives.settle(1_001_000, {"id1": KNOWN}, DOCKER) == []
    lives.tick(1_005_000)
    told = lives.settle(1_005_000, {"id1": replace(KNOWN, started_at_ms=None)}, DOCKER)
    assert [(e.kind, e.at_ms) for e in told] == [("start", 1_001_000)], "the second stop was the first one's"
    lives.ended(ended(1_009_000))
    assert [e.kind for e in lives.settle(1_013_000, {}, DOCKER)] == ["stop"]


def test_a_start_is_told_once() -> None:
    lives = Lives("h")
    event = RuntimeEvent(10_005, "start", "id1")
    lives.begun(TARGET, 10_300)
    assert [e.kind for e in lives.report(event, KNOWN, None)] == ["start"]
    assert lives.settle(20_000, {"id1": KNOWN}, DOCKER) == []
    assert lives.report(event, KNOWN, None) == []
    again = replace(KNOWN, started_at_ms=30_000, restarts=1)
    told = lives.report(RuntimeEvent(30_002, "start", "id1"), again, None)
    assert details(told) == [("start", {"image": "nginx"}), ("restart", {"count": 1})]


def test_a_start_told_by_the_tree_is_not_told_again_by_a_late_event() -> None:
    lives = Lives("h")
    lives.begun(TARGET, 10_300)
    assert [e.kind for e in lives.settle(13_300, {"id1": KNOWN}, DOCKER)] == ["start"]
    assert lives.report(RuntimeEvent(10_005, "start", "id1"), KNOWN, None) == []


def test_two_lives_in_one_interval_each_get_their_own_stop() -> None:
    lives = Lives("h")
    lives.ended(ended(12_100))
    lives.ended(ended(12_900, LAST._replace(cpu_usage_ns=1)))
    first = lives.report(RuntimeEvent(12_050, "die", "id1", exit_code=1), None, None)
    second = lives.report(RuntimeEvent(12_850, "die", "id1", exit_code=2), None, None)
    assert [e.detail["cpu_seconds"] for e in first + second] == [2.5, 1e-9]


def test_an_oom_kill_is_seen_even_when_nothing_was_ever_read() -> None:
    lives = Lives("h")
    known = replace(GONE, exit_code=137)
    assert [e.kind for e in lives.report(RuntimeEvent(11_000, "oom", "id1"), known, None)] == ["oom"]
    (stop,) = lives.report(RuntimeEvent(11_010, "die", "id1", exit_code=137), known, None)
    assert stop.detail == {
        "exit_code": 137,
        "lived_s": 1.01,
        "cpu_seconds": None,
        "memory_peak_bytes": None,
        "oom_killed": True,
    }
    # the next life is another story
    (later,) = lives.report(RuntimeEvent(20_000, "die", "id1", exit_code=0), GONE, None)
    assert later.detail["oom_killed"] is False


def test_oom_from_inspect_or_from_the_last_reading() -> None:
    (by_inspect,) = Lives("h").report(RuntimeEvent(1, "die", "id1", 137), replace(GONE, oom_killed=True), None)
    assert by_inspect.detail["oom_killed"] is True
    killed = ended(last=LAST._replace(memory_oom_kills=1, memory_peak_bytes=None))
    (by_reading,) = Lives("h").report(RuntimeEvent(1, "die", "id1", 137), None, killed)
    assert by_reading.detail["oom_killed"] is True
    assert by_reading.detail["memory_peak_bytes"] == 600, "the highest usage that was seen"


def test_health_and_restart_and_what_is_no_event() -> None:
    lives = Lives("h")
    assert details(lives.report(RuntimeEvent(1, "health_status", "id1", health="unhealthy"), KNOWN, None)) == [
        ("health", {"status": "unhealthy"})
    ]
    assert details(lives.report(RuntimeEvent(1, "restart", "id1"), KNOWN, None)) == [("restart", {"count": 0})]
    for action in ("rename", "pause", "unpause", "update", "create", "destroy"):
        assert lives.report(RuntimeEvent(1, action, "id1"), KNOWN, None) == []


def test_an_unknown_container_is_named_by_its_short_id() -> None:
    (event,) = Lives("h").report(RuntimeEvent(1, "oom", "0123456789abcdef"), None, None)
    assert (event.name, event.service) == ("0123456789ab", "0123456789ab")


@pytest.mark.parametrize(
    ("kills", "among", "killed", "told"),
    [(0, 1, False, False), (1, 1, True, True), (1, 2, None, True), (2, 2, True, True), (0, 3, False, False)],
)
def test_a_kill_is_known_by_the_counter_above(kills: int, among: int, killed: bool | None, told: bool) -> None:
    lives = Lives("h")
    lives.ended(replace(ended(), suspected=Suspected("/default", kills, among)))
    *ooms, stop = lives.settle(12_100, {}, frozenset())
    assert stop.detail["oom_killed"] is killed
    detail = {"count": kills, "counted_by": "/default", "among": among, "memory_usage_bytes": None}
    assert details(ooms) == ([("oom", detail)] if told else [])


def test_podman_tells_of_a_stop_and_not_of_a_kill() -> None:
    """Its exit code is known, its container was removed before it could be inspected, its cgroup is gone."""
    lives = Lives("h")
    podmans = replace(ended(), target=replace(TARGET, id=TargetId("podman", "id1", 5, 10_000)))
    lives.ended(replace(podmans, suspected=Suspected("host", 1, 1)))
    oom, stop = lives.report(RuntimeEvent(12_000, "die", "id1", exit_code=137), None, None)
    assert (oom.kind, oom.name, oom.detail["counted_by"]) == ("oom", "web", "host")
    assert stop.detail["oom_killed"] is True
    lives.ended(replace(podmans, suspected=Suspected("host", 1, 1)))
    _, stop = lives.report(RuntimeEvent(12_000, "die", "id1", exit_code=1), None, None)
    assert stop.detail["oom_killed"] is False, "another signal, another end"


def test_a_kill_in_what_was_never_seen_is_the_hosts() -> None:
    event = Lives("h").killed_unseen("/default", 12_000, 2)
    assert (event.kind, event.container_id, event.name) == ("oom", "", "/default")
    assert event.detail == {"count": 2, "counted_by": "/default"}
