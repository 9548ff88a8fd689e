"""OOM kills, of living containers and of those that died of it."""

from __future__ import annotations

from alerts.detectors.memory_oom_killed import MemoryOomKilled
from model.alert import Severity
from model.event import Event
from model.limits import Limits
from tests.alerts.story import MIB, START_MS, WEB, Story


def test_a_kill_is_a_finding_for_a_minute() -> None:
    story = Story()
    limits = {WEB: Limits(memory_bytes=64 * MIB)}
    assert story.ask(MemoryOomKilled, story.tick({WEB: {"memory_oom_kills": 0.0}}, limits=limits)) == []
    story.ask(MemoryOomKilled, story.tick({WEB: {"memory_oom_kills": 2.0}}))
    for _ in range(59):
        snapshot = story.tick({WEB: {"memory_oom_kills": 0.0}})
        (finding,) = story.ask(MemoryOomKilled, snapshot)
        assert finding.severity is Severity.CRITICAL
        assert finding.summary == (
            "Out of memory. The kernel killed 2 processes of it at its limit of 64.0 MiB within 60 s."
        )
        assert finding.proposed == 96 * MIB
        assert finding.since_ms == START_MS + 2000
    assert story.ask(MemoryOomKilled, story.tick({WEB: {"memory_oom_kills": 0.0}})) == []


def test_a_container_that_died_of_it_is_known_from_its_event() -> None:
    story = Story()
    story.targets = {}
    stop = Event(START_MS, "stop", "harbour", WEB, "job", detail={"exit_code": 137, "oom_killed": True})
    plain = Event(START_MS, "stop", "harbour", "c" * 64, "fine", detail={"exit_code": 0, "oom_killed": False})
    (finding,) = story.ask(MemoryOomKilled, story.tick(events=(stop, plain)))
    assert (finding.container_id, finding.name) == (WEB, "job")
    assert finding.knob is None
    assert "host ran out of memory" in finding.advice


def test_a_kill_of_one_of_several_is_no_finding_about_each() -> None:
    story = Story()
    story.targets = {}

    def oom(among: int) -> Event:
        return Event(START_MS, "oom", "harbour", WEB, "job", detail={"count": 1, "counted_by": "host", "among": among})

    assert story.ask(MemoryOomKilled, story.tick(events=(oom(2),))) == []
    assert len(story.ask(MemoryOomKilled, story.tick(events=(oom(1),)))) == 1
