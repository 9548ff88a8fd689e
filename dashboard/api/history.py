"""What was: series, events, and the findings of now."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard.api.asking import page
from dashboard.api.forms import ItemsForm, SeriesForm
from dashboard.api.inventory import SEVERITIES, resolve
from dashboard.api.layer import API, Call, Route
from dashboard.api.values import duration_ms, listed, moment_ms, span_ms
from dashboard.errors import invalid
from dashboard.services import Services
from model.errors import AgentAway, NotThere
from model.event import EVENT_KINDS
from model.metrics import METRIC_BY_NAME, base_name, spec_of
from model.outside import event_json, finding_json
from storage.api import SeriesQuery, SeriesReader, SeriesResult

MOST_POINTS = 100_000
MOST_VALUES = 4_000_000
"""Values of one answer; more would not fit the memory of a small machine."""
AGGREGATES = ("avg", "min", "max")


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metrics: Annotated[str, Meta(min_length=1, description="catalogue names, separated by commas")]
    container: Annotated[str, Meta(description="ids, names or unique prefixes, separated by commas")] | None = None
    host: str | None = None
    group: str | None = None
    service: Annotated[str, Meta(description="service identities; joined over recreates")] | None = None
    scope: Annotated[str, Meta(pattern="^(container|host)$", description="host: the host's own figures")] | None = None
    since: Annotated[str, Meta(description="RFC 3339, ms since 1970, or -1h")] | None = None
    until: str | None = None
    step: Annotated[str, Meta(description="1s, 10s, 1m, …")] | None = None
    points: Annotated[int, Meta(ge=1, le=MOST_POINTS)] | None = None
    agg: Annotated[str, Meta(description="which of avg, min, max are answered; all unless told")] | None = None


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


def reader_of(services: Services, host: str | None) -> SeriesReader:
    """The store that holds a host's history. Raises NotThere."""
    own = services.own_host()
    if host in (None, own):
        return services.series
    if services.remote is None:
        raise NotThere(f"the history of {host} is not here: set store.influxdb.url, or ask that host (this is {own})")
    return services.remote


def metric_names(text: str) -> tuple[str, ...]:
    """Checked catalogue names. Raises Problem 422."""
    names = listed(text)
    unknown = [name for name in names if spec_of(name) is None]
    if unknown or not names:
        raise invalid("metrics", f"{', '.join(unknown[:5]) or 'an empty list'}: not in the metric catalogue")
    return names


def query_from(call: Call[Series, None]) -> tuple[SeriesReader, SeriesQuery]:
    """The store to ask and what; every text checked. Raises Problem, NotThere."""
    asked = call.query
    names = metric_names(asked.metrics)
    since_ms, until_ms = span_ms(asked.since, asked.until, call.now_ms, "-1h")
    found = [resolve(call.services, text, host=asked.host) for text in listed(asked.container)]
    hosts = {one.host for one in found} | ({asked.host} if asked.host else set())
    if len(hosts) > 1:
        raise invalid("container", f"the containers are on {', '.join(sorted(hosts))}; ask one host at a time")
    host = next(iter(hosts), None)
    of_host = asked.scope == "host" or (
        asked.scope is None
        and not (found or asked.group or asked.service)
        and all(METRIC_BY_NAME[base_name(name)].scope == "host" for name in names)
    )
    step_ms = duration_ms(asked.step, "step") if asked.step else None
    if step_ms is not None and step_ms < 1000:
        raise invalid("step", "must be at least 1s")
    if step_ms is not None and (until_ms - since_ms) / step_ms > MOST_POINTS:
        raise invalid("step", f"gives more than {MOST_POINTS} points; choose a longer one, or a shorter range")
    points = asked.points
    if step_ms is None and points is None and (until_ms - since_ms) / 1000 > MOST_POINTS:
        points = MOST_POINTS
    query = SeriesQuery(
        metrics=names,
        since_ms=since_ms,
        until_ms=until_ms,
        containers=tuple(one.id for one in found),
        services=listed(asked.service),
        groups=listed(asked.group),
        host=host,
        of_host=of_host,
        step_ms=step_ms,
        points=points,
        join_service=bool(asked.service),
    )
    check_size(query, call.services)
    return reader_of(call.services, host), query


def check_size(query: SeriesQuery, services: Services) -> None:
    """Refuse what would not fit the memory before it is read. Raises Problem 422."""
    if query.of_host:
        targets = 1
    elif query.containers:
        targets = len(query.containers)
    else:
        frame = services.agent.frame()
        targets = len(frame.targets) if frame is not None else 1
    seconds = (query.until_ms - query.since_ms) / 1000
    points = query.points or seconds * 1000 / (query.step_ms or 1000)
    values = round(min(points, seconds + 1) * targets * len(query.metrics))
    if values > MOST_VALUES:
        raise invalid("step", f"this would be {values:,} values; ask for fewer points, metrics or containers")


def series_form(result: SeriesResult, wanted: tuple[str, ...]) -> dict[str, Any]:
    """The columnar answer of the contract. Pure."""
    return {
        "t0": result.t0_ms,
        "step_ms": result.step_ms,
        "series": [
            {"host": c.host, "container": c.container, "name": c.name, "metric": c.metric, "unit": c.unit}
            | {name: getattr(c, name) for name in wanted}
            for c in result.series
        ],
    }


def get_series(call: Call[Series, None]) -> object:
    """Columns over one grid, from this host's store or the remote one."""
    wanted = listed(call.query.agg) or AGGREGATES
    if set(wanted) - set(AGGREGATES):
        raise invalid("agg", f"is one or more of {', '.join(AGGREGATES)}")
    reader, query = query_from(call)
    return series_form(reader.query(query), wanted)


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
    frame = call.services.fresh_frame()
    if frame is None:
        raise AgentAway("the agent is away: what is wrong now is not known")
    asked = call.query
    wanted = resolve(call.services, asked.container).id if asked.container else None
    findings = [
        finding
        for finding in frame.findings
        if (wanted is None or finding.container_id == wanted)
        and (asked.host is None or finding.host == asked.host)
        and (asked.detector is None or finding.detector == asked.detector)
    ]
    findings.sort(key=lambda f: (-SEVERITIES[f.severity.value], f.since_ms, f.id))
    return page([finding_json(finding) for finding in findings])


ROUTES = (
    Route("GET", f"{API}/series", get_series, "viewer", "History in columns.", SeriesForm, Series, errors=(404, 409)),
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
    ),
)
