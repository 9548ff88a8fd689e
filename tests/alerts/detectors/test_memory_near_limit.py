"""Memory near its limit: level, prediction with its interval, and what is no danger."""

from __future__ import annotations

import pytest

from alerts.detectors.memory_near_limit import MemoryNearLimit
from alerts.windows import growth_of
from model.alert import Severity
from model.finding import Finding
from model.limits import UNLIMITED
from model.sample import Snapshot
from tests.alerts.story import MIB, Story


def found(story: Story, snapshot: Snapshot) -> Finding | None:
    findings = story.ask(MemoryNearLimit, snapshot)
    assert len(findings) <= 1
    return findings[0] if findings else None


@pytest.mark.parametrize(
    ("used_mib", "limit_mib", "expected"),
    [(2, 64, None), (57, 64, None), (58, 64, Severity.WARNING), (63, 64, Severity.CRITICAL), (460, 512, None)],
)
def test_level(used_mib: int, limit_mib: int, expected: Severity | None) -> None:
    story = Story()
    for _ in range(60):
        snapshot = story.memory(used_mib * MIB, limit_mib * MIB)
    finding = found(story, snapshot)
    assert (finding.severity if finding else None) is expected


def test_an_idle_container_with_64_mib_stays_unmentioned() -> None:
    story = Story()
    for second in range(600):
        snapshot = story.memory((1.5 + 0.1 * (second % 7)) * MIB)
        assert found(story, snapshot) is None


@pytest.mark.parametrize("limit", [None, UNLIMITED])
def test_without_a_limit_nothing_is_near(limit: int | None) -> None:
    story = Story()
    assert found(story, story.memory(900 * MIB, limit)) is None  # type: ignore[arg-type]


def test_steady_growth_is_predicted_with_an_interval() -> None:
    story = Story()
    for second in range(200):
        snapshot = story.memory((300 + 0.25 * second + 0.05 * (second % 3)) * MIB, 512 * MIB)
    finding = found(story, snapshot)
    assert finding is not None
    facts = {fact.metric: fact for fact in finding.evidence}
    room_s = (512 - 300 - 0.25 * 199) / 0.25
    assert facts["memory_time_to_limit_s"].value == pytest.approx(room_s, rel=0.05)
    assert facts["memory_growth_bytes_per_second"].value == pytest.approx(0.25 * MIB, rel=0.05)
    assert finding.summary.startswith(
        "Running towards its memory limit. Uses 350 MiB of 512 MiB (68 %). Full in about 11 min ("
    )
    assert finding.proposed is not None
    assert 512 * MIB < finding.proposed <= 1024 * MIB
    assert "leaks" in finding.advice


def test_fast_growth_is_critical_after_ten_seconds() -> None:
    story = Story()
    for second in range(9):
        snapshot = story.memory((8 + 5 * second) * MIB, 64 * MIB)
    finding = found(story, snapshot)
    assert finding is not None
    assert finding.severity is Severity.CRITICAL


def test_a_prediction_reaches_no_further_than_what_was_seen_allows() -> None:
    """Ten seconds of growth say nothing about a quarter of an hour."""
    story = Story()
    for second in range(10):
        snapshot = story.memory((300 + 0.25 * second) * MIB, 512 * MIB)
    assert found(story, snapshot) is None


def test_a_sawtooth_is_no_growth() -> None:
    story = Story()
    for second in range(600):
        snapshot = story.memory((280 + 2 * (second % 50)) * MIB, 512 * MIB)
        assert found(story, snapshot) is None


def test_a_start_up_that_levels_off_is_forgotten() -> None:
    story = Story()
    for second in range(200):
        snapshot = story.memory((100 + 5 * min(second, 60)) * MIB, 512 * MIB)
    assert found(story, snapshot) is None


def test_file_cache_is_said_but_is_no_danger() -> None:
    story = Story()
    for _ in range(30):
        snapshot = story.memory(62 * MIB, 64 * MIB, memory_anon_bytes=5.0 * MIB, memory_kernel_bytes=1.0 * MIB)
    finding = found(story, snapshot)
    assert finding is not None
    assert finding.severity is Severity.INFO
    assert "cache" in finding.advice


def test_growing_cache_is_not_predicted_as_danger() -> None:
    story = Story()
    for second in range(60):
        snapshot = story.memory((300 + second) * MIB, 512 * MIB, memory_anon_bytes=20.0 * MIB)
    assert found(story, snapshot) is None


def test_shared_memory_counts_as_what_cannot_be_given_back() -> None:
    story = Story()
    for _ in range(30):
        snapshot = story.memory(63 * MIB, 64 * MIB, memory_anon_bytes=2.0 * MIB, memory_shmem_bytes=61.0 * MIB)
    finding = found(story, snapshot)
    assert finding is not None
    assert finding.severity is Severity.CRITICAL


def test_few_points_have_no_growth() -> None:
    assert growth_of([(0, 1.0), (1000, 2.0), (2000, 3.0)]) is None
    assert growth_of([(0, 1.0)] * 8) is None
