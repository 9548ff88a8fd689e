"""Every detector there is, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from alerts.detectors.cpu_contended import CpuContended
from alerts.detectors.cpu_throttled import CpuThrottled
from alerts.detectors.detector import Detector
from alerts.detectors.host_disk_filling import HostDiskFilling
from alerts.detectors.influxdb_points_lost import InfluxdbPointsLost, Losses
from alerts.detectors.io_saturated import IoSaturated
from alerts.detectors.memory_leak import MemoryLeak
from alerts.detectors.memory_near_limit import MemoryNearLimit
from alerts.detectors.memory_oom_killed import MemoryOomKilled
from alerts.detectors.memory_thrash import MemoryThrash
from alerts.detectors.network_trouble import NetworkTrouble
from alerts.detectors.noisy_neighbour import NoisyNeighbour
from alerts.detectors.over_provisioned import OverProvisioned
from alerts.detectors.pids_near_limit import PidsNearLimit
from alerts.detectors.restart_loop import RestartLoop
from alerts.detectors.suspects import share_roster
from alerts.detectors.unhealthy import Unhealthy
from alerts.detectors.unlimited_on_crowded_host import UnlimitedOnCrowdedHost

KINDS: Final[tuple[Callable[[], Detector], ...]] = (
    CpuThrottled,
    CpuContended,
    MemoryNearLimit,
    MemoryThrash,
    MemoryLeak,
    MemoryOomKilled,
    IoSaturated,
    PidsNearLimit,
    NetworkTrouble,
    NoisyNeighbour,
    RestartLoop,
    Unhealthy,
    HostDiskFilling,
    InfluxdbPointsLost,
    OverProvisioned,
    UnlimitedOnCrowdedHost,
)
NAMES: Final = tuple(kind().name for kind in KINDS)

OUTLIVE: Final = frozenset({"memory_oom_killed", "restart_loop"})
"""Detectors whose finding is about the end of a container: their alerts are not resolved because it is gone."""


def build(losses: Callable[[], Losses] = Losses) -> tuple[Detector, ...]:
    """One of each, for one host: they remember what they saw. ``losses``: what the push to InfluxDB lost so far."""
    detectors = tuple(InfluxdbPointsLost(losses) if kind is InfluxdbPointsLost else kind() for kind in KINDS)
    share_roster(detectors)
    return detectors
