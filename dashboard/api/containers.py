"""Containers and services: lists, one with everything known, and the offline report."""

from __future__ import annotations

import fnmatch
from typing import Annotated, Any, Literal

import msgspec
from flask import Response
from msgspec import Meta

from dashboard.api.asking import ask, page
from dashboard.api.elsewhere import container_path, is_elsewhere, on_its_host
from dashboard.api.forms import ContainerDetailForm, ContainersForm, MatchForm, ServiceForm
from dashboard.api.inventory import SEVERITIES, Item, detail, items, resolve
from dashboard.api.layer import API, Call, Nothing, Route
from dashboard.api.values import cursor_of, key_of, span_ms
from dashboard.api.whose import metric_names
from dashboard.errors import Problem, invalid
from dashboard.narrow import narrowed, wanted_of
from dashboard.report import file_name, report
from model.errors import AgentAway, NotThere
from model.metrics import METRIC_BY_NAME
from model.outside import rfc3339

TEXT_KEYS = ("name", "host", "group", "service", "image", "state", "runtime")
ITEM_METRICS = ("cpu_usage_cores", "cpu_limit_cores", "memory_limit_bytes")
"""What an item and its place are made of, whichever of the latest values are shown."""
Sort = tuple[Any, ...]


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str | None = None
    group: str | None = None
    service: str | None = None
    q: Annotated[str, Meta(max_length=200, description="part of the name, image, group or service")] | None = None
    state: Literal["running", "all"] = "running"
    sort: Annotated[
        str,
        Meta(description="worst, name, host, group, service, image, state, findings or a metric; - in front reverses"),
    ] = "worst"
    limit: Annotated[int, Meta(ge=1, le=5000)] = 1000
    cursor: str | None = None
    metrics: Annotated[str, Meta(description="which of the latest values; all unless told")] | None = None


class ReportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: str | None = None
    until: str | None = None


class OneQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str | None = None


class Preview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule's selector: globs, all of which must match; empty matches everything."""

    name: list[str] = []
    group: list[str] = []
    image: list[str] = []
    host: list[str] = []
    labels: dict[str, str] = {}


def sort_key(sort: str) -> tuple[str, bool]:
    """``-cpu_usage_cores`` → (name, True for largest first). Raises Problem 422."""
    name, reverse = sort.removeprefix("-"), sort.startswith("-")
    if name not in TEXT_KEYS and name not in METRIC_BY_NAME and name not in ("worst", "findings"):
        raise invalid("sort", f"{name[:40]!r} is neither worst, findings, {', '.join(TEXT_KEYS)} nor a metric")
    return name, reverse


def place(item: Item, name: str, reverse: bool) -> list[Any]:
    """Where an item stands: unknown values last in either direction, then by name and id. Pure."""
    if name == "worst":
        worst = SEVERITIES.get(item["worst"] or "", 0)
        value: Any = [-worst, -item["findings"], -(item["latest"].get("cpu_usage_cores") or 0)]
        value = [-v for v in value] if reverse else value
    elif name in TEXT_KEYS:
        value = item[name]
    else:
        number = item["findings"] if name == "findings" else item["latest"].get(name)
        value = None if number is None else -number if reverse else number
    missing = value in (None, "")
    last = not missing if reverse and name in TEXT_KEYS else missing  # such a list is sorted backwards as a whole
    return [
        last,
        value if value is not None else "" if name in TEXT_KEYS else 0,
        item["name"],
        item["host"],
        item["id"],
    ]


def list_containers(call: Call[ListQuery, None]) -> object:
    """Containers with latest values, a page at a time; the cursor names the last item, so nothing is skipped."""
    query = call.query
    name, reverse = sort_key(query.sort)
    shown_metrics = metric_names(query.metrics) if query.metrics else None
    figures = wanted_of(shown_metrics) if shown_metrics else None
    looked_at = {*shown_metrics, *ITEM_METRICS, name} & METRIC_BY_NAME.keys() if shown_metrics else ()
    found = items(
        call.services,
        call.now_ms,
        host=query.host,
        everything=query.state == "all",
        metrics=tuple(sorted(looked_at)) or None,
    )
    wanted = [item for item in found if matches(item, query)]
    backwards = reverse and name in TEXT_KEYS
    wanted.sort(key=lambda item: place(item, name, reverse), reverse=backwards)
    if query.cursor:
        after = key_of(query.cursor)
        try:
            wanted = [
                i for i in wanted if (place(i, name, reverse) < after if backwards else place(i, name, reverse) > after)
            ]
        except TypeError as error:
            raise invalid("cursor", "belongs to another sort; start again without it") from error
    shown = wanted[: query.limit]
    more = len(wanted) > len(shown)
    following = cursor_of(place(shown[-1], name, reverse)) if more else None
    if figures is not None:
        shown = [item | {"latest": narrowed(item["latest"], figures)} for item in shown]
    return page(shown, following)


def matches(item: Item, query: ListQuery) -> bool:
    if query.group is not None and item["group"] != query.group:
        return False
    if query.service is not None and item["service"] != query.service:
        return False
    text = " ".join(str(item[key] or "") for key in ("name", "image", "group", "service", "id"))
    return query.q is None or query.q.casefold() in text.casefold()


def get_container(call: Call[OneQuery, None]) -> object:
    """One container; its limits with what they were at first and what was set."""
    found = resolve(call.services, call.path["container_id"], host=call.query.host)
    if is_elsewhere(call, found.host):
        try:
            if (answer := on_its_host(call, found.host, container_path(found.id))) is not None:
                return answer
        except AgentAway:
            if found.known is None:
                raise  # nothing but its own host knows it
    item = detail(call.services, found, call.now_ms)
    effective = dict(item["limits"])
    try:
        changes = ask(call, "limits.changes", container_id=found.id, limit=1000)
    except AgentAway:
        changes = None
    item["limits"] = effective | {"effective": effective, **history(changes)}
    return item


def history(changes: list[Item] | None) -> Item:
    """``set``: the last applied value of each knob; ``original``: what it was before the first change. Pure.

    Both are null while the agent is away. ``changes``: newest first.
    """
    if changes is None:
        return {"set": None, "original": None}
    applied = [change for change in changes if change["status"] in ("applied", "reverted")]
    original: Item = {}
    last: Item = {}
    for change in applied:
        original |= change["before"]
        last = change["after"] | last
    return {"set": last, "original": original}


def get_report(call: Call[ReportQuery, None]) -> Response:
    """A page that needs neither us nor a network. It is a download: its scripts shall not run in our origin."""
    found = resolve(call.services, call.path["container_id"])
    since_ms, until_ms = span_ms(call.query.since, call.query.until, call.now_ms, "-1h")
    own = found.host == call.services.own_host()
    reader = call.services.series if own else call.services.remote
    if reader is None:
        raise NotThere(f"no store holds the history of {found.host}")
    item = detail(call.services, found, call.now_ms)
    with call.web.desk.small.one():
        text = report(reader, found.id, found.host, item, since_ms, until_ms)
    name = file_name(found.name, rfc3339(until_ms) or "")
    return Response(
        text,
        mimetype="text/html",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"},
    )


def get_service(call: Call[OneQuery, None]) -> object:
    """A service: its running replicas, and the containers that it was before."""
    name = call.path["service"]
    everything = items(call.services, call.now_ms, host=call.query.host, everything=True)
    found = [item for item in everything if (item["service"] or item["name"]) == name]
    if not found:
        raise NotThere(f"there is no service {name[:80]!r}")
    hosts = sorted({item["host"] for item in found})
    if len(hosts) > 1:
        raise Problem(409, f"the service runs on {', '.join(hosts[:5])}; name one by host=")
    replicas = [item for item in found if item["state"] not in ("gone", "exited", "removed")]
    gone = sorted((item for item in found if item not in replicas), key=lambda i: i["at"] or "", reverse=True)
    return {
        "id": name,
        "name": name,
        "host": hosts[0],
        "groups": sorted({item["group"] for item in found if item["group"]}),
        "images": sorted({item["image"] for item in found if item["image"]}),
        "replicas": replicas,
        "gone": gone,
        "series": [item["id"] for item in (*replicas, *gone)],
    }


def preview(call: Call[Nothing, Preview]) -> object:
    """Which containers of the newest tick a selector matches."""
    frame = call.services.fresh_frame()
    if frame is None:
        raise AgentAway("the agent is away: which containers run is not known")
    wanted = call.body

    def any_of(globs: list[str], text: str | None) -> bool:
        return not globs or any(fnmatch.fnmatchcase(text or "", glob) for glob in globs)

    found = [
        {"id": t.key, "name": t.name, "host": frame.host}
        for t in frame.targets.values()
        if any_of(wanted.name, t.name)
        and any_of(wanted.group, t.group)
        and any_of(wanted.image, t.image)
        and any_of(wanted.host, frame.host)
        and all(fnmatch.fnmatchcase(t.labels.get(key, ""), glob) for key, glob in wanted.labels.items())
    ]
    return page(sorted(found, key=lambda item: item["name"]))


ROUTES = (
    Route(
        "GET",
        f"{API}/containers",
        list_containers,
        "viewer",
        "Containers with latest values.",
        ContainersForm,
        ListQuery,
        per_tick=True,
    ),
    Route(
        "GET",
        f"{API}/containers/<target:container_id>",
        get_container,
        "viewer",
        "One container by full id, name or unique prefix.",
        ContainerDetailForm,
        OneQuery,
        errors=(404, 409),
    ),
    Route(
        "GET",
        f"{API}/containers/<target:container_id>/report.html",
        get_report,
        "viewer",
        "An offline report as a download.",
        "text/html",
        ReportQuery,
        errors=(404, 409),
    ),
    Route(
        "GET",
        f"{API}/services/<target:service>",
        get_service,
        "viewer",
        "A service over its replicas and recreates.",
        ServiceForm,
        OneQuery,
        errors=(404, 409),
    ),
    Route(
        "POST",
        f"{API}/alerts/rules/preview",
        preview,
        "viewer",
        "Which containers a rule's selector would match.",
        MatchForm,
        body=Preview,
        errors=(503,),
    ),
)
