"""Every route but the stream against what its own OpenAPI document allows and forbids, with made-up requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.schema import WebSettings
from dashboard.api.layer import Route
from dashboard.api.routes import all_routes
from dashboard.openapi import template_of
from model.change import Policy
from model.outside import alert_json, change_json, policy_json
from storage.factory import open_auth
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import alert, change
from tests.dashboard.test_routes import name

ROUTES = [route for route in all_routes(WebSettings()) if not route.path.endswith("/stream")]
EXAMPLES = 5
OBJECTS: dict[str, object] = {
    "limits.pause": {"paused": False, "reason": "", "until": None},
    "limits.pause.put": {"paused": True, "reason": "x", "until": None},
    "limits.set": change_json(change()),
    "limits.undo": {"changes": [change_json(change())]},
    "policy.get": policy_json(Policy()),
    "policy.put": policy_json(Policy()),
    "policy.delete": policy_json(Policy()),
    "alerts.acknowledge": alert_json(alert()),
    "status": {"metrics": {}},
    "silences.create": {"id": "1"},
    "receivers.put": {"id": "1"},
    "receivers.test": {"id": "1"},
}
"""What the agent says where its answer is one thing and no list."""
# A schema cannot say what is a time or a metric's name: such values get the 422 that is documented, so the
# check that every value of the right form is taken (positive_data_acceptance) does not fit.


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One application for all: what one request leaves behind, the next one meets."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with closing(open_auth(folder / "auth.db")) as auth:
        site = Builder(auth)()
        site.agent.answers |= OBJECTS
        yield site


@pytest.fixture(scope="module")
def api(site: Site) -> Any:
    """The document as the application itself serves it, and the application behind it."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", site.app)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_answers_are_what_the_document_says(site: Site, api: Any, route: Route, mode: GenerationMode) -> None:
    operation = api[template_of(route.path)][route.method]
    if mode is GenerationMode.NEGATIVE and not (route.query.__struct_fields__ or route.body or "<" in route.path):
        return  # nothing of it can be wrong

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        values = (case.query or {}).values()
        assume(all(value != "" and isinstance(value, (str, int, float)) for value in values))  # else nothing is sent
        headers = site.headers("admin") | {"Accept-Encoding": "identity"}
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    ask()
