"""Rules, their truth, and what becomes of it: alerts, transitions, notifications, deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

LIMIT_CHANGED: Final = "LimitChanged"
"""Name of the alert that tells of a limit changed, refused or put back. No rule may have it."""


class Severity(Enum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Truth(Enum):
    """Answer of a condition. NO_DATA is neither: it starts nothing and ends nothing."""

    TRUE = "true"
    FALSE = "false"
    NO_DATA = "no_data"


class AlertState(Enum):
    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Selector:
    """Globs (``fnmatch``) that a target must match, all of them; empty matches everything."""

    name: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    image: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """``function(metric [/ divisor] over window_s) comparison threshold``, or "detector has a finding".

    ``function``: avg max min p95 last rate changed, or absent ("there is no value over the window, though there are
    other figures"). ``comparison``: > >= < <= == !=.
    With ``detector`` set the other fields are unused.
    """

    metric: str | None = None
    divisor: str | None = None
    function: str = "avg"
    comparison: str = ">"
    threshold: float = 0.0
    window_s: float = 60.0
    detector: str | None = None
    of_host: bool = False
    """Look at the host's own metric instead of each container's."""


@dataclass(frozen=True, slots=True)
class RuleAction:
    """What a rule asks of the limit controller while its alert fires.

    ``by``: relative step (``0.25`` is 25 %) where ``relative``, else cores or bytes.
    ``max``: the bound in cores or bytes. ``hold_s``: how long after the change it stays at least.
    """

    knob: str
    by: float
    relative: bool
    max: float
    hold_s: float = 0.0
    revert: bool = False


@dataclass(frozen=True, slots=True)
class Hours:
    """When a rule is in force: minutes of the day ``since ≤ t < until`` (past midnight where until is not later), on
    ``days`` (0 is Monday; the day on which the hours begin). ``zone``: an IANA name; empty: the host's own time."""

    since_minute: int = 0
    until_minute: int = 1440
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition with its patience. ``for_s``: TRUE this long before firing;
    ``keep_firing_for_s``: FALSE this long before resolving."""

    name: str
    severity: Severity
    condition: Condition
    selector: Selector = Selector()
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    action: RuleAction | None = None
    enabled: bool = True
    hours: Hours | None = None
    """Outside of them the condition counts as FALSE."""
    source: str = "default"
    """The file it came from, or ``default``."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule on one target. ``id`` is the fingerprint of rule, host and container id."""

    id: str
    rule: str
    severity: Severity
    state: AlertState
    host: str
    container_id: str
    name: str
    image: str
    group: str
    since_ms: int
    """When the present state began."""
    started_at_ms: int | None
    """When it began to fire; None before."""
    ended_at_ms: int | None
    value: float | None
    threshold: float | None
    summary: str
    description: str
    advice: str
    finding_id: str | None = None
    action: str | None = None
    change_id: str | None = None
    acknowledged_by: str | None = None
    silenced_until_ms: int | None = None
    reason: str = ""
    """Why it is in this state: the words for ``gone``, ``rule removed``, …"""
    pending_false_since_ms: int | None = None
    """While firing: since when the condition has been FALSE (keep_firing_for)."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """What the rule adds to summary, description and advice (``runbook_url``, …), filled in."""
    told: tuple[str, ...] = ()
    """Receivers that were told of it firing: they get its resolve, and nobody is told twice."""
    told_at_ms: Mapping[str, int] = field(default_factory=dict)
    """Receiver → when its last message about this firing was, or is to be, sent."""
    service: str = ""
    """Service identity of the container: alerts of a scaled service go out together."""
    flapping_hold_s: float = 0.0
    """Above 0: it fired too often of late, and stays firing until its condition was FALSE for so long."""


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert that changed state at ``at_ms``. ``notify``: somebody is to be told."""

    at_ms: int
    before: AlertState
    alert: Alert
    notify: bool


@dataclass(frozen=True, slots=True)
class Silence:
    id: str
    selector: Selector
    rules: tuple[str, ...]
    """Globs of rule names; empty: every rule."""
    starts_at_ms: int
    ends_at_ms: int
    created_by: str
    comment: str
    hours: Hours | None = None
    """Between start and end it holds in these hours alone: a maintenance window that recurs."""
    source: str = "api"
    """``api``, or ``config`` for a window of the configuration."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where notifications go. ``kind``: webhook, alertmanager, slack, discord, ntfy, pagerduty, apprise."""

    name: str
    kind: str
    url: str
    secret: str = ""
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Label name → accepted values; without ``severity`` it gets warning and critical."""
    enabled: bool = True
    source: str = "config"
    """``config`` or ``api``."""
    repeat_s: float = 0.0
    """Told again of what still fires, unacknowledged, after so long; 0: told once."""
    escalate_after_s: float = 0.0
    """Told only of what fired unacknowledged for so long; 0: at once."""


class DeliveryState(Enum):
    QUEUED = "queued"
    ACCEPTED = "accepted"
    RETRY = "retry"
    REJECTED = "rejected"
    DROPPED = "dropped"
    """Superseded: firing, resolved before it was ever delivered."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One row of the outbox: one message of one alert to one receiver.

    ``id`` is the idempotency key and webhook-id: the same over every retry.
    """

    id: str
    sequence: int
    receiver: str
    alert_id: str
    status: str
    """``firing`` or ``resolved``."""
    created_at_ms: int
    alert: Alert
    attempts: int = 0
    next_try_at_ms: int = 0
    state: DeliveryState = DeliveryState.QUEUED
    last_error: str = ""
    group: str = ""
    """What it may share a message with: rows of the same group to the same receiver; empty: nothing."""
    message_id: str = ""
    """The message that it goes out in, fixed before the first attempt; empty: one of its own, with its id."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt and its answer, for the delivery log."""

    id: int
    notification_id: str
    at_ms: int
    receiver: str
    alert_id: str
    status: str
    state: DeliveryState
    http_status: int | None
    duration_s: float
    detail: str
