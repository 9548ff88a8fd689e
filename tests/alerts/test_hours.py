"""Times of day, and the two functions that look for a change and for nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alerts.engine import Engine
from alerts.hours import within
from alerts.rulefile import parse
from model.alert import Condition, Hours, Rule, Severity
from storage.memory import MemoryState
from tests.alerts.story import DB, WEB, Story, a_receiver, target

NIGHT = Hours(22 * 60, 6 * 60, (4,), "UTC")
"""From Friday at ten to Saturday at six."""


def at(text: str) -> int:
    """2026-01-02 was a Friday."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hours", "moment", "expected"),
    [
        (Hours(8 * 60, 18 * 60, (0, 1, 2, 3, 4), "UTC"), "2026-01-02T08:00", True),
        (Hours(8 * 60, 18 * 60, (0, 1, 2, 3, 4), "UTC"), "2026-01-02T18:00", False),
        (Hours(8 * 60, 18 * 60, (0, 1, 2, 3, 4), "UTC"), "2026-01-03T12:00", False),
        (NIGHT, "2026-01-02T21:59", False),
        (NIGHT, "2026-01-02T22:00", True),
        (NIGHT, "2026-01-03T05:59", True),
        (NIGHT, "2026-01-03T22:30", False),
        (NIGHT, "2026-01-02T05:00", False),
        (Hours(zone="UTC"), "2026-01-02T23:59", True),
    ],
)
def test_within(hours: Hours, moment: str, expected: bool) -> None:
    assert within(hours, at(moment)) is expected


def test_hours_of_a_file() -> None:
    (rule,) = parse(
        '[[rule]]\nname = "R"\nmetric = "pids"\nthreshold = 1\n'
        'hours = { from = "22:00", to = "06:00", days = ["fri"], zone = "UTC" }\n',
        "X",
    )
    assert rule.hours == NIGHT


def engine_of(story: Story, rule: Rule) -> Engine:
    return Engine((rule,), (a_receiver(),), MemoryState(), story.recent, "harbour")


def test_a_rule_rests_outside_of_its_hours() -> None:
    story = Story()
    story.now_ms = at("2026-01-03T05:59:58")
    rule = Rule("R", Severity.WARNING, Condition("pids", None, "last", ">", 5.0), hours=NIGHT)
    engine = engine_of(story, rule)
    states = []
    for _ in range(4):
        snapshot = story.tick({WEB: {"pids": 9.0}})
        states.append([t.alert.state.value for t in engine.evaluate(snapshot, (), story.now_ms)])
    assert states == [["firing"], ["resolved"], [], []]


def test_changed_counts_changes() -> None:
    story = Story()
    rule = Rule("R", Severity.WARNING, Condition("restarts", None, "changed", ">", 1.0, window_s=10.0))
    engine = engine_of(story, rule)
    fired = []
    for second in range(20):
        snapshot = story.tick({WEB: {"restarts": float(second // 6)}, DB: {"restarts": 3.0}})
        fired += [(second, t.alert.container_id, t.alert.summary) for t in engine.evaluate(snapshot, (), story.now_ms)]
    assert fired[0] == (12, WEB, "restarts changed 2 times in 10 s.")
    assert [(second, key) for second, key, _ in fired] == [(12, WEB), (15, WEB), (18, WEB)]


def test_absent_wants_other_figures() -> None:
    story = Story()
    story.targets[DB] = target(DB, "db")
    rule = Rule("R", Severity.WARNING, Condition("health", None, "absent", window_s=10.0))
    engine = engine_of(story, rule)
    fired = []
    for second in range(30):
        values = {WEB: {"pids": 1.0, "health": 1.0} if second < 10 else {"pids": 1.0}}
        if second < 2:
            values[DB] = {"pids": 1.0, "health": 1.0}  # then its collector is dead: no figures at all
        snapshot = story.tick(values)
        fired += [(second, t.alert.container_id) for t in engine.evaluate(snapshot, (), story.now_ms)]
    assert fired == [(19, WEB)]
