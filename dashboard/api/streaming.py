"""The live stream and the chart figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from flask import Response
from msgspec import Meta

from dashboard.api.elsewhere import Relayed, is_elsewhere
from dashboard.api.layer import API, Call, Route
from dashboard.api.values import listed
from dashboard.api.whose import metric_names
from dashboard.charts import CHARTS, figure
from dashboard.errors import invalid
from dashboard.live import TOPICS, Stream
from model.errors import NotThere, StoreError


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    topics: Annotated[str, Meta(description="of snapshot, alert, change, event; all unless told")] | None = None
    host: str | None = None
    metrics: Annotated[str, Meta(description="catalogue names; all unless told")] | None = None


class FigureQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    theme: Literal["light", "dark"] = "light"


def stream(call: Call[StreamQuery, None]) -> Response:
    """Server-Sent Events; resumes by Last-Event-ID. Another host's comes from its own dashboard."""
    topics = listed(call.query.topics) or TOPICS
    if set(topics) - set(TOPICS):
        raise invalid("topics", f"is one or more of {', '.join(TOPICS)}")
    metrics = tuple(sorted(metric_names(call.query.metrics))) if call.query.metrics else ()
    own = call.services.own_host()
    if call.query.host and call.query.host != own and not is_elsewhere(call, call.query.host):
        raise NotThere(f"this host is {own}; for the live stream of {call.query.host} name it in [[fleet]]")
    last = call.request.headers.get("Last-Event-ID", "")
    after_ms = int(last[:20]) if last.isascii() and last.isdigit() else None
    services, gate, identity = call.services, call.web.gate, call.identity

    def still() -> bool:
        try:
            return gate.still(identity, services.clock())
        except StoreError:
            return True  # a store that is busy for a moment ends nobody's stream

    headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
    if call.request.method == "HEAD":
        return Response(mimetype="text/event-stream", headers=headers)
    host = call.query.host
    if host and is_elsewhere(call, host):
        query = {"host": host, "topics": ",".join(topics)} | ({"metrics": ",".join(metrics)} if metrics else {})
        relayed = Relayed(call.web.hub, call, host, query, last, still)
        return Response(relayed, mimetype="text/event-stream", headers=headers, direct_passthrough=True)
    body = Stream(call.web.hub, frozenset(topics), metrics, after_ms, still)
    return Response(body, mimetype="text/event-stream", headers=headers, direct_passthrough=True)


def get_figure(call: Call[FigureQuery, None]) -> object:
    """Layout and trace styles of a chart; the browser fills in the data."""
    chart = call.path["chart"]
    if chart not in CHARTS:
        raise NotThere(f"there is no chart {chart[:40]!r}; there are {', '.join(CHARTS)}")
    return figure(chart, call.query.theme)


Item = dict[str, Any]
ROUTES = (
    Route(
        "GET",
        f"{API}/stream",
        stream,
        "viewer",
        "Live events (SSE).",
        "text/event-stream",
        StreamQuery,
        errors=(404, 503),
    ),
    Route(
        "GET",
        f"{API}/figures/<chart>",
        get_figure,
        "viewer",
        "A chart's layout and trace styles.",
        Item,
        FigureQuery,
        errors=(404,),
    ),
)
