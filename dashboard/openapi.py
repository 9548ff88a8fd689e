"""The OpenAPI 3.1 document, made from the same routes that answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dashboard.api.layer import Nothing, Route
from dashboard.errors import ProblemForm, title_of

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
REFERENCE = "#/components/schemas/{name}"
PATH_HELP = {
    "container_id": "Full id, name, or unique prefix of the id; slashes of a cgroup path may stand as they are.",
    "service": "Service identity, such as project/service.",
    "chart": "cpu, memory, pressure, network, disk or pids.",
}


def template_of(path: str) -> str:
    """``/hosts/<host>`` → ``/hosts/{host}``. Pure."""
    return PARAMETER.sub(r"{\1}", path)


def document(routes: Sequence[Route], version: str, prefix: str) -> dict[str, Any]:
    """The whole document. ``prefix``: path below which the application is served. Pure."""
    forms = unique([ProblemForm, *(form for route in routes for form in forms_of(route))])
    schemas, components = msgspec.json.schema_components(forms, ref_template=REFERENCE)
    schema_of = dict(zip(map(repr, forms), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(template_of(route.path), {})[route.method.lower()] = operation(route, schema_of, components)
    used = {form.__name__ for route in routes for form in (route.query, Nothing)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wharfinger",
            "version": version,
            "summary": "Containers of a host: figures, bottlenecks, alerts and limits.",
        },
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in used},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "wharfinger_session"},
            },
        },
        "security": [{"bearer": []}, {"cookie": []}],
    }


def forms_of(route: Route) -> list[Any]:
    answer = [] if route.answer is None or isinstance(route.answer, str) else [route.answer]
    return [route.query, *answer, *([route.body] if route.body else [])]


def unique(forms: Sequence[Any]) -> list[Any]:
    return list({repr(form): form for form in forms}.values())


def statuses(route: Route) -> list[int]:
    """Every error that the route may answer. Pure."""
    found = {*route.errors, 400, 422, 503}
    if route.role is not None:
        found |= {401, 403}
    if "host" in route.query.__struct_fields__:
        found.add(404)  # no such host
    if route.body is not None:
        found |= {413, 415}
    if route.method not in ("GET", "HEAD"):
        found.add(403)
    return sorted(found)


def operation(route: Route, schema_of: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """One method of one path. Pure."""
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_HELP.get(name, name.replace("_", " ")),
            "schema": {"type": "string"},
        }
        for name in PARAMETER.findall(route.path)
    ]
    form = components.get(route.query.__name__, {})
    for name, schema in form.get("properties", {}).items():
        parameters.append(
            {"name": name, "in": "query", "required": name in form.get("required", ()), "schema": not_null(schema)}
        )
    problem = {"application/problem+json": {"schema": schema_of[repr(ProblemForm)]}}
    responses: dict[str, Any] = {str(route.status): success(route, schema_of)}
    for status in statuses(route):
        responses[str(status)] = {"description": title_of(status), "content": problem}
    if route.path == "/readyz":
        responses["503"] = success(route, schema_of) | {"description": title_of(503)}
    found: dict[str, Any] = {
        "operationId": route.endpoint.replace(".", "_"),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses,
        "x-role": route.role or "public",
    }
    if route.role is None:
        found["security"] = []
    if route.body is not None:
        content = {"application/json": {"schema": schema_of[repr(route.body)]}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def success(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    if route.answer is None:
        return {"description": title_of(route.status)}
    if isinstance(route.answer, str):
        content = {route.answer: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": schema_of[repr(route.answer)]}}
    return {"description": title_of(route.status), "content": content}


def not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query cannot say null: what is left out is left out. Pure."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    if len(options) == 1:
        return {**options[0], **rest}
    if options:
        return {"anyOf": options, **rest}
    return {key: value for key, value in schema.items() if not (key == "default" and value is None)}
