"""Seconds told one by one: builds snapshots and the recent memory that goes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from alerts.detectors.detector import Detector
from alerts.notify.notifier import Bundle
from model.alert import Alert, AlertState, Notification, Receiver, Rule, Severity
from model.change import Change, ChangeStatus, Knobs
from model.event import Event
from model.finding import Evidence, Finding
from model.limits import Limits
from model.sample import HOST_KEY, Gap, Sample, Snapshot
from model.target import Target, TargetId

START_MS = 1_800_000_000_000
WEB = "a" * 64
DB = "b" * 64
MIB = 1024 * 1024


class ListRecent:
    """:class:`storage.api.Recent` over a plain list of snapshots."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def append(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def latest(self) -> Snapshot | None:
        return self.snapshots[-1] if self.snapshots else None

    def window(self, key: str, metric: str, seconds: float) -> Sequence[tuple[int, float]]:
        if not self.snapshots:
            return []
        since_ms = self.snapshots[-1].at_ms - seconds * 1000
        found = []
        for snapshot in self.snapshots:
            sample = snapshot.host_sample if key == HOST_KEY else snapshot.samples.get(key)
            if snapshot.at_ms > since_ms and sample is not None and metric in sample.values:
                found.append((snapshot.at_ms, sample.values[metric]))
        return found

    def covered_s(self) -> float:
        return (self.snapshots[-1].at_ms - self.snapshots[0].at_ms) / 1000 if self.snapshots else 0.0


def target(key: str = WEB, name: str = "web", **more: object) -> Target:
    """A container with a name and an image."""
    base = Target(TargetId("docker", key, 1), f"/docker/{key}", name, image="nginx:1", group="shop")
    return replace(base, **more)  # type: ignore[arg-type]


class Story:
    """One host; :meth:`tick` tells one more second."""

    def __init__(self, interval_s: float = 1.0, host: str = "harbour") -> None:
        self.recent = ListRecent()
        self.interval_s, self.host = interval_s, host
        self.targets: dict[str, Target] = {WEB: target()}
        self.limits: dict[str, Limits] = {}
        self.host_values: dict[str, float] = {"host_cpu_count": 8.0}
        self.now_ms = START_MS
        self.detectors: dict[object, Detector] = {}

    def ask(self, kind: Callable[[], Detector], snapshot: Snapshot) -> list[Finding]:
        """What a detector of this story's own says of the tick."""
        return list(self.detectors.setdefault(kind, kind()).detect(snapshot, self.recent))

    def tick(
        self,
        values: Mapping[str, Mapping[str, float]] | None = None,
        *,
        events: Sequence[Event] = (),
        gaps: Sequence[Gap] = (),
        limits: Mapping[str, Limits] | None = None,
    ) -> Snapshot:
        """``values``: container id → metric → value; a container without values has no sample in this second."""
        self.now_ms += round(self.interval_s * 1000)
        self.limits.update(limits or {})
        snapshot = Snapshot(
            at_ms=self.now_ms,
            interval_s=self.interval_s,
            host=self.host,
            cgroup="v2",
            host_sample=Sample(dict(self.host_values)),
            targets=dict(self.targets),
            samples={key: Sample(dict(some)) for key, some in (values or {}).items()},
            limits=dict(self.limits),
            gaps=tuple(gaps),
            events=tuple(events),
        )
        self.recent.append(snapshot)
        return snapshot

    def cpu(self, share: float, usage: float, limit: float | None = 0.2, **more: float) -> Snapshot:
        """A second of the container ``web`` with a CPU limit."""
        values = {"cpu_throttled_periods_ratio": share, "cpu_usage_cores": usage, **more}
        return self.tick({WEB: values}, limits={WEB: Limits(cpu_cores=limit)})

    def memory(self, used: float, limit: int = 64 * MIB, **more: float) -> Snapshot:
        """A second of the container ``web`` with a memory limit."""
        values = {"memory_working_set_bytes": float(used), **more}
        return self.tick({WEB: values}, limits={WEB: Limits(memory_bytes=limit)})


def a_finding(detector: str = "cpu_throttled", key: str = WEB, name: str = "web", **more: object) -> Finding:
    """A finding as the tracker gives it out."""
    base = Finding(
        id="f1",
        at_ms=START_MS,
        since_ms=START_MS,
        host="harbour",
        container_id=key,
        name=name,
        detector=detector,
        severity=Severity.WARNING,
        summary="Held back by its CPU limit.",
        evidence=(Evidence("cpu_throttled_periods_ratio", 0.9, 0.25, 2.0, "ratio"),),
        advice="Raise it.",
    )
    return replace(base, **more)  # type: ignore[arg-type]


def an_alert(rule: str = "CpuThrottled", state: AlertState = AlertState.FIRING, **more: object) -> Alert:
    """An alert of the container ``web``."""
    base = Alert(
        id="0123456789abcdef",
        rule=rule,
        severity=Severity.WARNING,
        state=state,
        host="harbour",
        container_id=WEB,
        name="web",
        image="nginx:1",
        group="shop",
        since_ms=START_MS,
        started_at_ms=START_MS,
        ended_at_ms=None,
        value=0.9,
        threshold=0.25,
        summary="Held back by its CPU limit.",
        description="cpu_throttled_periods_ratio 90 %",
        advice="Raise it.",
    )
    return replace(base, **more)  # type: ignore[arg-type]


def a_change(status: ChangeStatus = ChangeStatus.APPLIED, **more: object) -> Change:
    """A raise of the container ``web``."""
    base = Change(
        id="c1",
        at_ms=START_MS,
        host="harbour",
        container_id=WEB,
        name="web",
        status=status,
        rule="cpu_law",
        reason="pinned at its quota",
        before=Knobs(cpu_cores=0.2),
        after=Knobs(cpu_cores=0.5),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def a_receiver(name: str = "ops", url: str = "http://127.0.0.1:9/", **more: object) -> Receiver:
    """A webhook receiver."""
    return replace(Receiver(name, "webhook", url), **more)  # type: ignore[arg-type]


def bundle_of(*notifications: Notification, others_fire: bool = False) -> Bundle:
    """A message that holds these."""
    return Bundle(notifications[0].id, notifications, others_fire)


def only(rules: Sequence[Rule], name: str) -> Rule:
    """The rule of this name."""
    return next(rule for rule in rules if rule.name == name)
