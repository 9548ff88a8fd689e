"""What happened: events; and the findings of now."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard.api.asking import page
from dashboard.api.elsewhere import everywhere, is_elsewhere
from dashboard.api.forms import ItemsForm
from dashboard.api.inventory import SEVERITIES, resolve
from dashboard.api.layer import API, Call, Route
from dashboard.api.values import listed, moment_ms
from dashboard.api.whose import by_its_dashboard, reader_of
from dashboard.errors import invalid
from model.errors import AgentAway
from model.event import EVENT_KINDS
from model.outside import event_json, finding_json


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: str | None = None
    until: str | None = None
    container: str | None = None
    host: str | None = None
    kind: Annotated[str, Meta(description="kinds, separated by commas")] | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    cursor: Annotated[str, Meta(pattern="^[0-9]{1,18}$")] | None = None


class Findings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    container: str | None = None
    host: str | None = None
    detector: str | None = None


def get_events(call: Call[Events, None]) -> object:
    """Events, oldest first; ``next`` goes on where the page ended."""
    asked = call.query
    since_ms = moment_ms(asked.since, call.now_ms, "since", "-24h")
    until_ms = moment_ms(asked.until, call.now_ms, "until", "now") if asked.until else None
    kinds = listed(asked.kind)
    if set(kinds) - set(EVENT_KINDS):
        raise invalid("kind", f"is one or more of {', '.join(EVENT_KINDS)}")
    found = resolve(call.services, asked.container, host=asked.host) if asked.container else None
    host = found.host if found else asked.host
    if (answer := by_its_dashboard(call)) is not None:
        return answer
    events = reader_of(call.services, host).events(
        since_ms=since_ms,
        until_ms=until_ms,
        container_id=found.id if found else None,
        kinds=kinds,
        after_id=int(asked.cursor or 0),
        limit=asked.limit,
    )
    shown = [event_json(event) for event in events if host is None or event.host == host]
    return page(shown, str(events[-1].id) if len(events) == asked.limit else None)


def get_findings(call: Call[Findings, None]) -> object:
    """The bottlenecks of the newest tick, worst first, the longest-standing first among equals."""
    asked = call.query
    wanted = resolve(call.services, asked.container, host=asked.host) if asked.container else None

    def here() -> list[dict[str, Any]]:
        frame = call.services.fresh_frame()
        if frame is None:
            raise AgentAway("the agent is away: what is wrong now is not known")
        return [finding_json(finding) for finding in frame.findings]

    host = wanted.host if wanted and is_elsewhere(call, wanted.host) else asked.host
    if host and host != call.services.own_host() and not is_elsewhere(call, host):
        return page([])  # its history is known here, its findings are not
    findings = [
        finding
        for finding in everywhere(call, "/findings", host, here, {})
        if (wanted is None or finding["container_id"] == wanted.id)
        and (asked.detector is None or finding["detector"] == asked.detector)
    ]
    findings.sort(key=lambda f: (-SEVERITIES.get(f["severity"], 0), str(f.get("since")), f["id"]))
    return page(findings)


ROUTES = (
    Route(
        "GET",
        f"{API}/events",
        get_events,
        "viewer",
        "What happened, oldest first.",
        ItemsForm,
        Events,
        errors=(404, 409),
    ),
    Route(
        "GET",
        f"{API}/findings",
        get_findings,
        "viewer",
        "Bottlenecks of now, worst first.",
        ItemsForm,
        Findings,
        errors=(404, 409, 503),
        per_tick=True,
    ),
)
