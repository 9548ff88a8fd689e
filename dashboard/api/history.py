"""What was: series, events, and the findings of now."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, cast, get_args

import msgspec
from flask import Response
from msgspec import Meta

from dashboard.api.asking import page
from dashboard.api.combine import combined, summed
from dashboard.api.elsewhere import everywhere, is_elsewhere, on_its_host
from dashboard.api.forms import ItemsForm, SeriesForm
from dashboard.api.inventory import SEVERITIES, resolve
from dashboard.api.layer import API, Call, Route
from dashboard.api.values import duration_ms, listed, moment_ms, span_ms
from dashboard.errors import invalid
from dashboard.services import Services
from model.errors import AgentAway, NotThere, StoreError
from model.event import EVENT_KINDS
from model.export import ENDINGS, FORMS, Form, exported
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
    format: Annotated[str, Meta(description="json unless told; csv, jsonl or line-protocol: a download")] | None = None
    agg: Annotated[str, Meta(description="which of avg, min, max are answered; all unless told")] | None = None
    total: Annotated[bool, Meta(description="one column a metric: the sum over containers and hosts")] = False


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
    if host == own or (host is None and (own or services.remote is None)):
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


def form_of(text: str | None) -> Form | None:
    """The form of a download; None for the JSON of the contract. Raises Problem 422."""
    if text in (None, "json"):
        return None
    for form in get_args(Form):
        if text == form:
            return cast(Form, form)
    raise invalid("format", f"is json or one of {', '.join(FORMS)}")


def download(form: Form, result: SeriesResult) -> Response:
    """The range as a file of another form."""
    body = exported(form, result.t0_ms, result.step_ms, result.series)
    return Response(
        "".join(body),
        mimetype=FORMS[form],
        headers={"Content-Disposition": f"attachment; filename=series.{ENDINGS[form]}"},
    )


def get_series(call: Call[Series, None]) -> object:
    """Columns over one grid, from this host's store or the remote one."""
    wanted = listed(call.query.agg) or AGGREGATES
    if set(wanted) - set(AGGREGATES):
        raise invalid("agg", f"is one or more of {', '.join(AGGREGATES)}")
    form = form_of(call.query.format)
    if (answer := by_its_dashboard(call)) is not None:
        return answer
    reader, query = query_from(call)
    result = over_hosts(call.services, reader, query)
    result = summed(result) if call.query.total else result
    return series_form(result, wanted) if form is None else download(form, result)


def by_its_dashboard(call: Call[Any, None]) -> object:
    """Where no InfluxDB is named: the answer of the other host's own dashboard; None where we can ask a store."""
    if call.services.remote is not None:
        return None
    asked = call.query
    hosts = {asked.host} if asked.host else set()
    for text in () if asked.host else listed(asked.container)[:1]:
        hosts = {resolve(call.services, text).host}
    host = next(iter(hosts), None)
    return on_its_host(call, host) if is_elsewhere(call, host) else None


def over_hosts(services: Services, reader: SeriesReader, query: SeriesQuery) -> SeriesResult:
    """What names no host and no container is of all hosts: this one's from its own store, the others' from InfluxDB.

    A remote store that does not answer hides nothing of this host.
    """
    own = services.own_host()
    if query.host or query.containers or services.remote is None:
        return reader.query(query)
    if not own:
        return services.remote.query(query)
    result = reader.query(query)
    try:
        others = services.remote.query(replace(query, step_ms=result.step_ms, points=None))
    except StoreError:
        return result
    return combined(result, replace(others, series=tuple(c for c in others.series if c.host != own)))


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
        per_tick=True,
    ),
)
