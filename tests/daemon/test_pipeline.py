"""One tick: everything is told to everyone, in order, and a room that fails stops none behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.pipeline import Pipeline
from daemon.steps import Steps
from model.alert import Alert, AlertState, Severity, Transition
from model.change import Change, ChangeStatus, Knobs, Policy
from model.event import Event
from model.finding import Finding
from model.live import Frame, PartState
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.api import Recent
from storage.memory import MemorySeries
from storage.recent import RecentMemory

TARGET = Target(TargetId("docker", "a" * 64, 7), "/docker/a", "web")
FINDING = Finding("", 1000, 1000, "h", TARGET.key, "web", "throttled", Severity.WARNING, "Held back.", (), "Raise it.")
CHANGE = Change("c1", 900, "h", TARGET.key, "web", ChangeStatus.APPLIED, "cpu_law", "pinned", Knobs(0.2), Knobs(0.5))
ALERT = Alert(
    "a1", "Throttled", Severity.WARNING, AlertState.FIRING, "h", TARGET.key, "web", "", "", 1000, 1000, None,
    0.5, 0.1, "Held back.", "", "",
)  # fmt: skip


class House:
    """Every neighbour of the pipeline at once: notes who was called with what."""

    name = "throttled"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.frames: list[Frame] = []
        self.broken: set[str] = set()

    def called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise RuntimeError(f"{name} is broken")

    def collect(self, now_ms: int) -> Snapshot:
        self.called("collect")
        return Snapshot(
            now_ms,
            1.0,
            "h",
            "v2",
            Sample({"cpu_usage_cores": 1.0}),
            {TARGET.key: TARGET},
            {TARGET.key: Sample({"cpu_usage_cores": 0.2})},
            {},
            events=(Event(now_ms, "start", "h", TARGET.key, "web"),),
        )

    def capabilities(self) -> Mapping[str, str]:
        return {"psi": "yes"}

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        self.called("detect")
        assert recent.latest() is snapshot
        return [FINDING]

    def track(self, findings: Sequence[Finding], now_ms: int) -> tuple[Finding, ...]:
        return tuple(replace(f, id=f"f{now_ms}") for f in findings)

    def record_change(self, change: Change) -> None:
        self.called(f"record {change.id}")

    def evaluate(self, snapshot: Snapshot, findings: Sequence[Finding], now_ms: int) -> tuple[Transition, ...]:
        self.called(f"evaluate {len(findings)}")
        return (Transition(now_ms, AlertState.PENDING, ALERT, True),)

    def consider(self, snapshot: Snapshot, findings: Sequence[Finding], now_ms: int) -> None:
        self.called("consider")

    def annotate(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        return tuple(replace(f, deed="Raised.") for f in findings)

    def policies(self) -> Mapping[str, Policy]:
        return {TARGET.key: Policy()}

    def publish(self, frame: Frame, snapshot: Snapshot) -> None:
        self.called("publish")
        self.frames.append(frame)


def pipeline(house: House, series: MemorySeries | None = None, detectors: Sequence[object] = ()) -> Pipeline:
    return Pipeline(
        sampler=house,
        recent=RecentMemory(),
        series=series or MemorySeries(),
        spool=None,
        detectors=detectors or (house,),  # type: ignore[arg-type]
        tracker=house,
        engine=house,
        controller=house,
        link=house,
        parts=lambda now_ms: (PartState("tick", "ok", now_ms),),
        steps=Steps(),
    )


def test_a_tick_goes_straight_through_the_house() -> None:
    house, series = House(), MemorySeries()
    line = pipeline(house, series)
    line.note(CHANGE)
    line.tick(1000)
    assert house.calls == ["collect", "detect", "record c1", "evaluate 1", "consider", "publish"]
    frame = house.frames[0]
    assert frame.at_ms == 1000
    assert [f.deed for f in frame.findings] == ["Raised."]
    assert frame.findings[0].id == "f1000"
    assert frame.changes == (CHANGE,)
    assert [e.kind for e in frame.events] == ["start", "limit_change", "alert"]
    assert sorted(e.kind for e in series.events()) == ["alert", "limit_change", "start"]
    assert frame.values[TARGET.key] == {"cpu_usage_cores": 0.2}
    line.tick(2000)
    assert house.frames[1].changes == (), "a change is told once"


def test_a_broken_room_stops_none_behind_it() -> None:
    for broken in ("detect", "evaluate 1", "consider", "record c1"):
        house = House()
        house.broken = {broken}
        line = pipeline(house)
        line.note(CHANGE)
        line.tick(1000)
        assert house.calls[-1] == "publish", broken


def test_a_bad_detector_blinds_no_other() -> None:
    class Bad:
        name = "bad"

        def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
            raise ZeroDivisionError

    house = House()
    pipeline(house, detectors=(Bad(), house)).tick(1000)
    assert len(house.frames[0].findings) == 1


def test_without_a_snapshot_nothing_is_made_up() -> None:
    house = House()
    house.broken = {"collect"}
    pipeline(house).tick(1000)
    assert house.calls == ["collect"]
