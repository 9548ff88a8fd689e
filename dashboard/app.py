"""The web application, put together: ``create_app(services)``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from dashboard import errors, security
from dashboard.answers import tag_of
from dashboard.api.layer import API, Web, bind
from dashboard.api.routes import all_routes
from dashboard.api.state import app_version
from dashboard.auth import Gate
from dashboard.live import Hub
from dashboard.oidc.doors import add_oidc
from dashboard.openapi import document
from dashboard.packing import pack
from dashboard.pages import add_pages
from dashboard.remote import PatientReader
from dashboard.services import Services
from dashboard.statics import StaticFiles, add_files
from dashboard.turns import Desk

MOST_BODY_BYTES: Final = 1 << 20


class TargetConverter(BaseConverter):
    """Id or name of a container; ids of bare cgroups are paths, so slashes belong to it.

    It does not swallow the names of what lies below a container, so that a wrong method there is a 405.
    """

    regex = r".+?(?<!/limits)(?<!/policy)(?<!/report\.html)"
    part_isolating = False


def finished(response: Response) -> Response:
    """A JSON answer gets a tag, so that who asks again is told in a word when nothing changed; and is packed.

    The tag is a weak one (RFC 9110, 8.8.1): it is of what is said, packed or not.
    """
    if response.direct_passthrough:
        return response
    if request.method == "GET" and response.status_code == 200 and response.mimetype == "application/json":
        if "ETag" not in response.headers:
            response.set_etag(tag_of(response.get_data()), weak=True)
        response.make_conditional(request)
    return pack(response, request)


def create_app(services: Services) -> Flask:
    """The Flask application of the web process. It starts no thread and opens nothing until somebody asks."""
    web_settings = services.settings.web
    if services.remote is not None:
        services = replace(services, remote=PatientReader(services.remote, services.clock))
    app = Flask("dashboard", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_BODY_BYTES, TRAP_HTTP_EXCEPTIONS=False)
    app.url_map.converters["target"] = TargetConverter
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    hub, desk = Hub(services.agent, web_settings.max_streams), Desk(remote=services.remote is not None)
    web = Web(services, Gate(services.auth, web_settings), hub, desk)
    errors.register(app)
    app.after_request(finished)
    security.guard(app, services.settings)
    routes = all_routes(web_settings)
    for route in routes:
        bind(app, web, route)
    files = StaticFiles(Path(__file__).parent / "static")
    add_files(app, files)
    add_pages(app, web, files)
    add_oidc(app, web)

    def openapi() -> Response:
        spec = document(routes, app_version(), request.root_path.rstrip("/"))
        return Response(msgspec.json.encode(spec), mimetype="application/json")

    app.add_url_rule(f"{API}/openapi.json", endpoint="openapi", view_func=openapi, methods=["GET"])
    wsgi: Any = security.Proxies(
        app.wsgi_app,
        web_settings.trusted_proxies,
        web_settings.public_url,
        (web_settings.login_header, web_settings.role_header),
    )
    app.wsgi_app = wsgi  # type: ignore[method-assign]
    return app
