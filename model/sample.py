"""One tick: derived values of every target, and the raw readings they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.event import Event
from model.limits import Limits
from model.reading import CgroupReading, HostReading
from model.target import Target

HOST_KEY = ""
"""The key under which the host's own sample is filed beside the containers'."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Derived values over one interval, by catalogue name (:data:`model.metrics.METRICS`).

    A name that is absent is unknown (first reading, reset counter, not offered by the host); 0 is zero.
    """

    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Gap:
    """A target, or a part of it, that could not be read this tick, and why."""

    target: str
    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One tick of the whole host. Never changed after it was made.

    ``at_ms`` is wall time (ms since the epoch) at a whole multiple of the interval; all mappings
    are keyed by ``Target.key``.
    """

    at_ms: int
    interval_s: float
    host: str
    cgroup: str
    """``v1``, ``v2`` or ``hybrid``."""
    host_sample: Sample
    targets: Mapping[str, Target]
    samples: Mapping[str, Sample]
    limits: Mapping[str, Limits]
    gaps: tuple[Gap, ...] = ()
    events: tuple[Event, ...] = ()
    """What happened since the tick before: starts, stops, OOM kills, …"""
    readings: Mapping[str, CgroupReading] = field(default_factory=dict)
    host_reading: HostReading | None = None
    devices: Mapping[str, str] = field(default_factory=dict)
    """Block devices' ``MAJ:MIN`` → name as in /dev (``sda``); one that is missing is shown by its number."""
