"""One tick, in straight lines: collect → keep → explain → alert → adjust → show."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from daemon.steps import Steps
from model.alert import Alert, Transition
from model.change import Change, Policy
from model.event import Event
from model.finding import Finding
from model.live import Frame, PartState
from model.sample import Snapshot
from storage.api import Recent, SeriesWriter, Spool

log = logging.getLogger(__name__)


class Collects(Protocol):
    def collect(self, now_ms: int) -> Snapshot: ...
    def capabilities(self) -> Mapping[str, str]: ...


class Detects(Protocol):
    @property
    def name(self) -> str: ...
    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]: ...


class Tracks(Protocol):
    def track(self, findings: Sequence[Finding], now_ms: int) -> tuple[Finding, ...]: ...


class Evaluates(Protocol):
    def evaluate(self, snapshot: Snapshot, findings: Sequence[Finding], now_ms: int) -> tuple[Transition, ...]: ...
    def record_change(self, change: Change) -> None: ...


class Considers(Protocol):
    def consider(self, snapshot: Snapshot, findings: Sequence[Finding], now_ms: int) -> None: ...
    def annotate(self, findings: Sequence[Finding]) -> tuple[Finding, ...]: ...
    def policies(self) -> Mapping[str, Policy]: ...


class Publishes(Protocol):
    def publish(self, frame: Frame, snapshot: Snapshot) -> None: ...


class Pipeline:
    """The way of a sample through the house. :meth:`tick` is called by the agent's clock, one at a time."""

    def __init__(
        self,
        *,
        sampler: Collects,
        recent: Recent,
        series: SeriesWriter,
        spool: Spool | None,
        detectors: Sequence[Detects],
        tracker: Tracks,
        engine: Evaluates,
        controller: Considers,
        link: Publishes,
        parts: Callable[[int], tuple[PartState, ...]],
        steps: Steps,
        own_cost: Callable[[], Mapping[str, Mapping[str, float | None]]] = dict,
    ) -> None:
        self._sampler, self._recent, self._series, self._spool = sampler, recent, series, spool
        self._detectors, self._tracker = tuple(detectors), tracker
        self._engine, self._controller, self._link = engine, controller, link
        self._parts, self._steps, self.step, self._own_cost = parts, steps, steps.run, own_cost
        self._changes: deque[Change] = deque()
        self._fresh = threading.Lock()
        self.last_snapshot: Snapshot | None = None
        self.findings: tuple[Finding, ...] = ()

    def note(self, change: Change) -> None:
        """A limit change was decided, made, refused or reverted. Any thread; told at the next tick."""
        with self._fresh:
            self._changes.append(change)

    def tick(self, now_ms: int) -> None:
        """One tick at ``now_ms``, a whole multiple of the interval."""
        snapshot = self.step("collect", self._sampler.collect, now_ms)
        if snapshot is None:
            return
        self.last_snapshot = snapshot
        changes = self._taken()
        self.step("recent", self._recent.append, snapshot)
        self.step("series", self._series.append, snapshot)
        if self._spool is not None:
            self.step("spool", self._spool.append, snapshot)
        findings = self._detect(snapshot, now_ms)
        for change in changes:
            self.step("alerts", self._engine.record_change, change)
        told = self.step("annotate", self._controller.annotate, findings) or findings
        transitions = self.step("alerts", self._engine.evaluate, snapshot, told, now_ms) or ()
        self.step("limits", self._controller.consider, snapshot, findings, now_ms)
        # once more: what was decided in this tick is shown in it
        self.findings = self.step("annotate", self._controller.annotate, findings) or findings
        events = tuple(event_of_change(c) for c in changes) + tuple(event_of_alert(t) for t in transitions)
        if events:
            self.step("events", self._series.record, events)
            if self._spool is not None:
                self.step("spool", self._spool.record, events)
        self.step("link", self._publish, snapshot, transitions, changes, events)

    def _taken(self) -> tuple[Change, ...]:
        with self._fresh:
            changes = tuple(self._changes)
            self._changes.clear()
        return changes

    def _detect(self, snapshot: Snapshot, now_ms: int) -> tuple[Finding, ...]:
        """One step a detector: a bad one blinds no other."""
        found: list[Finding] = []
        for detector in self._detectors:
            found += self.step(f"detect.{detector.name}", detector.detect, snapshot, self._recent) or ()
        return self.step("detect", self._tracker.track, found, now_ms) or ()

    def _publish(
        self,
        snapshot: Snapshot,
        transitions: tuple[Transition, ...],
        changes: tuple[Change, ...],
        events: tuple[Event, ...],
    ) -> None:
        frame = Frame(
            at_ms=snapshot.at_ms,
            interval_s=snapshot.interval_s,
            host=snapshot.host,
            cgroup=snapshot.cgroup,
            host_values=snapshot.host_sample.values,
            targets=snapshot.targets,
            values={key: sample.values for key, sample in snapshot.samples.items()},
            limits=snapshot.limits,
            policies=self._controller.policies(),
            findings=self.findings,
            transitions=transitions,
            changes=changes,
            events=snapshot.events + events,
            gaps=snapshot.gaps,
            parts=self._parts(snapshot.at_ms),
            capabilities=self._sampler.capabilities(),
            own_cost=self._own_cost(),
        )
        self._link.publish(frame, snapshot)


def event_of_change(change: Change) -> Event:
    """The mark of a limit change on the charts. Pure."""
    return Event(
        at_ms=change.at_ms,
        kind="limit_change",
        host=change.host,
        container_id=change.container_id,
        name=change.name,
        detail={
            "change_id": change.id,
            "status": change.status.value,
            "rule": change.rule,
            "reason": change.reason,
            "cpu_cores": [change.before.cpu_cores, change.after.cpu_cores],
            "memory_bytes": [change.before.memory_bytes, change.after.memory_bytes],
        },
    )


def event_of_alert(transition: Transition) -> Event:
    """The mark of an alert on the charts. Pure."""
    alert: Alert = transition.alert
    return Event(
        at_ms=transition.at_ms,
        kind="alert",
        host=alert.host,
        container_id=alert.container_id,
        name=alert.name,
        detail={
            "alert_id": alert.id,
            "rule": alert.rule,
            "severity": alert.severity.value,
            "before": transition.before.value,
            "state": alert.state.value,
            "summary": alert.summary,
        },
    )
