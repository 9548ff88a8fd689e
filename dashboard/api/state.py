"""How the daemon is: health, readiness, status, hosts, audit, and the numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from config.schema import StoreSettings
from dashboard.api.asking import ask, page
from dashboard.api.forms import HealthForm, HostForm, HostsForm, ItemsForm, ReadyForm
from dashboard.api.inventory import hosts
from dashboard.api.layer import API, Call, Nothing, OneHost, Route, Web
from dashboard.api.values import moment_ms
from dashboard.exposition import CONTENT_TYPE, Machine, exposition
from dashboard.packing import packed, takes_gzip
from model.errors import NotThere
from model.outside import rfc3339

VITAL = frozenset({"agent", "tick", "store"})
"""Parts without which nothing is measured or kept."""
Item = dict[str, Any]


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


def app_version() -> str:
    """Version of this installation; ``0`` when it runs from a bare tree."""
    try:
        return version("wharfinger")
    except PackageNotFoundError:
        return "0"


def healthz(_call: Call[Nothing, None]) -> object:
    return {"status": "ok"}


def readiness(web: Web, now_ms: int, *, details: bool) -> Item:
    """The parts' states and what they add up to. Parts of an agent that is away are not known."""
    services = web.services
    frame, fresh = services.agent.frame(), services.fresh_frame() is not None
    away_since = frame.at_ms if frame is not None else now_ms
    up_since = min((part.since_ms for part in frame.parts), default=frame.at_ms) if frame is not None else now_ms
    detail = "" if fresh else "the agent does not send; is it running, and is agent.run_dir the same for both?"
    parts: list[Item] = []
    states: dict[str, str] = {"agent": "ok" if fresh else "down"}
    since = {"agent": rfc3339(up_since if fresh else away_since)}
    details_of = {"agent": detail}
    for part in frame.parts if frame is not None else ():
        if part.name == "agent" and not fresh:
            continue
        states[part.name] = part.state if fresh or part.state == "off" else "down"
        since[part.name] = rfc3339(part.since_ms if fresh or part.state == "off" else away_since)
        details_of[part.name] = part.detail if fresh else ""
    for name, state in states.items():
        part_form: Item = {"name": name, "state": state, "since": since[name]}
        parts.append(part_form | {"detail": details_of[name]} if details else part_form)
    if any(states[name] == "down" for name in VITAL & states.keys()):
        status = "not_ready"
    else:
        status = "degraded" if {"down", "degraded"} & set(states.values()) else "ready"
    return {"status": status, "parts": parts}


def readyz(call: Call[Nothing, None]) -> Response:
    """200 while ready or degraded, 503 while nothing is measured or kept."""
    form = readiness(call.web, call.now_ms, details=False)
    code = 503 if form["status"] == "not_ready" else 200
    return Response(msgspec.json.encode(form), code, mimetype="application/json")


def status(call: Call[Nothing, None]) -> object:
    """The same with details, and what the agent says of itself; ``agent`` is null while it is away."""
    form = readiness(call.web, call.now_ms, details=True)
    services = call.services
    away = services.fresh_frame() is None
    return form | {
        "version": app_version(),
        "host": services.own_host(),
        "at": rfc3339(call.now_ms),
        "agent": None if away else ask(call, "status"),
        "web": dict(call.web.hub.numbers()),
        "retention": retention(services.settings.store),
    }


def retention(store: StoreSettings) -> Item:
    """How long this host keeps what, and where it is pushed to besides. Pure."""
    return {
        "raw_days": store.raw_days,
        "ten_seconds_days": store.ten_seconds_days,
        "minute_days": store.minute_days,
        "hour_days": store.hour_days,
        "max_bytes": store.max_bytes,
        "influxdb": store.influxdb.bucket if store.influxdb.url else None,
    }


def list_hosts(call: Call[OneHost, None]) -> object:
    """Every host; ``host`` narrows it to one."""
    found = hosts(call.services, call.now_ms)
    return page([item for item in found if call.query.host in (None, item["name"])])


def get_host(call: Call[Nothing, None]) -> object:
    name = call.path["host"]
    for item in hosts(call.services, call.now_ms):
        if item["name"] == name:
            return item
    raise NotThere(f"there is no host {name[:80]!r}; GET /api/v1/hosts lists them")


def audit(call: Call[AuditQuery, None]) -> object:
    """Who did what, newest first."""
    asked = call.query
    since_ms = moment_ms(asked.since, call.now_ms, "since", "now") if asked.since else None
    return page(ask(call, "audit.list", since_ms=since_ms, limit=asked.limit))


def metrics(call: Call[Nothing, None]) -> Response:
    """Prometheus text: cAdvisor's names from the raw readings, and our own numbers."""
    snapshot = call.services.agent.snapshot()
    told = ask(call, "status")
    said = told if isinstance(told, dict) else {}
    numbers = {**(said.get("metrics") or {}), **call.web.hub.numbers(), **own_numbers(call.services.own_cost())}
    known = said.get("machine") or {}
    machine = Machine(known.get("identity") or {}, known.get("gauges") or {})
    pieces = exposition(snapshot, numbers, app_version(), machine)
    if takes_gzip(call.request):
        return Response(packed(pieces), content_type=CONTENT_TYPE, headers={"Content-Encoding": "gzip"})
    return Response(b"".join(pieces), content_type=CONTENT_TYPE)


def own_numbers(cost: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    """What the web process costs, in the words in which the agent tells its own. Pure."""
    return {
        f'wharfinger_own_{name}{{process="{process}"}}': float(value)
        for process, values in cost.items()
        for name, value in (("cpu_seconds_total", values["cpu_seconds"]), ("memory_bytes", values["memory_bytes"]))
        if value is not None
    }


def routes(metrics_auth: bool) -> tuple[Route, ...]:
    """``/metrics`` is public only where the settings say so."""
    return (
        Route("GET", "/healthz", healthz, None, "The web process is alive.", HealthForm),
        Route("GET", "/readyz", readyz, None, "Parts' states; 503 while not ready.", ReadyForm, errors=(503,)),
        Route(
            "GET",
            "/metrics",
            metrics,
            "viewer" if metrics_auth else None,
            "Prometheus text.",
            "text/plain",
            errors=(503,),
        ),
        Route(
            "GET",
            f"{API}/status",
            status,
            "viewer",
            "Parts with details, and the daemon's own numbers.",
            Item,
            errors=(503,),
        ),
        Route(
            "GET", f"{API}/hosts", list_hosts, "viewer", "Hosts with latest values, worst first.", HostsForm, OneHost
        ),
        Route("GET", f"{API}/hosts/<host>", get_host, "viewer", "One host.", HostForm, errors=(404,)),
        Route(
            "GET", f"{API}/audit", audit, "admin", "Who did what, newest first.", ItemsForm, AuditQuery, errors=(503,)
        ),
    )
