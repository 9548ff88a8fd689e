"""From a wish to a proof: recommendation → change → verdict → outcome → audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Mode(Enum):
    OFF = "off"
    OBSERVE = "observe"
    AUTO = "auto"


class WorkClass(Enum):
    LATENCY = "latency"
    BALANCED = "balanced"
    DENSE = "dense"


class CpuControl(Enum):
    """By what the controller gives CPU: a quota that follows the work, or the weight alone."""

    QUOTA = "quota"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner allows on one container, after config, labels and API were put together.

    Bounds are cores and bytes; None: no bound named. ``sources`` says per field where it came from
    (``default``, ``config``, ``label``, ``api``).
    """

    mode: Mode = Mode.OBSERVE
    work_class: WorkClass = WorkClass.BALANCED
    cpu_min: float | None = None
    cpu_max: float | None = None
    memory_min: int | None = None
    memory_max: int | None = None
    cpu_weight: int | None = None
    cpu_control: CpuControl = CpuControl.QUOTA
    priority: int = 0
    shrink_memory: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """Bad label values, each in one sentence; such a value is not used."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """Values of the knobs that a change touches; None: not touched (or not known).

    ``memory_swap_bytes`` is swap alone; ``unlimited`` names knobs that had no bound.
    """

    cpu_cores: float | None = None
    memory_bytes: int | None = None
    cpu_weight: int | None = None
    memory_high_bytes: int | None = None
    unlimited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the controller would set, and why. ``knob``: cpu, memory. Values in cores or bytes."""

    id: str
    at_ms: int
    host: str
    container_id: str
    name: str
    knob: str
    now: float
    proposed: float
    reason: str
    confidence: float
    """0..1."""
    finding_id: str | None = None
    risk: float | None = None
    """Share of minutes in which the service needed more than ``proposed``; None: too little is known."""
    saving: float = 0.0
    """What it would free, in the knob's unit."""


class Verdict(Enum):
    """The guard's answer."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    CLAMPED = "clamped"


class ChangeStatus(Enum):
    PENDING = "pending"
    """Journalled, not yet written: what a crash leaves behind."""
    APPLIED = "applied"
    DRY_RUN = "dry_run"
    REFUSED = "refused"
    REVERTED = "reverted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Change:
    """One write of one container's limits: asked by a rule, the law, or a person."""

    id: str
    at_ms: int
    host: str
    container_id: str
    name: str
    status: ChangeStatus
    rule: str
    """``cpu_law``, ``memory_law``, ``weight_law``, ``rule:<name>``, ``manual``, ``undo``, ``revert``."""
    reason: str
    before: Knobs
    after: Knobs
    read_back: Knobs | None = None
    finding_id: str | None = None
    actor: str = "wharfinger"
    effect: Mapping[str, float | None] = field(default_factory=dict)
    """Measured afterwards: ``throttled_periods_ratio_before``, ``…_after``, …"""
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """Limits of a container when it was first seen: what ``undo --all`` restores, bit for bit.

    ``native`` is the runtime's own form (Docker HostConfig: NanoCpus, CpuQuota, CpuPeriod,
    CpuShares, Memory, MemorySwap), JSON values only.
    """

    container_id: str
    name: str
    at_ms: int
    knobs: Knobs
    native: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """A wish for a change that did not come from the laws: a rule's action, or a person."""

    container_id: str
    rule: str
    reason: str
    actor: str
    cpu_cores: float | None = None
    memory_bytes: int | None = None
    cpu_weight: int | None = None
    lift_quota: bool = False
    """No CPU limit at all; only a person asks for it."""
    hold_s: float | None = None
    dry_run: bool = False
    revert: bool = False
    """Put back what this rule changed."""
    finding_id: str | None = None
    alert_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what when: every change of limits, policy, silences, receivers, and its outcome."""

    id: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]
