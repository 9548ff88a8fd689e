"""Every detector there is, in the order in which they run."""

from __future__ import annotations

from typing import Final

from alerts.detectors.cpu_contended import CpuContended
from alerts.detectors.cpu_throttled import CpuThrottled
from alerts.detectors.detector import Detector
from alerts.detectors.memory_near_limit import MemoryNearLimit
from alerts.detectors.memory_oom_killed import MemoryOomKilled

DETECTORS: Final[tuple[Detector, ...]] = (
    CpuThrottled(),
    CpuContended(),
    MemoryNearLimit(),
    MemoryOomKilled(),
)

OUTLIVE: Final = frozenset({"memory_oom_killed"})
"""Detectors whose finding is about the end of a container: their alerts are not resolved because it is gone."""
