"""Limits, policies, recommendations, the journal and the kill switch: the agent decides, we check and pass on."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response

from dashboard.api.asking import ask, page
from dashboard.api.elsewhere import container_path, everywhere, is_elsewhere, on_its_host, where_known
from dashboard.api.forms import ChangeAnswerForm, ChangesAnswerForm, ItemsForm, PauseForm
from dashboard.api.inventory import resolve
from dashboard.api.layer import API, Call, OneHost, Route
from dashboard.api.limits_forms import ChangesQuery, NewLimits, NewPause, NewPolicy, RecommendationsQuery, UndoWish
from dashboard.api.values import moment_ms
from dashboard.errors import Problem
from model.errors import Fault
from model.snippets import ENDINGS, SNIPPETS, snippet

Item = dict[str, Any]


def set_limits(call: Call[OneHost, NewLimits]) -> object:
    """Set limits by hand, at once; the answer says what was read back."""
    if (answer := of_its_host(call, "/limits")) is not None:
        return answer
    body = call.body
    if body.cpu_cores is None and body.memory_bytes is None and body.cpu_weight is None:
        text = "name at least one of cpu_cores, memory_bytes, cpu_weight"
        raise Problem(422, text, faults=(Fault("", text),))
    change = ask(
        call,
        "limits.set",
        container_id=running(call),
        cpu_cores=body.cpu_cores,
        memory_bytes=body.memory_bytes,
        cpu_weight=body.cpu_weight,
        reason=body.reason or None,
        hold_s=body.hold_s,
        dry_run=body.dry_run,
    )
    if change["status"] in ("refused", "failed"):
        raise Problem(409, change["reason"] or "the change was refused")
    return {"change": change}


def of_its_host(call: Call[OneHost, Any], tail: str) -> Response | None:
    """The answer of the host where the container of the path is; None when that is this one."""
    found = resolve(call.services, call.path["container_id"], host=call.query.host)
    if not is_elsewhere(call, found.host):
        return None
    return on_its_host(call, found.host, container_path(found.id, tail))


def running(call: Call[Any, Any]) -> str:
    """Full id of the running container that the path means."""
    return resolve(call.services, call.path["container_id"], live=True).id


def get_policy(call: Call[OneHost, None]) -> object:
    if (answer := of_its_host(call, "/policy")) is not None:
        return answer
    return ask(call, "policy.get", container_id=running(call))


def put_policy(call: Call[OneHost, NewPolicy]) -> object:
    if (answer := of_its_host(call, "/policy")) is not None:
        return answer
    given = {
        field.encode_name: value
        for field in msgspec.structs.fields(NewPolicy)
        if (value := getattr(call.body, field.name)) is not msgspec.UNSET
    }
    return ask(call, "policy.put", container_id=running(call), fields=given)


def delete_policy(call: Call[OneHost, None]) -> object:
    """Take back everything that was set here; config and labels hold again."""
    if (answer := of_its_host(call, "/policy")) is not None:
        return answer
    return ask(call, "policy.delete", container_id=running(call))


def recommendations(call: Call[RecommendationsQuery, None]) -> object:
    """What would be set on this host and on the others that answer; as JSON, or as text that Docker reads."""
    items = everywhere(
        call, "/limits/recommendations", call.query.host, lambda: list(ask(call, "limits.recommendations")), {}
    )
    form = call.query.format
    if form == "json":
        return page(items)
    answer = Response(snippet(items, form), mimetype=SNIPPETS[form])
    answer.headers["Content-Disposition"] = f"attachment; filename=limits.{ENDINGS[form]}"
    return answer


def changes(call: Call[ChangesQuery, None]) -> object:
    """The journal, newest first; that of all hosts on its first page, of this one where it goes on."""
    asked = call.query
    wanted = resolve(call.services, asked.container, host=asked.host) if asked.container else None
    host = wanted.host if wanted and (asked.host or is_elsewhere(call, wanted.host)) else asked.host
    if is_elsewhere(call, host) and (answer := on_its_host(call, host)) is not None:
        return answer
    own: list[Item] = []

    def ask_here() -> list[Item]:
        own.extend(
            ask(
                call,
                "limits.changes",
                container_id=wanted.id if wanted else None,
                since_ms=moment_ms(asked.since, call.now_ms, "since", "now") if asked.since else None,
                limit=asked.limit,
                before_id=asked.cursor,
            )
        )
        return own

    if wanted or asked.cursor:
        found = ask_here()
    else:
        query = {"limit": str(asked.limit)} | ({"since": asked.since} if asked.since else {})
        found = everywhere(call, "/limits/changes", asked.host, ask_here, query)
        if found is not own:
            found = sorted(found, key=lambda change: str(change["at"]), reverse=True)
    return page(found, own[-1]["id"] if len(own) == asked.limit else None)


def undo_change(call: Call[OneHost, None]) -> object:
    """Put one change back, on whatever host it was made."""
    return where_known(call, call.query.host, lambda: ask(call, "limits.undo", change_id=call.path["change_id"]))


def undo(call: Call[OneHost, UndoWish]) -> object:
    """Put back what a container, or every container, had at first."""
    if bool(call.body.container) == call.body.all:
        raise Problem(422, "name one of container, all", faults=(Fault("container", "name it, or all: true"),))
    wanted = None if call.body.all else resolve(call.services, call.body.container or "", host=call.query.host)
    host = wanted.host if wanted else call.query.host
    if (wanted is None or is_elsewhere(call, host)) and (answer := on_its_host(call, host)) is not None:
        return answer
    if wanted is None:
        return ask(call, "limits.undo", everything=True)
    return ask(call, "limits.undo", container_id=wanted.id)


def get_pause(call: Call[OneHost, None]) -> object:
    if (answer := on_its_host(call, call.query.host)) is not None:
        return answer
    return ask(call, "limits.pause")


def put_pause(call: Call[OneHost, NewPause]) -> object:
    if (answer := on_its_host(call, call.query.host)) is not None:
        return answer
    body = call.body
    return ask(call, "limits.pause.put", paused=body.paused, reason=body.reason, hold_s=body.hold_s)


CONTAINER = f"{API}/containers/<target:container_id>"
ORDER = (404, 409, 422, 503)
ROUTES = (
    Route(
        "PUT",
        f"{CONTAINER}/limits",
        set_limits,
        "operator",
        "Set limits by hand.",
        ChangeAnswerForm,
        query=OneHost,
        body=NewLimits,
        errors=ORDER,
    ),
    Route(
        "GET",
        f"{CONTAINER}/policy",
        get_policy,
        "viewer",
        "The policy in force, with sources.",
        Item,
        query=OneHost,
        errors=(404, 409, 503),
    ),
    Route(
        "PUT",
        f"{CONTAINER}/policy",
        put_policy,
        "operator",
        "Change the policy.",
        Item,
        query=OneHost,
        body=NewPolicy,
        errors=ORDER,
    ),
    Route(
        "DELETE",
        f"{CONTAINER}/policy",
        delete_policy,
        "operator",
        "Back to config and labels.",
        Item,
        query=OneHost,
        errors=ORDER,
    ),
    Route(
        "GET",
        f"{API}/limits/recommendations",
        recommendations,
        "viewer",
        "What would be set, and why.",
        ItemsForm,
        RecommendationsQuery,
        errors=(503,),
    ),
    Route(
        "GET",
        f"{API}/limits/changes",
        changes,
        "viewer",
        "The journal, newest first.",
        ItemsForm,
        ChangesQuery,
        errors=(404, 409, 503),
    ),
    Route(
        "POST",
        f"{API}/limits/changes/<change_id>/undo",
        undo_change,
        "operator",
        "Put one change back.",
        ChangesAnswerForm,
        query=OneHost,
        errors=ORDER,
    ),
    Route(
        "POST",
        f"{API}/limits/undo",
        undo,
        "operator",
        "Put a container, or all, back.",
        ChangesAnswerForm,
        query=OneHost,
        body=UndoWish,
        errors=ORDER,
    ),
    Route(
        "GET", f"{API}/limits/pause", get_pause, "viewer", "The kill switch.", PauseForm, query=OneHost, errors=(503,)
    ),
    Route(
        "PUT",
        f"{API}/limits/pause",
        put_pause,
        "operator",
        "Throw the kill switch.",
        PauseForm,
        query=OneHost,
        body=NewPause,
        errors=(503,),
    ),
)
