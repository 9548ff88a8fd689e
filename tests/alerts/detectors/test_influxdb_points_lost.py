"""Lines that the push to InfluxDB lost are told while it goes on and for a while after, and no longer."""

from __future__ import annotations

from alerts.defaults import DEFAULT_RULES
from alerts.detectors.influxdb_points_lost import InfluxdbPointsLost, Losses
from model.alert import Severity
from model.sample import HOST_KEY
from tests.alerts.story import Story


class Push:
    """A push that loses what a test says."""

    def __init__(self) -> None:
        self.losses = Losses()
        self.detector = InfluxdbPointsLost(lambda: self.losses)
        self.story = Story()

    def seconds(self, count: int) -> list[str]:
        """Summaries of the last of so many ticks."""
        for _ in range(count):
            found = self.detector.detect(self.story.tick(), self.story.recent)
        for finding in found:
            assert (finding.container_id, finding.severity) == (HOST_KEY, Severity.WARNING)
        return [finding.summary for finding in found]


def test_without_a_push_nothing_is_lost() -> None:
    story = Story()
    assert [story.ask(InfluxdbPointsLost, story.tick()) for _ in range(3)] == [[], [], []]


def test_a_full_spool_is_told_until_it_has_been_empty_and_ten_minutes_more() -> None:
    push = Push()
    assert push.seconds(700) == []
    push.losses = Losses(dropped=3000, full=True)
    (said,) = push.seconds(1)
    assert "the spool is full, and 3000 lines that waited for it were dropped in 10 min" in said
    assert len(push.seconds(3600)) == 1, "still full, though nothing was dropped lately"
    push.losses = Losses(dropped=3500)
    (said,) = push.seconds(500)
    assert "500 lines that waited for it were dropped" in said
    assert "full" not in said
    assert push.seconds(120) == []


def test_lines_lost_since_the_first_tick_count() -> None:
    push = Push()
    push.losses = Losses(dropped=10)
    assert len(push.seconds(1)) == 1


def test_refused_lines_are_told_with_where_they_lie() -> None:
    push = Push()
    push.seconds(1)
    push.losses = Losses(refused=2)
    (finding,) = push.detector.detect(push.story.tick(), push.story.recent)
    assert "the server refused 2 lines in 10 min" in finding.summary
    assert "dead_letters.lp" in finding.advice
    push.losses = Losses(refused=2, dropped=7)
    (both,) = push.seconds(1)
    assert "7 lines" in both
    assert "refused 2 lines" in both


def test_a_clock_that_was_set_back_forgets() -> None:
    push = Push()
    push.losses = Losses(dropped=10)
    push.seconds(5)
    push.story.now_ms -= 3_600_000
    assert push.seconds(1) == []


def test_what_it_remembers_is_bounded() -> None:
    push = Push()
    push.seconds(5000)
    assert len(push.detector.known) <= 62


def test_it_is_told_at_once() -> None:
    (rule,) = [rule for rule in DEFAULT_RULES if rule.condition.detector == "influxdb_points_lost"]
    assert (rule.severity, rule.for_s) == (Severity.WARNING, 0.0)
