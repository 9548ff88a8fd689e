"""CPU throttling: when it is said, how bad it is, and what is proposed."""

from __future__ import annotations

import pytest

from alerts.detectors.cpu_throttled import CpuThrottled
from model.alert import Severity
from model.finding import Finding
from model.limits import UNLIMITED, Limits
from model.sample import Snapshot
from tests.alerts.story import WEB, Story


def found(story: Story, snapshot: Snapshot) -> Finding | None:
    findings = story.ask(CpuThrottled, snapshot)
    assert len(findings) <= 1
    return findings[0] if findings else None


def test_the_first_throttled_second_of_a_pinned_container_is_enough() -> None:
    story = Story()
    for _ in range(30):
        story.cpu(0.0, 0.01)
    finding = found(story, story.cpu(1.0, 0.2))
    assert finding is not None
    assert (finding.knob, finding.proposed) == ("cpu", 0.5)
    assert finding.container_id == WEB
    assert finding.severity is Severity.WARNING


def test_a_second_that_began_throttled_half_way_is_found_with_the_next_one() -> None:
    story = Story()
    story.cpu(0.0, 0.0)
    story.cpu(0.2, 0.04)
    assert found(story, story.cpu(1.0, 0.2)) is not None


def test_a_container_without_history_is_found_at_its_first_rate() -> None:
    story = Story()
    story.tick({WEB: {}}, limits={WEB: Limits(cpu_cores=0.2)})
    assert found(story, story.cpu(1.0, 0.2)) is not None


@pytest.mark.parametrize(
    ("share", "usage", "limit", "seconds", "expected"),
    [
        (0.0, 0.2, 0.2, 60, False),
        (0.10, 1.4, 1.5, 60, False),  # what the densest limit policy aims at
        (0.16, 1.4, 1.5, 60, True),
        (0.16, 1.4, 1.5, 10, False),  # too short to say
        (0.5, 0.05, 1.5, 2, False),  # bursts of an idle container
        (0.5, 0.05, 1.5, 60, True),  # bursts that do not end
    ],
)
def test_table(share: float, usage: float, limit: float, seconds: int, expected: bool) -> None:
    story = Story()
    snapshot = story.cpu(share, usage, limit)
    for _ in range(seconds - 1):
        snapshot = story.cpu(share, usage, limit)
    assert (found(story, snapshot) is not None) is expected


def test_an_idle_container_with_a_health_check_is_left_alone() -> None:
    """Once in 30 s it runs three periods and is throttled in two of them; the seconds between have no share."""
    story, limits = Story(), {WEB: Limits(cpu_cores=0.1)}
    for second in range(120):
        values = {"cpu_throttled_periods_ratio": 0.67, "cpu_usage_cores": 0.02}
        snapshot = story.tick({WEB: values if second % 30 == 0 else {"cpu_usage_cores": 0.0}}, limits=limits)
        assert found(story, snapshot) is None


@pytest.mark.parametrize("limit", [None, UNLIMITED])
def test_without_a_limit_nothing_holds_it_back(limit: float | None) -> None:
    story = Story()
    assert found(story, story.cpu(1.0, 0.2, limit)) is None


def test_the_sentence_evidence_and_window_agree() -> None:
    story = Story()
    for _ in range(20):
        story.cpu(0.0, 0.3, 1.5)
    for _ in range(600):
        snapshot = story.cpu(0.31, 1.48, 1.5, cpu_pressure_some_ratio=0.4)
    finding = found(story, snapshot)
    assert finding is not None
    assert finding.summary == (
        "Held back by its CPU limit. Throttled in 31 % of periods for 10 min; uses 1.48 of 1.50 cores."
    )
    share, usage, pressure = finding.evidence
    assert (share.value, share.threshold, share.window_s) == (pytest.approx(0.31), 0.15, pytest.approx(600, abs=1))
    assert (usage.metric, usage.threshold) == ("cpu_usage_cores", 1.5)
    assert pressure.value == pytest.approx(0.4)
    assert finding.proposed == 2.0
    assert finding.advice == "Raise its CPU limit, or give it less to do."


def test_it_lasts_from_its_own_beginning_over_short_pauses() -> None:
    story = Story()
    for second in range(60):
        snapshot = story.cpu(0.0 if second < 20 or second % 5 == 0 else 0.8, 0.2)
    finding = found(story, snapshot)
    assert finding is not None
    assert (snapshot.at_ms - finding.since_ms) / 1000 == pytest.approx(39)


def test_held_almost_always_for_minutes_is_critical() -> None:
    story = Story()
    for _ in range(290):
        snapshot = story.cpu(0.97, 0.2)
    finding = found(story, snapshot)
    assert finding is not None
    assert finding.severity is Severity.CRITICAL


def test_the_proposal_stays_within_the_host() -> None:
    story = Story()
    story.host_values = {"host_cpu_count": 2.0}
    finding = found(story, story.cpu(1.0, 1.9, 1.9))
    assert finding is not None
    assert finding.proposed == 2.0
    finding = found(story, story.cpu(1.0, 2.0, 2.0))
    assert finding is not None
    assert finding.proposed is None
    assert "all that the host has" in finding.advice


def test_threads_in_bursts_get_their_own_advice() -> None:
    story = Story()
    for _ in range(40):
        snapshot = story.cpu(0.4, 0.3, 2.0)
    finding = found(story, snapshot)
    assert finding is not None
    assert "bursts" in finding.advice
