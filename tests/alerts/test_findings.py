"""The same bottleneck keeps its name."""

from __future__ import annotations

from alerts.findings import Tracker
from tests.alerts.story import DB, START_MS, a_finding


def test_a_finding_keeps_id_and_beginning_while_it_goes_on() -> None:
    tracker = Tracker()
    (first,) = tracker.track([a_finding(id="", since_ms=START_MS)], START_MS)
    (second,) = tracker.track([a_finding(id="", since_ms=START_MS + 900, at_ms=START_MS + 1000)], START_MS + 1000)
    assert first.id
    assert (second.id, second.since_ms, second.at_ms) == (first.id, START_MS, START_MS + 1000)


def test_a_short_absence_is_the_same_finding_and_a_long_one_is_not() -> None:
    tracker = Tracker()
    (first,) = tracker.track([a_finding(since_ms=START_MS)], START_MS)
    for second in (1, 2, 3):
        (held,) = tracker.track([], START_MS + second * 1000)
        assert held == first
    (again,) = tracker.track([a_finding(since_ms=START_MS + 3500)], START_MS + 3500)
    assert again.id == first.id
    assert tracker.track([], START_MS + 6600) == ()
    (later,) = tracker.track([a_finding(since_ms=START_MS + 9000)], START_MS + 9000)
    assert later.id != first.id


def test_containers_and_detectors_do_not_share_names() -> None:
    found = [a_finding(), a_finding(key=DB), a_finding(detector="memory_near_limit")]
    assert len({finding.id for finding in Tracker().track(found, START_MS)}) == 3
