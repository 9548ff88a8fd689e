"""Real containers watched as the agent does: sampled each second, every detector asked, the default rules evaluated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from alerts.detectors.all import build
from alerts.detectors.detector import Detector
from alerts.engine import Engine
from alerts.findings import Tracker
from alerts.rules import load
from collector.sampler import Sampler
from config.schema import AlertSettings
from model.alert import Transition
from model.finding import Finding
from model.sample import Snapshot
from storage.memory import MemoryState
from storage.recent import RecentMemory
from tests.alerts.story import a_receiver
from tests.support.wait import wait_until


@dataclass
class Watch:
    """Ticks once a second, on the second, as the agent does."""

    sampler: Sampler
    state: MemoryState = field(default_factory=MemoryState)
    recent: RecentMemory = field(default_factory=RecentMemory)
    tracker: Tracker = field(default_factory=Tracker)
    detectors: tuple[Detector, ...] = field(default_factory=build)
    findings: dict[tuple[str, str], tuple[int, Finding]] = field(default_factory=dict)
    """(container, detector) → when it was first found, and the newest form."""
    transitions: list[Transition] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = load(AlertSettings(rules=[]))
        self.engine = Engine(rules, (a_receiver(),), self.state, self.recent, "harbour")
        self._next_ms = (time.time_ns() // 1_000_000_000 + 1) * 1000

    def until(self, done: Callable[[], object], seconds: float, what: str) -> None:
        """Tick until it is so."""

        def ticked() -> object:
            now_ms = time.time_ns() // 1_000_000
            if now_ms >= self._next_ms:
                self.tick(self._next_ms)
                self._next_ms += 1000
            return done()

        wait_until(ticked, seconds, what)

    def tick(self, now_ms: int) -> None:
        self.sampler.look()
        snapshot = self.sampler.collect(now_ms)
        self.snapshots.append(snapshot)
        self.recent.append(snapshot)
        found = [finding for detector in self.detectors for finding in detector.detect(snapshot, self.recent)]
        for finding in self.tracker.track(found, now_ms):
            first_ms = self.findings.get((finding.container_id, finding.detector), (now_ms, finding))[0]
            self.findings[finding.container_id, finding.detector] = (first_ms, finding)
        self.transitions += self.engine.evaluate(snapshot, [f for _, f in self.current(now_ms)], now_ms)

    def current(self, now_ms: int) -> list[tuple[int, Finding]]:
        return [entry for entry in self.findings.values() if now_ms - entry[1].at_ms <= 3000]

    def first_throttled_ms(self, container: str) -> int:
        """The first second in which the kernel counted a throttled period."""
        for snapshot in self.snapshots:
            sample = snapshot.samples.get(container)
            if sample is not None and sample.values.get("cpu_throttled_periods_ratio", 0.0) > 0:
                return snapshot.at_ms
        raise AssertionError("never throttled")

    def fired(self, container: str) -> set[str]:
        return {t.alert.rule for t in self.transitions if t.alert.container_id == container and t.alert.started_at_ms}

    def seconds(self, container: str, metric: str) -> int:
        """In how many of them this was known of it."""
        samples = [snapshot.samples.get(container) for snapshot in self.snapshots]
        return sum(sample is not None and metric in sample.values for sample in samples)


@contextmanager
def listening(sampler: Sampler) -> Iterator[None]:
    """The sampler's jobs at work, as the agent's workers do it: what a runtime reports arrives."""
    over = threading.Event()

    def work(job: Callable[[int], float]) -> None:
        while not over.is_set():
            over.wait(min(1.0, job(time.time_ns() // 1_000_000)))

    threads = [threading.Thread(target=work, args=(job,), daemon=True) for _, job in sampler.jobs()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        sampler.close()
        for thread in threads:
            thread.join(10)
