"""Every route, walked: who may call it, that it is documented, and that the OpenAPI document is sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.schema import WebSettings
from dashboard.api.layer import Route
from dashboard.api.routes import all_routes
from dashboard.openapi import PARAMETER, template_of
from storage.api import Role
from tests.dashboard.conftest import Builder, Site

ROUTES = all_routes(WebSettings())
PROTECTED = [route for route in ROUTES if route.role is not None]
BELOW: dict[Role, Role] = {"operator": "viewer", "admin": "operator"}
DOCS = Path(__file__).resolve().parents[2] / "docs"


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def address(route: Route) -> str:
    return PARAMETER.sub("api", route.path)


def test_no_two_routes_share_method_and_path() -> None:
    assert len({name(route) for route in ROUTES}) == len(ROUTES)
    assert len({route.endpoint for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", PROTECTED, ids=name)
def test_nobody_gets_in_without_a_login(site: Site, route: Route) -> None:
    answer = site.client().open(address(route), method=route.method)
    assert answer.status_code == 401
    assert answer.json["status"] == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert site.agent.commands == []


@pytest.mark.parametrize("route", [r for r in PROTECTED if r.role in BELOW], ids=name)
def test_the_role_below_is_not_enough(site: Site, route: Route) -> None:
    assert route.role is not None
    answer = site.client().open(address(route), method=route.method, headers=site.headers(BELOW[route.role]), json={})
    assert answer.status_code == 403
    assert route.role in answer.json["detail"]
    assert site.agent.commands == []


@pytest.mark.parametrize("route", PROTECTED, ids=name)
def test_the_role_itself_is_let_in(site: Site, route: Route) -> None:
    assert route.role is not None
    answer = site.client().open(
        address(route), method=route.method, headers=site.headers(route.role), query_string={"nonsense": "1"}
    )
    assert answer.status_code == 422, "past the gate, stopped by the unknown query key"


def test_only_these_routes_are_public() -> None:
    public = {name(route) for route in ROUTES if route.role is None}
    assert public == {"GET /healthz", "GET /readyz", "POST /api/v1/session", "POST /api/v1/setup"}
    assert "GET /metrics" in {name(r) for r in all_routes(WebSettings(metrics_auth=False)) if r.role is None}


def test_the_application_serves_nothing_that_is_not_listed(site: Site) -> None:
    listed = {(route.path, route.method) for route in ROUTES} | {("/api/v1/openapi.json", "GET")}
    served = {
        (rule.rule, method)
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("page.") and rule.endpoint != "static"
    }
    assert served == listed


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_route_is_documented_with_its_role(route: Route) -> None:
    row = f"| {route.method} | `{template_of(route.path)}` | {route.role or 'public'} |"
    assert row in (DOCS / "api.md").read_text()


def test_the_docs_name_no_route_that_is_gone() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", (DOCS / "api.md").read_text(), re.MULTILINE)
    listed = {(route.method, template_of(route.path)) for route in ROUTES} | {("GET", "/api/v1/openapi.json")}
    assert set(rows) == listed


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_the_openapi_document_is_public_and_sound(site: Site) -> None:
    spec = site.client().get("/api/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    missing = [
        r for r in references(spec) if r.removeprefix("#/components/schemas/") not in spec["components"]["schemas"]
    ]
    assert not missing
    ids = [operation["operationId"] for path in spec["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids) == len(ROUTES)
    for route in ROUTES:
        operation = spec["paths"][template_of(route.path)][route.method.lower()]
        in_path = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        assert in_path == PARAMETER.findall(route.path)
        assert str(route.status) in operation["responses"]
        assert ("requestBody" in operation) == (route.body is not None)
        assert operation["x-role"] == (route.role or "public")
        assert (operation.get("security") == []) == (route.role is None)


def test_query_parameters_stand_in_the_document(site: Site) -> None:
    spec = site.client().get("/api/v1/openapi.json").json
    parameters = {p["name"]: p for p in spec["paths"]["/api/v1/series"]["get"]["parameters"]}
    assert parameters["metrics"]["required"]
    assert parameters["points"]["schema"]["maximum"] == 100_000
    assert "null" not in str(parameters["points"]["schema"])


def test_metrics_may_be_public(build: Builder) -> None:
    site = build(WebSettings(metrics_auth=False))
    assert site.client().get("/metrics").status_code == 200
    assert site.agent.commands[-1].role == "viewer"
