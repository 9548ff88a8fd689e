"""The columns never miss a container that the exact condition is true of."""

from __future__ import annotations

import random

import pytest

from alerts.columns.roster import KEPT_MS, SPARE, SWEEP_EVERY, Roster
from alerts.columns.watch import Watch
from alerts.condition import COMPARISONS, FUNCTIONS, judge
from model.alert import Condition, Truth
from tests.alerts.story import START_MS, Story, target

KEYS = [c * 64 for c in "abcdef"]
USAGE, LIMIT = "cpu_usage_cores", "cpu_limit_cores"


def true_of(condition: Condition, story: Story) -> set[str]:
    """The containers that the exact look finds."""
    found = set()
    for key in KEYS:
        points = story.recent.window(key, USAGE, condition.window_s)
        divisors = story.recent.window(key, LIMIT, condition.window_s) if condition.divisor else None
        answer = judge(condition, points, divisors, now_ms=story.now_ms, interval_s=1.0)
        if answer.truth is Truth.TRUE:
            found.add(key)
    return found


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("comparison", sorted(COMPARISONS))
@pytest.mark.parametrize("divisor", [None, LIMIT])
def test_no_container_is_missed(function: str, comparison: str, divisor: str | None) -> None:
    """Containers come, go, come back, and lack values now and then; the values crowd around the threshold."""
    draw = random.Random(f"{function}{comparison}{divisor}")
    threshold = {"rate": 0.0, "changed": 2.0}.get(function, 1.0)
    condition = Condition(USAGE, divisor, function, comparison, threshold, window_s=8.0)
    story, roster, watch = Story(), Roster(), Watch(condition)
    alive, named_once, true_once = set(KEYS[:3]), 0, 0
    for second in range(240):
        if second % 15 == 0:
            alive = set(draw.sample(KEYS, draw.randint(1, 6)))
        values = {}
        for key in KEYS:
            if key in alive and draw.random() < 0.9:
                level = draw.choice((0.98, 1.0, 1.02)) if second % 40 < 20 else draw.random() * 2
                values[key] = {USAGE: level, "pids": 1.0}
                if draw.random() < 0.95:
                    values[key][LIMIT] = draw.choice((0.0, 1.0, 1.0, 1.0))
        snapshot = story.tick(values)
        if second < 5:
            continue  # the watch begins later than the recent minutes
        roster.update(snapshot)
        named = set(watch.step(roster, story.recent, 1.0))
        true = true_of(condition, story) & set(roster.keys)
        assert true <= named, second
        named_once, true_once = named_once + len(named), true_once + len(true)
    assert true_once
    assert named_once < 235 * len(KEYS)


def test_quiet_containers_are_not_named() -> None:
    condition = Condition(USAGE, None, "avg", ">", 0.5, 10.0)
    story, roster, watch = Story(), Roster(), Watch(condition)
    for _ in range(40):
        snapshot = story.tick({KEYS[0]: {USAGE: 0.4}, KEYS[1]: {USAGE: 0.9}, KEYS[2]: {"pids": 1.0}})
        roster.update(snapshot)
        named = watch.step(roster, story.recent, 1.0)
    assert named == [KEYS[1]]


def test_a_sum_of_huge_values_leaves_no_trace_in_small_ones() -> None:
    condition = Condition(USAGE, None, "avg", ">", 1.0, 10.0)
    story, roster, watch = Story(), Roster(), Watch(condition)
    for second in range(60):
        snapshot = story.tick({KEYS[0]: {USAGE: 1e15 if second < 20 else 1.1 if second < 40 else 0.9}})
        roster.update(snapshot)
        named = watch.step(roster, story.recent, 1.0)
        if 30 <= second < 40:
            assert named == [KEYS[0]]
    assert named == []


def test_time_that_goes_back_begins_anew_and_places_are_given_back() -> None:
    story, roster = Story(), Roster()
    roster.update(story.tick({KEYS[0]: {USAGE: 1.0}, KEYS[1]: {USAGE: 1.0}}))
    for _ in range(KEPT_MS // 1000 + 200):
        roster.update(story.tick({KEYS[0]: {USAGE: 1.0}}))
    roster.update(story.tick({KEYS[0]: {USAGE: 1.0}, KEYS[2]: {USAGE: 1.0}}))
    assert sorted(roster.keys) == [KEYS[0], KEYS[2]]
    assert len(roster.fresh) == 1
    story.now_ms = START_MS
    age = roster.age
    roster.update(story.tick({KEYS[3]: {USAGE: 1.0}}))
    assert (roster.age, roster.keys) == (age + 1, [KEYS[3]])


def test_the_places_of_a_crowd_that_has_gone_are_given_up() -> None:
    condition = Condition(USAGE, None, "avg", ">", 0.5, 10.0)
    story, roster, watch = Story(), Roster(), Watch(condition)
    crowd = {f"{number:064x}": {USAGE: 1.0} for number in range(2 * SPARE)}
    resident = {KEYS[0]: {USAGE: 0.9}, KEYS[1]: {USAGE: 0.1}}
    roster.update(story.tick({**crowd, **resident}))
    watch.step(roster, story.recent, 1.0)
    named: set[str] = set()
    for second in range(KEPT_MS // 1000 + 3 * SWEEP_EVERY):
        roster.update(story.tick(resident))
        named = set(watch.step(roster, story.recent, 1.0))
        assert second < 10 or KEYS[0] in named
    assert sorted(roster.keys) == [KEYS[0], KEYS[1]]
    assert named == {KEYS[0]}


def test_a_target_without_a_sample_takes_no_place() -> None:
    story, roster = Story(), Roster()
    story.targets = {KEYS[0]: target(KEYS[0])}
    roster.update(story.tick({}))
    assert roster.keys == []
