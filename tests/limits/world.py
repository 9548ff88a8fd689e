"""A host in memory for the controller's tests: containers with a demand, a scheduler, a clock that is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.schema import HostSettings, LimitSettings
from limits.actuator.dry_run import DryContainer, DryRun
from limits.controller import Controller
from limits.sizes import MIB
from model.alert import Severity
from model.change import Change, ChangeStatus, LimitRequest
from model.finding import Finding
from model.limits import UNLIMITED, bounded
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.api import StateStore
from storage.memory import MemoryState

START_MS = 1_764_000_000_000
GIB = 1024 * MIB


@dataclass
class Ship:
    """One container of the host: what it would use if it could."""

    dry: DryContainer
    labels: dict[str, str]
    demand: Callable[[int], float]
    memory: Callable[[int], float]
    inode: int = 1
    state: str = "running"
    managed_by: str | None = None
    runtime: str = "docker"
    image_labels: dict[str, str] = field(default_factory=dict)
    service: str | None = None
    kills: int = 0


class World:
    """``tick`` is one second: snapshot, ``consider``, and ``act`` until there is nothing left."""

    def __init__(
        self,
        *,
        settings: LimitSettings | None = None,
        state: StateStore | None = None,
        v2: bool = False,
        cpu_count: int = 4,
        act: bool = True,
    ) -> None:
        self.now_ms = START_MS
        self.second = 0
        self.host = DryRun(v2=v2)
        self.state: StateStore = state or MemoryState()
        self.ships: dict[str, Ship] = {}
        self.told: list[Change] = []
        self.requests: Sequence[LimitRequest] = ()
        self.hands: dict[tuple[str, str], str] = {}
        self.findings: tuple[Finding, ...] = ()
        self.settings = settings or LimitSettings()
        self.cpu_count = cpu_count
        self.acts = act
        self.host_values: dict[str, float] = {}
        self.sample_values: dict[str, float] = {}
        self.stale_limits: dict[str, Any] = {}
        self.controller = self.start()

    def start(self) -> Controller:
        """A new controller over the same host and store: what a restart of the agent is."""
        self.controller = Controller(
            self.settings, "wharfinger.", HostSettings(), self.state, self.host, lambda: self.requests,
            self.told.append, self.cpu_count, kernel=self.host, hands=lambda: self.hands,
        )  # fmt: skip
        self.controller.recover(self.now_ms)
        return self.controller

    def ship(
        self,
        name: str = "web",
        *,
        labels: Mapping[str, str] | None = None,
        demand: float | Callable[[int], float] = 0.0,
        memory: float | Callable[[int], float] = 2.0 * MIB,
        **native: int,
    ) -> Ship:
        container_id = (name.encode().hex() * 64)[:64]
        dry = self.host.add(container_id, name, f"/docker/{container_id}", native)
        ship = Ship(
            dry,
            dict(labels or {}),
            demand if callable(demand) else lambda _second: demand,
            memory if callable(memory) else lambda _second: memory,
        )
        self.ships[container_id] = ship
        return ship

    def snapshot(self) -> Snapshot:
        targets, samples, limits = {}, {}, {}
        used_cores = 0.0
        for key, ship in self.ships.items():
            values = {**self._run(ship), **self.sample_values}
            used_cores += values["cpu_usage_cores"]
            targets[key] = Target(
                TargetId(ship.runtime, key, ship.inode),
                ship.dry.cgroup,
                ship.dry.name,
                labels=ship.labels,
                image_labels=ship.image_labels,
                state=ship.state,
                managed_by=ship.managed_by,
                service=ship.service,
            )
            samples[key] = Sample(values)
            limits[key] = self.stale_limits.get(key) or self.host.read(ship.dry.cgroup)
        host = {
            "cpu_usage_cores": used_cores,
            "cpu_pressure_some_ratio": 0.0,
            "host_memory_total_bytes": 16.0 * GIB,
            "host_memory_available_bytes": 12.0 * GIB,
            **self.host_values,
        }
        return Snapshot(self.now_ms, 1.0, "quay", "v1", Sample(host), targets, samples, limits)

    def _run(self, ship: Ship) -> dict[str, float]:
        """One second of the container on the kernel's limits."""
        dry, wants = ship.dry, ship.demand(self.second)
        quota = bounded(dry.cores)
        used = wants if quota is None else min(wants, quota)
        values = {"cpu_usage_cores": used}
        if quota is not None:
            values["cpu_throttled_periods_ratio"] = 1.0 if wants > quota else 0.0
        memory, limit = ship.memory(self.second), bounded(dry.memory)
        if limit is not None and memory > limit:
            ship.kills += 1
            values["memory_oom_kills"] = 1.0
            memory = limit
        dry.in_use = int(memory)
        values["memory_working_set_bytes"] = memory
        if limit is not None:
            values["memory_working_set_of_limit_ratio"] = memory / limit
        return values

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.now_ms += 1000
            self.second += 1
            self.controller.consider(self.snapshot(), self.findings, self.now_ms)
            if self.acts:
                self.act()

    def act(self) -> None:
        for _ in range(100):
            if self.controller.act(self.now_ms) > 0:
                return
        raise AssertionError("the worker never rests")

    def request(self, ship: Ship, **fields: Any) -> LimitRequest:
        given = {"rule": "manual", "reason": "because", "actor": "ann", **fields}
        return LimitRequest(container_id=ship.dry.container_id, **given)

    def changes(self, *statuses: ChangeStatus) -> list[Change]:
        """Oldest first."""
        rows = self.state.changes(limit=10_000)
        return [row for row in reversed(rows) if not statuses or row.status in statuses]

    def finding(self, ship: Ship, detector: str = "cpu_throttled", finding_id: str = "f1") -> Finding:
        return Finding(
            finding_id, self.now_ms, self.now_ms, "quay", ship.dry.container_id, ship.dry.name, detector,
            Severity.WARNING, "held back", (), "raise it", "cpu",
        )  # fmt: skip


AUTO = {"wharfinger.limits": "auto"}
CPUS_02 = {"NanoCpus": 200_000_000}
M64 = {"Memory": 64 * MIB, "MemorySwap": 128 * MIB}
__all__ = ["AUTO", "CPUS_02", "GIB", "M64", "START_MS", "UNLIMITED", "Ship", "World"]
