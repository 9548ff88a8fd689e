"""Limits, policies, recommendations, the journal and the kill switch: the agent decides, we check and pass on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dashboard.api.asking import ask, page
from dashboard.api.forms import ChangeAnswerForm, ChangesAnswerForm, ItemsForm, PauseForm
from dashboard.api.inventory import resolve
from dashboard.api.layer import API, Call, Nothing, Route
from dashboard.api.values import moment_ms
from dashboard.errors import Problem
from model.errors import Fault

Cores = Annotated[float, Meta(ge=0.01, le=4096)]
Bytes = Annotated[int, Meta(ge=6 << 20, le=1 << 50)]
Size = Annotated[str, Meta(pattern=r"^[0-9.]+[a-zA-Z]*$", max_length=20, description="512m, 2g")]
Weight = Annotated[int, Meta(ge=1, le=10_000)]
Hold = Annotated[float, Meta(ge=0, le=31_536_000)]
Item = dict[str, Any]


class NewLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each knob optional, at least one of them. ``dry_run``: say what would be done."""

    cpu_cores: Cores | None = None
    memory_bytes: Bytes | None = None
    cpu_weight: Weight | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""
    hold_s: Hold | None = None
    dry_run: bool = False


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    container: str | None = None
    since: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    cursor: str | None = None


class UndoWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of both: everything that was changed on a container, or on all of them."""

    container: str | None = None
    all: bool = False


class NewPause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hold_s``: the switch opens by itself after that long."""

    paused: bool
    reason: Annotated[str, Meta(max_length=500)] = ""
    hold_s: Hold | None = None


class NewPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"work_class": "class"}):
    """Fields that are left out keep what they are; null takes back what was set here."""

    mode: Literal["off", "observe", "auto"] | msgspec.UnsetType | None = msgspec.UNSET
    work_class: Literal["latency", "balanced", "dense"] | msgspec.UnsetType | None = msgspec.UNSET
    cpu_min: Cores | msgspec.UnsetType | None = msgspec.UNSET
    cpu_max: Cores | msgspec.UnsetType | None = msgspec.UNSET
    memory_min: Bytes | Size | msgspec.UnsetType | None = msgspec.UNSET
    memory_max: Bytes | Size | msgspec.UnsetType | None = msgspec.UNSET
    cpu_weight: Weight | msgspec.UnsetType | None = msgspec.UNSET
    priority: Annotated[int, Meta(ge=-1000, le=1000)] | msgspec.UnsetType | None = msgspec.UNSET
    shrink_memory: bool | msgspec.UnsetType | None = msgspec.UNSET


def set_limits(call: Call[Nothing, NewLimits]) -> object:
    """Set limits by hand, at once; the answer says what was read back."""
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


def running(call: Call[Any, Any]) -> str:
    """Full id of the running container that the path means."""
    return resolve(call.services, call.path["container_id"], live=True).id


def get_policy(call: Call[Nothing, None]) -> object:
    return ask(call, "policy.get", container_id=running(call))


def put_policy(call: Call[Nothing, NewPolicy]) -> object:
    given = {
        field.encode_name: value
        for field in msgspec.structs.fields(NewPolicy)
        if (value := getattr(call.body, field.name)) is not msgspec.UNSET
    }
    return ask(call, "policy.put", container_id=running(call), fields=given)


def delete_policy(call: Call[Nothing, None]) -> object:
    """Take back everything that was set here; config and labels hold again."""
    return ask(call, "policy.delete", container_id=running(call))


def recommendations(call: Call[Nothing, None]) -> object:
    return page(ask(call, "limits.recommendations"))


def changes(call: Call[ChangesQuery, None]) -> object:
    """The journal, newest first."""
    asked = call.query
    found = ask(
        call,
        "limits.changes",
        container_id=resolve(call.services, asked.container).id if asked.container else None,
        since_ms=moment_ms(asked.since, call.now_ms, "since", "now") if asked.since else None,
        limit=asked.limit,
        before_id=asked.cursor,
    )
    return page(found, found[-1]["id"] if len(found) == asked.limit else None)


def undo_change(call: Call[Nothing, None]) -> object:
    """Put one change back."""
    return ask(call, "limits.undo", change_id=call.path["change_id"])


def undo(call: Call[Nothing, UndoWish]) -> object:
    """Put back what a container, or every container, had at first."""
    if bool(call.body.container) == call.body.all:
        raise Problem(422, "name one of container, all", faults=(Fault("container", "name it, or all: true"),))
    if call.body.all:
        return ask(call, "limits.undo", everything=True)
    return ask(call, "limits.undo", container_id=resolve(call.services, call.body.container or "").id)


def get_pause(call: Call[Nothing, None]) -> object:
    return ask(call, "limits.pause")


def put_pause(call: Call[Nothing, NewPause]) -> object:
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
        errors=(404, 409, 503),
    ),
    Route(
        "PUT", f"{CONTAINER}/policy", put_policy, "operator", "Change the policy.", Item, body=NewPolicy, errors=ORDER
    ),
    Route("DELETE", f"{CONTAINER}/policy", delete_policy, "operator", "Back to config and labels.", Item, errors=ORDER),
    Route(
        "GET",
        f"{API}/limits/recommendations",
        recommendations,
        "viewer",
        "What would be set, and why.",
        ItemsForm,
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
        errors=ORDER,
    ),
    Route(
        "POST",
        f"{API}/limits/undo",
        undo,
        "operator",
        "Put a container, or all, back.",
        ChangesAnswerForm,
        body=UndoWish,
        errors=ORDER,
    ),
    Route("GET", f"{API}/limits/pause", get_pause, "viewer", "The kill switch.", PauseForm, errors=(503,)),
    Route(
        "PUT",
        f"{API}/limits/pause",
        put_pause,
        "operator",
        "Throw the kill switch.",
        PauseForm,
        body=NewPause,
        errors=(503,),
    ),
)
