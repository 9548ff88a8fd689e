"""The real host for the controller's tests: the real sampler, the real kernel, the real Docker, a real store."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings, LimitSettings
from limits.actuator.cgroupfs import CgroupActuator
from limits.actuator.docker import DockerActuator
from limits.actuator.podman import PodmanActuator
from limits.controller import Controller
from model.change import Change, ChangeStatus
from model.finding import Finding
from model.sample import Sample, Snapshot
from storage.api import StateStore
from storage.sqlite.state import SqliteState
from tests.support.wait import wait_until

ROOMY = {"cpu_usage_cores": 0.1, "cpu_pressure_some_ratio": 0.0}
"""What is put over the host's own CPU metrics, so that other work on this machine refuses no raise."""


class Quay:
    """A little agent: a tick a second, a worker, a sampler's jobs, each in a thread. Sees the given containers only."""

    def __init__(
        self,
        folder: Path,
        address: str,
        *,
        mode: str = "observe",
        cpu_count: int = 2,
        looks: bool = False,
        podman: str = "off",
    ) -> None:
        """``looks``: at memory between the ticks as well, as the agent does. ``address``, ``podman``: whom it asks."""
        self.settings = LimitSettings(mode=mode)
        self.state: StateStore = SqliteState(folder / "state.db").open()
        self.kernel = CgroupActuator(HostSettings())
        self.docker = DockerActuator(address)
        self.told: list[tuple[float, Change]] = []
        self.finding: Finding | None = None
        self.watched: set[str] = set()
        self.snapshots: dict[str, list[tuple[float, Sample]]] = {}
        self._sampler = Sampler(HostSettings(), DiscoverySettings(docker=address, podman=podman), "quay", 1.0)
        self.controller = Controller(
            self.settings, "wharfinger.", HostSettings(), self.state, self.docker, lambda: (),
            lambda change: self.told.append((time.monotonic(), change)), cpu_count,
            podman=None if podman == "off" else PodmanActuator(podman),
        )  # fmt: skip
        self._stop, self._wake = threading.Event(), threading.Event()
        self.controller.wake = self._wake.set
        self.faults: list[BaseException] = []
        jobs = [self._ticks, self._acts, *(self._repeating(job) for _name, job in self._sampler.jobs())]
        if looks:
            jobs.append(self._repeating(self._look))
        self._threads = [threading.Thread(target=self._guarded, args=(job,), daemon=True) for job in jobs]

    def start(self) -> None:
        self.controller.recover(now_ms())
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        self._sampler.close()
        for thread in self._threads:
            thread.join(10)
        self.controller.close()
        self.state.close()
        assert self.faults == []

    def changes(self, container_id: str, *statuses: ChangeStatus) -> list[Change]:
        """Oldest first."""
        rows = self.state.changes(container_id=container_id, limit=1000)
        return [row for row in reversed(rows) if not statuses or row.status in statuses]

    def settled(self, container_id: str) -> list[Change]:
        """The container's changes, oldest first, once none of them is being written."""
        wait_until(lambda: not self.changes(container_id, ChangeStatus.PENDING), 10, "no write under way")
        return self.changes(container_id)

    def _guarded(self, job: Any) -> None:
        try:
            job()
        except BaseException as fault:
            self.faults.append(fault)
            raise

    def _look(self, at_ms: int) -> float:
        return self.controller.between_ticks(self._sampler.quick_look, at_ms)

    def _repeating(self, job: Any) -> Any:
        def run() -> None:
            while not self._stop.is_set():
                self._stop.wait(max(0.0, job(now_ms())))

        return run

    def _ticks(self) -> None:
        while not self._stop.wait(1.0 - time.time() % 1.0):
            snapshot = self._sampler.collect(now_ms() // 1000 * 1000)
            ours = {key: target for key, target in snapshot.targets.items() if key in self.watched}
            seen = time.monotonic()
            for key in ours:
                if key in snapshot.samples:
                    self.snapshots.setdefault(key, []).append((seen, snapshot.samples[key]))
            narrowed = Snapshot(
                snapshot.at_ms, snapshot.interval_s, "quay", snapshot.cgroup,
                Sample({**snapshot.host_sample.values, **ROOMY}), ours, snapshot.samples, snapshot.limits,
            )  # fmt: skip
            findings = (self.finding,) if self.finding is not None else ()
            self.controller.consider(narrowed, findings, snapshot.at_ms)

    def _acts(self) -> None:
        while not self._stop.is_set():
            rest_s = self.controller.act(now_ms())
            self._wake.wait(rest_s)
            self._wake.clear()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


__all__ = ["Quay", "now_ms"]
