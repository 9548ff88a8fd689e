"""Restart loops, health, leaks, disks, and what was given for nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.columns.roster import SPARE
from alerts.detectors.host_disk_filling import HostDiskFilling
from alerts.detectors.memory_leak import MemoryLeak
from alerts.detectors.over_provisioned import USAGE, WORKING_SET, OverProvisioned, Stretch
from alerts.detectors.restart_loop import RestartLoop
from alerts.detectors.unhealthy import Unhealthy
from alerts.detectors.unlimited_on_crowded_host import UnlimitedOnCrowdedHost
from model.alert import Severity
from model.event import Event
from model.finding import Finding
from model.limits import UNLIMITED, Limits
from tests.alerts.story import DB, MIB, START_MS, WEB, Story, target

GIB = 1024 * MIB


def stop(story: Story, code: int = 1) -> Event:
    detail = {"exit_code": code, "oom_killed": False, "lived_s": 2.0}
    return Event(story.now_ms, "stop", "harbour", WEB, "web", detail=detail)


@pytest.mark.parametrize(
    ("stops", "apart", "expected"), [(3, 20, True), (2, 20, False), (6, 310, False), (9, 100, True)]
)
def test_restart_loop(stops: int, apart: int, expected: bool) -> None:
    story = Story()
    for _ in range(stops):
        found = story.ask(RestartLoop, story.tick(events=(stop(story),)))
        for _ in range(apart - 1):
            story.tick()
    assert bool(found) is expected
    for finding in found:
        assert (finding.container_id, finding.severity) == (WEB, Severity.CRITICAL)
        assert finding.summary.endswith("last with exit code 1 after 2 s.")


def test_a_loop_that_ended_is_over_and_a_vanished_container_keeps_its_name() -> None:
    story = Story()
    story.targets = {}
    for _ in range(4):
        found = story.ask(RestartLoop, story.tick(events=(stop(story),)))
    assert found[0].name == "web"
    for _ in range(301):
        snapshot = story.tick()
    assert story.ask(RestartLoop, snapshot) == []


@pytest.mark.parametrize(
    ("health", "state", "expected"),
    [
        ("unhealthy", "running", True),
        ("starting", "running", False),
        (None, "running", False),
        ("unhealthy", "exited", False),
    ],
)
def test_unhealthy(health: str | None, state: str, expected: bool) -> None:
    story = Story()
    story.targets[WEB] = target(health=health, state=state)
    assert bool(story.ask(Unhealthy, story.tick({WEB: {"pids": 1.0}}))) is expected


def hours(story: Story, memory: Callable[[float], float], count: float) -> list[Finding]:
    """So many hours in steps of 20 s."""
    story.interval_s = 20.0
    found: list[Finding] = []
    for i in range(round(count * 180)):
        story.recent.snapshots.clear()
        snapshot = story.tick({WEB: {"memory_anon_bytes": memory(i / 180)}}, limits={WEB: Limits(memory_bytes=GIB)})
        found = story.ask(MemoryLeak, snapshot)
    return found


def sawtooth(hour: float, floor: float) -> float:
    """A collected heap: up by 100 MiB every eight minutes, back to its floor."""
    return floor + (hour * 60 % 8) / 8 * 100 * MIB


NOISE = random.Random(3)


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (lambda h: sawtooth(h, 200 * MIB + h * 40 * MIB), True),
        (lambda h: sawtooth(h, 200 * MIB), False),
        (lambda h: 100 * MIB + h * 60 * MIB, True),
        (lambda h: min(400 * MIB, 100 * MIB + h * 300 * MIB), False),  # a cache that fills, then stays
        (lambda h: 300 * MIB + NOISE.random() * 40 * MIB, False),
        (lambda h: 300 * MIB + h * MIB, False),  # too slow to matter
    ],
    ids=["leaking heap", "healthy heap", "plain leak", "cache", "noise", "drift"],
)
def test_leak(memory: Callable[[float], float], expected: bool) -> None:
    story = Story()
    found = hours(story, memory, 3)
    assert bool(found) is expected
    for finding in found:
        assert "Leaks memory." in finding.summary
        assert finding.evidence[0].value * 3600 == pytest.approx(
            (40 if "7" not in finding.summary else 60) * MIB, rel=0.6
        )


def test_a_restart_forgets_the_leak() -> None:
    story = Story()
    assert hours(story, lambda h: 100 * MIB + h * 60 * MIB, 3)
    story.targets[WEB] = target(id=replace(target().id, inode=99))
    assert hours(story, lambda h: 100 * MIB + h * 60 * MIB, 0.5) == []


def test_an_agent_that_begins_anew_knows_the_leak_from_the_store() -> None:
    past = [(START_MS + q * 900_000, (100 + 15.0 * q) * MIB) for q in range(1, 13)]
    for started_ms, known in ((START_MS - 1000, True), (START_MS + 2 * 3_600_000, False), (None, False)):
        story, detector = Story(), MemoryLeak()
        story.now_ms = START_MS + 3 * 3_600_000
        story.targets[WEB] = target(id=replace(target().id, started_at_ms=started_ms))
        detector.seed({WEB: past})
        found = detector.detect(story.tick({WEB: {"memory_anon_bytes": 280.0 * MIB}}), story.recent)
        assert bool(found) is known, started_ms


def test_a_crowd_that_comes_and_goes_hides_no_leak_and_time_set_back_begins_anew() -> None:
    """The places of the crowd are given up about half an hour after it has gone; what leaks was known before."""
    story = Story()
    crowd = {f"{number:064x}": {"memory_anon_bytes": 1.0} for number in range(2 * SPARE)}
    story.ask(MemoryLeak, story.tick(crowd))
    assert hours(story, lambda h: 100 * MIB + h * 60 * MIB, 2.6)
    story.now_ms -= 3 * 3_600_000
    assert hours(story, lambda h: 100 * MIB + h * 60 * MIB, 1) == []


def disk(story: Story, used: Callable[[float], float], count: float) -> list[Finding]:
    """So many hours of a disk in steps of a minute."""
    story.interval_s = 60.0
    found: list[Finding] = []
    for i in range(round(count * 60)):
        story.recent.snapshots.clear()
        story.host_values = {"host_disk_used_ratio{/}": used(i / 60), "host_disk_used_ratio{/boot}": 0.3}
        found = story.ask(HostDiskFilling, story.tick())
    return found


@pytest.mark.parametrize(
    ("used", "hours_told", "expected"),
    [
        (lambda h: 0.92, 0.1, Severity.WARNING),
        (lambda h: 0.98, 0.1, Severity.CRITICAL),
        (lambda h: 0.6 + 0.03 * h, 3, Severity.WARNING),  # full in 10 h, seen for 3
        (lambda h: 0.6, 3, None),
        (lambda h: 0.6 + 0.1 * (h % 1), 3, None),  # filled and emptied each hour
    ],
)
def test_disk(used: Callable[[float], float], hours_told: float, expected: Severity | None) -> None:
    found = disk(Story(), used, hours_told)
    assert [f.severity for f in found] == ([expected] if expected else [])
    for finding in found:
        assert (finding.container_id, finding.name) == ("", "harbour")
        assert "/boot" not in finding.summary


def test_a_disk_out_of_inodes_says_what_is_short() -> None:
    story = Story()
    story.host_values = {"host_disk_used_ratio{/}": 0.4, "host_disk_inodes_used_ratio{/}": 0.95}
    (finding,) = story.ask(HostDiskFilling, story.tick())
    assert finding.summary == "Disk fills up: / has 95 % of its inodes in use."
    assert "du --inodes" in finding.advice


def test_a_disk_on_its_way_says_when() -> None:
    (finding,) = disk(Story(), lambda h: 0.6 + 0.05 * h, 4)
    assert "/ has 80 % in use and is full in about 4 h" in finding.summary


@pytest.mark.parametrize(
    ("cores", "memory", "days", "expected"),
    [(0.1, 50 * MIB, 3, True), (0.1, 50 * MIB, 1, False), (0.9, 900 * MIB, 3, False)],
)
def test_over_provisioned(cores: float, memory: float, days: float, expected: bool) -> None:
    story = Story(interval_s=60.0)
    values = {"cpu_usage_cores": cores, "memory_working_set_bytes": memory}
    for _ in range(round(days * 1440)):
        story.recent.snapshots.clear()
        found = story.ask(
            OverProvisioned, story.tick({WEB: values}, limits={WEB: Limits(cpu_cores=2.0, memory_bytes=GIB)})
        )
    assert [f.severity for f in found] == ([Severity.INFO] if expected else [])
    assert all("of 2.00 cores, " in f.summary and "of 1.00 GiB" in f.summary for f in found)


@pytest.mark.parametrize(
    ("limits", "free", "expected"),
    [
        (Limits(memory_bytes=UNLIMITED), 0.5 * GIB, True),
        (Limits(memory_bytes=UNLIMITED), 4.0 * GIB, False),
        (Limits(memory_bytes=6 * GIB), 0.5 * GIB, False),
        (Limits(), 0.5 * GIB, False),  # unknown is not unlimited
    ],
)
def test_unlimited_on_a_crowded_host(limits: Limits, free: float, expected: bool) -> None:
    story = Story()
    story.targets[DB] = target(DB, "db")
    story.host_values |= {"host_memory_total_bytes": 8.0 * GIB, "host_memory_available_bytes": free}
    values = {WEB: {"memory_working_set_bytes": 3.0 * GIB}, DB: {"memory_working_set_bytes": 0.1 * GIB}}
    found = story.ask(
        UnlimitedOnCrowdedHost, story.tick(values, limits={WEB: limits, DB: Limits(memory_bytes=UNLIMITED)})
    )
    assert [f.container_id for f in found] == ([WEB] if expected else [])


def test_unlimited_cpu_on_a_busy_host_is_information() -> None:
    story = Story()
    story.host_values["cpu_usage_cores"] = 7.8
    for _ in range(70):
        snapshot = story.tick({WEB: {"cpu_usage_cores": 5.0}}, limits={WEB: Limits(cpu_cores=UNLIMITED)})
        found = story.ask(UnlimitedOnCrowdedHost, snapshot)
    assert [f.severity for f in found] == [Severity.INFO]


@pytest.mark.parametrize(
    ("hours_kept", "started", "most", "expected"),
    [
        (48, -1, 0.1, True),
        (47, -1, 0.1, False),  # not seen for long enough
        (60, 20 * 3_600_000, 0.1, False),  # another life's hours are not its own
        (60, None, 0.1, False),
        (48, -1, 1.9, False),  # peaks in 1 % of the time and more
    ],
)
def test_what_was_stored_of_its_use_counts_after_a_restart_of_the_agent(
    hours_kept: int, started: int | None, most: float, expected: bool
) -> None:
    story, detector = Story(), OverProvisioned()
    story.now_ms = START_MS + hours_kept * 3_600_000
    started_ms = None if started is None else START_MS + started
    story.targets[WEB] = target(id=replace(target().id, started_at_ms=started_ms))
    hours_of = [START_MS + hour * 3_600_000 for hour in range(hours_kept)]
    detector.seed(
        {
            WEB: {
                USAGE: [Stretch(at_ms, 3600.0, 0.05, 0.09, most) for at_ms in hours_of],
                WORKING_SET: [Stretch(at_ms, 3600.0, 50.0 * MIB, 50.0 * MIB, 50.0 * MIB) for at_ms in hours_of],
            },
            DB: {USAGE: [Stretch(START_MS, 3600.0, 0.0, 0.0, 0.0)]},  # gone
        }
    )
    values = {WEB: {USAGE: 0.06, WORKING_SET: 50.0 * MIB}}
    limits = {WEB: Limits(cpu_cores=2.0)}
    found = [detector.detect(story.tick(values, limits=limits), story.recent) for _ in range(20)]
    assert bool(found[-1]) is expected


def test_hours_in_which_no_agent_ran_are_not_counted_as_seen() -> None:
    story, detector = Story(), OverProvisioned()
    story.now_ms = START_MS + 96 * 3_600_000
    story.targets[WEB] = target(id=replace(target().id, started_at_ms=START_MS - 1))
    detector.seed({WEB: {USAGE: [Stretch(START_MS, 3600.0, 0.01, 0.01, 0.01)]}})
    for _ in range(20):
        found = detector.detect(story.tick({WEB: {USAGE: 0.01}}, limits={WEB: Limits(cpu_cores=2.0)}), story.recent)
    assert found == ()
