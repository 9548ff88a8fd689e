"""What if: limit policies tried on a container's own stored history, outside of this process."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from dashboard.api.elsewhere import is_elsewhere, on_its_host
from dashboard.api.inventory import Found, resolve
from dashboard.api.layer import API, Call, OneHost, Route
from dashboard.api.limits_forms import Bytes, Cores
from dashboard.api.values import span_ms
from dashboard.errors import Problem, invalid
from dashboard.services import Services
from model.change import Policy
from model.errors import NotThere, Refused
from model.limits import Limits, bounded
from model.outside import rfc3339
from model.whatif import WhatIf

MOST_MS: Final = 2 * 86_400_000
"""So long seconds are kept unless told otherwise."""
LEAST_MS: Final = 60_000
RETRY_AFTER_S: Final = 10
CORES_OTHERWISE: Final = 4.0
"""Of a host that does not say how many it has."""
Names = Annotated[list[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.-]{0,30}$")]], Meta(min_length=1, max_length=6)]


class NewBacktest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``container``: id, name or unique prefix. ``policies``: as of ``wharfinger backtest``; ``static`` is the limits
    as they are now. Bounds that are left out are those of the container's policy in force."""

    container: Annotated[str, Meta(min_length=1, max_length=500)]
    since: Annotated[str, Meta(max_length=40)] = "-1h"
    until: Annotated[str, Meta(max_length=40)] = "now"
    policies: Names = msgspec.field(default_factory=lambda: ["static", "latency", "balanced", "dense"])
    seeds: Annotated[int, Meta(ge=1, le=5)] = 1
    cpu_min: Cores | None = None
    cpu_max: Cores | None = None
    memory_min: Bytes | None = None
    memory_max: Bytes | None = None
    shrink_memory: bool | None = None


class BoundsForm(msgspec.Struct, frozen=True):
    """What the run began with, and kept to; null: no limit, or (a least) the limit at the start."""

    cpu_start: float | None
    cpu_min: float | None
    cpu_max: float
    memory_start: float | None
    memory_min: float | None
    memory_max: float | None
    shrink_memory: bool


class BacktestForm(msgspec.Struct, frozen=True, kw_only=True):
    """``policies``: name to number to ``mean``, ``min``, ``max`` over seeds; ``measured``: what really was."""

    container_id: str
    name: str
    host: str
    since: str
    until: str
    seconds: int
    traces: list[str]
    seeds: int
    bounds: BoundsForm
    measured: dict[str, float | None]
    policies: dict[str, dict[str, dict[str, float | None]]]


def backtest(call: Call[OneHost, NewBacktest]) -> object:
    """How the container would have fared under other policies. Takes up to two minutes; nothing is changed."""
    body, services = call.body, call.services
    found = resolve(services, body.container, host=call.query.host)
    if is_elsewhere(call, found.host) and (answer := on_its_host(call, found.host)) is not None:
        return answer
    if services.backtest is None or found.host != services.own_host():
        remedy = "ask its own dashboard, or name it in [[fleet]]"
        raise NotThere(f"the seconds of {found.name} are kept on {found.host}: {remedy}")
    since_ms, until_ms = span_ms(body.since, body.until, call.now_ms, "-1h")
    if not LEAST_MS <= until_ms - since_ms <= MOST_MS:
        raise invalid("since", "must be a minute to two days before until")
    asked = question(services, found, body, since_ms, until_ms)
    try:
        judged = services.backtest(asked)
    except Refused as busy:
        raise Problem(429, str(busy), headers={"Retry-After": str(RETRY_AFTER_S)}) from busy
    bounds = {field: getattr(asked, field) for field in BoundsForm.__struct_fields__}
    span = {"since": rfc3339(since_ms), "until": rfc3339(until_ms)}
    return {"container_id": found.id, "name": found.name, "host": found.host, **span, "bounds": bounds, **judged}


def question(services: Services, found: Found, body: NewBacktest, since_ms: int, until_ms: int) -> WhatIf:
    """Where the container stands now, and its policy's bounds but for those that are asked for. Raises Problem 422."""
    frame = services.agent.frame()
    limits, policy, host = Limits(), Policy(), {}
    if frame is not None:
        limits, policy = frame.limits.get(found.id, limits), frame.policies.get(found.id, policy)
        host = dict(frame.host_values)
    latest = found.known.latest if found.known is not None else {}
    cores = host.get("host_cpu_count") or CORES_OTHERWISE
    cpu_start = bounded(limits.cpu_cores) if frame and found.target else latest.get("cpu_limit_cores")
    memory = bounded(limits.memory_bytes) if frame and found.target else latest.get("memory_limit_bytes")
    settings = services.settings.limits
    asked = WhatIf(
        container_id=found.id,
        name=found.name,
        since_ms=since_ms,
        until_ms=until_ms,
        policies=tuple(dict.fromkeys(body.policies)),
        seeds=body.seeds,
        cpu_start=cpu_start,
        memory_start=None if memory is None else float(memory),
        cpu_min=first(body.cpu_min, policy.cpu_min),
        cpu_max=first(body.cpu_max, policy.cpu_max, settings.cpu_max or None) or max(cores, cpu_start or 0.0),
        memory_min=first(body.memory_min, policy.memory_min),
        memory_max=first(body.memory_max, policy.memory_max),
        shrink_memory=policy.shrink_memory if body.shrink_memory is None else body.shrink_memory,
        cores=cores,
        v2=frame is not None and frame.cgroup == "v2",
    )
    if asked.cpu_min is not None and asked.cpu_min > asked.cpu_max:
        raise invalid("cpu_min", f"is above the most, {asked.cpu_max:g} cores: lower one or raise the other")
    if asked.memory_min is not None and asked.memory_max is not None and asked.memory_min > asked.memory_max:
        raise invalid("memory_min", "is above the most: lower one or raise the other")
    return asked


def first(*values: Any) -> float | None:
    """The first that is given."""
    return next((float(value) for value in values if value is not None), None)


ROUTES = (
    Route(
        "POST",
        f"{API}/backtest",
        backtest,
        "viewer",
        "What if: limit policies tried on a container's own history.",
        BacktestForm,
        query=OneHost,
        body=NewBacktest,
        errors=(404, 409, 429, 503),
    ),
)
