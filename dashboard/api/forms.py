"""The forms of the answers, for the OpenAPI document; the values themselves come from ``model.outside``.

Every field is always there unless it has a default.
"""

from __future__ import annotations

from typing import Any

import msgspec

Values = dict[str, float | None]


class ItemsForm(msgspec.Struct, frozen=True):
    """A list; ``next`` is the cursor of the next page, null at the end."""

    items: list[dict[str, Any]]
    next: str | None


class ContainerForm(msgspec.Struct, frozen=True, kw_only=True):
    """A container with its latest values. ``latest`` of a gone container is its last known."""

    id: str
    name: str
    runtime: str
    image: str | None
    group: str | None
    service: str | None
    host: str
    state: str
    at: str | None
    policy: dict[str, Any] | None
    limits: dict[str, Any]
    latest: Values
    findings: int
    worst: str | None


class ContainersForm(msgspec.Struct, frozen=True):
    """A page of containers."""

    items: list[ContainerForm]
    next: str | None


class ContainerDetailForm(msgspec.Struct, frozen=True, kw_only=True):
    """One container. ``limits``: in force, and below ``set``, ``original`` and ``effective``."""

    id: str
    name: str
    runtime: str
    image: str | None
    group: str | None
    service: str | None
    host: str
    state: str
    at: str | None
    policy: dict[str, Any] | None
    limits: dict[str, Any]
    latest: Values
    findings: list[dict[str, Any]]
    worst: str | None
    cgroup: str | None
    labels: dict[str, str]
    health: str | None
    restarts: int | None
    started_at: str | None
    created_at: str | None
    managed_by: str | None
    network: str | None
    gaps: list[dict[str, Any]]


class HostForm(msgspec.Struct, frozen=True, kw_only=True):
    """A host. ``state``: live (this host, its agent answers), away (this host, its agent does not), remote."""

    id: str
    name: str
    at: str | None
    state: str
    lag_s: float | None
    own: bool
    cgroup: str | None
    containers: int
    findings: int
    worst: str | None
    capabilities: dict[str, str]
    parts: list[dict[str, Any]]
    latest: Values
    own_cost: dict[str, dict[str, float | None]]


class HostsForm(msgspec.Struct, frozen=True):
    """All hosts, worst first."""

    items: list[HostForm]
    next: str | None


class ColumnForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One metric of one target; null is a gap."""

    host: str
    container: str
    name: str
    metric: str
    unit: str
    avg: list[float | None] | None = None
    min: list[float | None] | None = None
    max: list[float | None] | None = None


class SeriesForm(msgspec.Struct, frozen=True):
    """Columns over one grid: point i covers t0 + i·step_ms up to the next."""

    t0: int
    step_ms: int
    series: list[ColumnForm]


class ChangeAnswerForm(msgspec.Struct, frozen=True):
    """What became of a wish for other limits."""

    change: dict[str, Any]


class ChangesAnswerForm(msgspec.Struct, frozen=True):
    """What was put back."""

    changes: list[dict[str, Any]]


class PauseForm(msgspec.Struct, frozen=True):
    """The kill switch. ``until``: when it opens by itself."""

    paused: bool
    reason: str
    until: str | None


class ServiceForm(msgspec.Struct, frozen=True, kw_only=True):
    """A service over its replicas and recreates."""

    id: str
    name: str
    host: str
    groups: list[str]
    images: list[str]
    replicas: list[ContainerForm]
    gone: list[ContainerForm]
    series: list[str]


class MatchForm(msgspec.Struct, frozen=True):
    """Containers that a selector matches."""

    items: list[dict[str, str]]
    next: str | None


class WhoForm(msgspec.Struct, frozen=True):
    """Who is logged in, and until when."""

    name: str
    role: str
    kind: str
    expires_at: str | None


class UserForm(msgspec.Struct, frozen=True):
    """A user, without the password."""

    name: str
    role: str
    disabled: bool
    created_at: str


class UsersForm(msgspec.Struct, frozen=True):
    """All users."""

    items: list[UserForm]
    next: str | None


class TokenForm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token; ``token`` itself is shown once, in the answer that made it."""

    id: str
    name: str
    role: str
    created_by: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    token: str | None = None


class TokensForm(msgspec.Struct, frozen=True):
    """All tokens."""

    items: list[TokenForm]
    next: str | None


class PartForm(msgspec.Struct, frozen=True):
    """One part of the daemon: ok, degraded, down or off, since when."""

    name: str
    state: str
    since: str | None


class ReadyForm(msgspec.Struct, frozen=True):
    """``ready``, ``degraded`` or ``not_ready``."""

    status: str
    parts: list[PartForm]


class HealthForm(msgspec.Struct, frozen=True):
    """The web process is alive."""

    status: str
