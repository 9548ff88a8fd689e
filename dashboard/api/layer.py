"""The typed layer: a route is data; query and body are checked against its forms before its function runs."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from math import isfinite
from typing import Any, Generic, TypeVar

import msgspec
from flask import Flask, Request, Response, request

from dashboard.answers import Answers
from dashboard.auth import Gate, Identity
from dashboard.errors import Problem
from dashboard.fleet import HOP
from dashboard.live import Hub
from dashboard.services import Services
from dashboard.turns import Desk
from model.errors import Fault
from model.live import Frame
from storage.api import Role

API = "/api/v1"

Q = TypeVar("Q")
B = TypeVar("B")


class Nothing(msgspec.Struct, frozen=True):
    """No field at all."""


class OneHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``host``: this host unless told; another one answers by its own dashboard."""

    host: str | None = None


@dataclass(frozen=True, slots=True)
class Web:
    """What every route may use."""

    services: Services
    gate: Gate
    hub: Hub
    desk: Desk


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One checked request. ``path`` holds the parts of the URL by name; ``identity`` is who asks."""

    web: Web
    identity: Identity
    now_ms: int
    path: Mapping[str, str]
    query: Q
    body: B
    request: Request

    @property
    def services(self) -> Services:
        return self.web.services


@dataclass(frozen=True, slots=True)
class Route:
    """``role`` None: public. ``answer`` is the form of the 2xx body, or its media type as text.

    ``errors``: statuses beside those that every route of its kind may answer.
    """

    method: str
    path: str
    run: Callable[[Call[Any, Any]], object]
    role: Role | None
    summary: str
    answer: Any
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    per_tick: bool = False
    """The answer is the same for everybody until the agent's next tick."""

    @property
    def endpoint(self) -> str:
        return f"{self.run.__module__.rpartition('.')[2]}.{self.run.__name__}"


def bind(app: Flask, web: Web, route: Route) -> None:
    """Add one route to the application. What another dashboard handed on is answered from here alone."""
    alone = replace(web, services=replace(web.services, fleet=None))
    answers = Answers()

    def view(**path: str) -> Response:
        now_ms = web.services.clock()
        identity = web.gate.enter(request, route.role, now_ms)
        query = query_of(request, route.query)
        body = None if route.body is None else body_of(request, route.body)
        here = alone if HOP in request.headers else web
        call = Call(here, identity, now_ms, path, query, body, request)
        if route.per_tick and (frame := shared_frame(here.services)) is not None:
            key = (route.endpoint, tuple(path.values()), query)
            return answers.of(frame, key, lambda: route.run(call)).response(request)
        answer = route.run(call)
        if isinstance(answer, Response):
            return answer
        if route.status == 204:
            return Response(status=204)
        return Response(msgspec.json.encode(answer), route.status, mimetype="application/json")

    app.add_url_rule(route.path, endpoint=route.endpoint, view_func=view, methods=[route.method])


def shared_frame(services: Services) -> Frame | None:
    """The tick that an answer may stand for; None where it also depends on other hosts, or the agent is away."""
    return services.fresh_frame() if services.fleet is None and services.remote is None else None


def query_of(asked: Request, form: type[msgspec.Struct]) -> Any:
    """The query string as ``form``; an empty value is as good as none. Raises Problem 422 with all faults."""
    repeated = [key for key, values in asked.args.lists() if len(values) > 1]
    if repeated:
        faults = tuple(Fault(key, "is given more than once; separate several values by commas") for key in repeated)
        raise Problem(422, "; ".join(map(str, faults)), faults=faults)
    return checked({key: value for key, value in asked.args.items() if value}, form, text=True, given=asked.args)


def body_of(asked: Request, form: type[msgspec.Struct]) -> Any:
    """The JSON body as ``form``. Raises Problem 415, 413, 400 or 422."""
    if asked.mimetype != "application/json":
        raise Problem(415, "send the body as JSON, with Content-Type: application/json")
    try:
        raw = msgspec.json.decode(asked.get_data())
    except msgspec.ValidationError as error:
        raise Problem(422, f"the body holds a number that is out of range ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise Problem(422, "the body must be a JSON object", faults=(Fault("", "must be an object"),))
    return checked(whole(raw), form, text=False, given=raw)


def checked(raw: Mapping[str, object], form: type[msgspec.Struct], *, text: bool, given: Mapping[str, object]) -> Any:
    """``raw`` as an instance of ``form``; Problem 422 with every fault at once. Pure.

    ``text``: values are strings of a query. ``given``: where unknown keys are looked for.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(form)}
    faults = [Fault(key, unknown(key, fields)) for key in given if key not in fields]
    types = types_of(form)
    values: dict[str, object] = {}
    for key, field in fields.items():
        if key not in raw:
            if field.required:
                faults.append(Fault(key, "is missing"))
            continue
        try:
            value = msgspec.convert(raw[key], types[field.name], strict=not text)
        except msgspec.ValidationError as error:
            faults.append(fault_of(key, str(error)))
            continue
        if text and value is None:  # the word null, which a form of text would let pass
            faults.append(Fault(key, "cannot be null; leave it out"))
        if isinstance(value, float) and not isfinite(value):
            faults.append(Fault(key, "must be a finite number"))
        values[field.name] = value
    if faults:
        raise Problem(422, "; ".join(map(str, faults)), faults=tuple(faults))
    return form(**values)


@cache
def types_of(form: type[msgspec.Struct]) -> Mapping[str, Any]:
    """A form's fields and their types; to work them out takes longer than most answers. Pure."""
    return typing.get_type_hints(form, include_extras=True)


def unknown(key: str, fields: Mapping[str, object]) -> str:
    near = get_close_matches(key, fields, 1)
    if near:
        return f"is not known; did you mean {near[0]}?"
    return f"is not known; known are {', '.join(sorted(fields))}" if fields else "is not known; none is taken here"


def fault_of(key: str, message: str) -> Fault:
    """``Expected `int`, got `str` - at `$[1]``` of field ``a`` → path ``a[1]``."""
    text, _, where = message.partition(" - at `$")
    return Fault(f"{key}{where.rstrip('`')}", text[:1].lower() + text[1:].replace("`", ""))


def whole(value: object) -> Any:
    """JSON knows one kind of number: 2.0 is as good an integer as 2. Pure."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value
