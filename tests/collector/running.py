"""A sampler with its jobs running, as the daemon runs them, for tests against real runtimes."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
from model.event import Event
from model.reading import CgroupReading
from model.sample import Snapshot


class Running:
    """``with Running(docker=address) as host: host.tick()``. Keeps every event it saw."""

    def __init__(self, docker: str = "off", podman: str = "off") -> None:
        self.sampler = Sampler(HostSettings(), DiscoverySettings(docker=docker, podman=podman), "h", 1.0)
        self.events: list[Event] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(job,), name=name, daemon=True) for name, job in self.sampler.jobs()
        ]

    def __enter__(self) -> Running:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self.sampler.close()
        for thread in self._threads:
            thread.join(10)
        left = [thread.name for thread in self._threads if thread.is_alive()]
        assert not left, f"close() did not unblock {left}"

    def _run(self, job: object) -> None:
        assert callable(job)
        while not self._stop.is_set():
            self._stop.wait(job(time.time_ns() // 10**6))

    def tick(self) -> Snapshot:
        snapshot = self.sampler.collect(time.time_ns() // 10**6)
        self.events += snapshot.events
        return snapshot

    def reading(self, container_id: str) -> CgroupReading | None:
        return self.tick().readings.get(container_id)

    def name(self, container_id: str) -> str | None:
        target = self.tick().targets.get(container_id)
        return None if target is None else target.name

    def told(self, container_id: str, kind: str) -> list[Event]:
        """Events of a kind so far, after another tick."""
        self.tick()
        return [event for event in self.events if event.container_id == container_id and event.kind == kind]
