"""Memory thrash, I/O, processes, packets: who is named, and who is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.detectors.io_saturated import IoSaturated
from alerts.detectors.memory_thrash import MemoryThrash
from alerts.detectors.network_trouble import NetworkTrouble
from alerts.detectors.pids_near_limit import PidsNearLimit
from model.alert import Severity
from model.limits import Limits
from model.reading import CgroupReading, IoDevice
from tests.alerts.story import DB, MIB, WEB, Story, target

CALM = {"memory_pressure_full_ratio": 0.0, "memory_refaults_per_second": 0.0, "pids": 3.0}


@pytest.mark.parametrize(
    ("full", "refaults", "major", "seconds", "expected"),
    [
        (0.2, 500.0, 0.0, 40, Severity.WARNING),
        (0.6, 500.0, 0.0, 40, Severity.CRITICAL),
        (0.2, None, 80.0, 40, Severity.WARNING),  # where refaults are not counted
        (0.2, 500.0, 0.0, 10, None),  # too short
        (0.05, 500.0, 0.0, 40, None),  # hardly waits: a cache that is read once
        (0.2, 10.0, 300.0, 40, None),  # waits, but not for pages that came back
        (0.2, None, None, 40, None),  # unknown is no evidence
    ],
)
def test_thrash(
    full: float, refaults: float | None, major: float | None, seconds: int, expected: Severity | None
) -> None:
    story = Story()
    story.targets[DB] = target(DB, "db")
    values = {"memory_pressure_full_ratio": full}
    values |= {"memory_refaults_per_second": refaults} if refaults is not None else {}
    values |= {"memory_major_faults_per_second": major} if major is not None else {}
    for _ in range(seconds):
        snapshot = story.tick({WEB: values, DB: CALM}, limits={WEB: Limits(memory_bytes=64 * MIB)})
        found = story.ask(MemoryThrash, snapshot)
    assert [(f.container_id, f.severity) for f in found] == ([] if expected is None else [(WEB, expected)])
    for finding in found:
        assert (finding.knob, finding.proposed) == ("memory", 80 * MIB)


def test_thrash_without_a_limit_is_the_hosts() -> None:
    story = Story()
    for _ in range(40):
        snapshot = story.tick({WEB: {"memory_pressure_full_ratio": 0.3, "memory_refaults_per_second": 900.0}})
    (finding,) = story.ask(MemoryThrash, snapshot)
    assert finding.knob is None
    assert "the host is short of memory" in finding.advice


@pytest.mark.parametrize(
    ("pids", "limit", "seconds", "expected"),
    [
        (92, 100, 6, Severity.WARNING),
        (99, 100, 6, Severity.CRITICAL),
        (92, 100, 3, None),
        (80, 100, 60, None),
        (5000, None, 60, None),
    ],
)
def test_pids(pids: int, limit: int | None, seconds: int, expected: Severity | None) -> None:
    story = Story()
    values = {"pids": float(pids)} | ({"pids_limit": float(limit)} if limit else {})
    for _ in range(seconds):
        found = story.ask(PidsNearLimit, story.tick({WEB: values}))
    assert [f.severity for f in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("drops", "packets", "errors", "words"),
    [
        (50.0, 1000.0, 0.0, "50 packets a second (5 %) are dropped on their way in"),
        (50.0, 100_000.0, 0.0, None),  # one in two thousand
        (2.0, 20.0, 0.0, None),  # too few to matter
        (0.0, 1000.0, 3.0, "3 a second are broken"),
    ],
)
def test_network(drops: float, packets: float, errors: float, words: str | None) -> None:
    story = Story()
    values = {
        "network_receive_drops_per_second": drops,
        "network_receive_packets_per_second": packets,
        "network_errors_per_second": errors,
    }
    for _ in range(70):
        found = story.ask(NetworkTrouble, story.tick({WEB: values}))
    assert [f.container_id for f in found] == ([WEB] if words else [])
    assert all(words and words in f.summary for f in found)


def told_io(story: Story, second: int, own: int, other: int, full: float = 0.6) -> object:
    """One second in which two containers write to sda."""
    rates = {"io_pressure_full_ratio": full, "io_read_bytes_per_second": 0.0, "io_write_bytes_per_second": float(own)}
    values = {WEB: rates, DB: {"io_pressure_full_ratio": 0.0, "io_write_bytes_per_second": float(other)}}
    readings = {
        key: CgroupReading(second, 1, io_devices=(IoDevice("8:0", 0, second * rate, 0, second),))
        for key, rate in ((WEB, own), (DB, other))
    }
    snapshot = story.tick(values)
    story.recent.snapshots[-1] = replace(snapshot, readings=readings, devices={"8:0": "sda"})
    return story.ask(IoSaturated, story.recent.snapshots[-1])


@pytest.mark.parametrize(
    ("own", "other", "words"),
    [
        (20 * MIB, MIB, "It is the one that uses sda most (95 % of what containers do)."),
        (2 * MIB, 38 * MIB, "db uses sda most (95 % of what containers do)."),
    ],
)
def test_io_names_the_disk_and_who_uses_it(own: int, other: int, words: str) -> None:
    story = Story()
    story.targets[DB] = target(DB, "db")
    for second in range(45):
        found = told_io(story, second, own, other)
    (finding,) = found  # type: ignore[misc]
    assert finding.container_id == WEB
    assert finding.summary.startswith("Waits for the disk sda.")
    assert finding.summary.endswith(words)


def test_io_that_is_hardly_there_is_left_alone() -> None:
    story = Story()
    story.targets[DB] = target(DB, "db")
    for second in range(45):
        assert told_io(story, second, 100, 0) == []
