"""Series: columns over one grid, as JSON or as a download."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, cast, get_args

import msgspec
from flask import Response
from msgspec import Meta

from dashboard.api.combine import Values
from dashboard.api.forms import SeriesForm
from dashboard.api.inventory import resolve
from dashboard.api.layer import API, Call, Route
from dashboard.api.pieces import PIECE_VALUES, aligned, answered, gathered, points_of, totals
from dashboard.api.values import duration_ms, listed, span_ms
from dashboard.api.whose import by_its_dashboard, metric_names, reader_of
from dashboard.bodies import written
from dashboard.errors import invalid
from dashboard.services import Services
from model.errors import StoreError
from model.export import ENDINGS, FORMS, Form, exported
from model.metrics import METRIC_BY_NAME, base_name
from storage.api import SeriesColumn, SeriesQuery, SeriesReader, SeriesResult

MOST_POINTS = 100_000
MOST_VALUES = 4_000_000
"""Values of one answer; more would take a minute."""
MOST_DOWNLOADED: dict[Form, int] = {"csv": 1_000_000, "line-protocol": 1_000_000, "jsonl": 350_000}
"""A download goes through all columns at once, by time: eight bytes a value, of JSON lines thrice that."""
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
    return reader_of(call.services, host), SeriesQuery(
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


def values_of(query: SeriesQuery, services: Services) -> int:
    """Values of the answer, about; where no agent says how many containers there are, of one."""
    targets = len(query.containers) or 1
    if not (query.of_host or query.containers) and (frame := services.agent.frame()) is not None:
        targets = len(frame.targets)
    return points_of(query) * targets * len(query.metrics)


def check_size(values: int, form: Form | None) -> None:
    """Refuse what would take too long, or not fit the memory, before it is read. Raises Problem 422."""
    if values > (MOST_VALUES if form is None else MOST_DOWNLOADED[form]):
        raise invalid("step", f"this would be {values:,} values; ask for fewer points, metrics or containers")


def form_of(text: str | None) -> Form | None:
    """The form of a download; None for the JSON of the contract. Raises Problem 422."""
    if text in (None, "json"):
        return None
    for form in get_args(Form):
        if text == form:
            return cast(Form, form)
    raise invalid("format", f"is json or one of {', '.join(FORMS)}")


def over_hosts(services: Services, reader: SeriesReader, query: SeriesQuery, *, large: bool) -> Iterator[SeriesResult]:
    """What names no host and no container is of all hosts: this one's from its own store, the others' from InfluxDB.

    A remote store that does not answer hides nothing of this host.
    """
    own = services.own_host()
    step_ms = None
    for result in answered(reader, query, large=large):
        step_ms = step_ms or result.step_ms
        yield result
    if query.host or query.containers or services.remote is None or not own:
        return
    try:
        yield from answered(services.remote, replace(query, step_ms=step_ms, points=None), large=large, without=own)
    except StoreError:
        return


def one_column(column: SeriesColumn, wanted: tuple[str, ...]) -> bytes:
    """A column of the contract's answer; raw seconds, whose three lists are one, are encoded once. Pure."""
    lists = {name: getattr(column, name) for name in wanted}
    encoded = {key: msgspec.Raw(msgspec.json.encode(values)) for key, values in by_identity(lists.values()).items()}
    said = {
        "host": column.host,
        "container": column.container,
        "name": column.name,
        "metric": column.metric,
        "unit": column.unit,
    }
    return msgspec.json.encode(said | {name: encoded[id(values)] for name, values in lists.items()})


def by_identity(lists: Iterable[Values]) -> dict[int, Values]:
    """The lists that are not the same object. Pure."""
    return {id(values): values for values in lists}


def columnar(results: Iterator[SeriesResult], wanted: tuple[str, ...]) -> Iterator[bytes]:
    """The text of the contract's answer, column by column, of results on one grid. Pure."""
    between = b""
    for result in results:
        if not between:
            yield b'{"t0":%d,"step_ms":%d,"series":[' % (result.t0_ms, result.step_ms)
        for column in result.series:
            yield between + one_column(column, wanted)
            between = b","
    yield b"]}"


def download(call: Call[Series, None], form: Form, results: Iterator[SeriesResult]) -> Response:
    """The range as a file of another form."""
    lines = (text.encode() for text in exported(form, *gathered(results)))
    headers = {"Content-Disposition": f"attachment; filename=series.{ENDINGS[form]}"}
    return written(lines, call.request, FORMS[form], headers)


def get_series(call: Call[Series, None]) -> object:
    """Columns over one grid, from this host's store or the remote one."""
    wanted = listed(call.query.agg) or AGGREGATES
    if set(wanted) - set(AGGREGATES):
        raise invalid("agg", f"is one or more of {', '.join(AGGREGATES)}")
    form = form_of(call.query.format)
    if (answer := by_its_dashboard(call)) is not None:
        return answer
    reader, query = query_from(call)
    values = values_of(query, call.services)
    check_size(values, form)
    large = values > PIECE_VALUES
    with (call.web.desk.large if large else call.web.desk.small).one():
        results = aligned(over_hosts(call.services, reader, query, large=large))
        if call.query.total:
            results = iter((totals(results),))
        if form is not None:
            return download(call, form, results)
        pieces = columnar(results, wanted)
        if large:
            return written(pieces, call.request, "application/json", {})
        return Response(b"".join(pieces), mimetype="application/json")


ROUTES = (
    Route(
        "GET",
        f"{API}/series",
        get_series,
        "viewer",
        "History in columns.",
        SeriesForm,
        Series,
        errors=(404, 409, 503),
    ),
)
