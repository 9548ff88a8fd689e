"""What the agent and the web process say to each other over the link (see ``daemon/link.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.alert import Transition
from model.change import Change, Policy
from model.errors import Fault
from model.event import Event
from model.finding import Finding
from model.limits import Limits
from model.sample import Gap
from model.target import Target


@dataclass(frozen=True, slots=True)
class PartState:
    """One line of ``/readyz``: ``state`` is ok, degraded, down or off. ``detail`` only for those who logged in."""

    name: str
    state: str
    since_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One tick as the web process sees it: a snapshot without raw readings, and what came of it."""

    at_ms: int
    interval_s: float
    host: str
    cgroup: str
    host_values: Mapping[str, float]
    targets: Mapping[str, Target]
    values: Mapping[str, Mapping[str, float]]
    """Container id → catalogue name → value."""
    limits: Mapping[str, Limits]
    policies: Mapping[str, Policy]
    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]
    changes: tuple[Change, ...]
    """Limit changes recorded since the frame before."""
    events: tuple[Event, ...]
    gaps: tuple[Gap, ...]
    parts: tuple[PartState, ...]
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """What this host offers: ``psi``, ``cpu_quota``, ``memory_high``, ``docker`` … → ``yes`` or why not."""
    own_cost: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Process (agent, supervisor, dockerd …) → ``cpu_seconds``, ``cpu_cores``, ``memory_bytes``; at a runtime's daemon
    ``requests``, ``request_seconds`` (daemon/cost.py)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A question or an order to the agent. ``name`` is one of those in ``daemon/commands.py``;
    ``arguments`` are JSON values, checked again by the agent; ``actor`` is the user's name."""

    name: str
    arguments: Mapping[str, object]
    actor: str
    role: str


@dataclass(frozen=True, slots=True)
class Reply:
    """``status`` is an HTTP status; ``value`` holds JSON values when it is 2xx."""

    status: int
    value: object = None
    detail: str = ""
    faults: tuple[Fault, ...] = ()
