"""The pages: frames that the browser fills by the API. They hold no data of their own."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dashboard.api.layer import API, Web
from dashboard.api.state import app_version
from dashboard.auth import NOBODY, Identity
from dashboard.errors import Problem
from dashboard.statics import StaticFiles

PAGES: Final = (
    ("/", "overview"),
    ("/containers/<target:container_id>", "container"),
    ("/services/<target:service>", "service"),
    ("/hosts/<host>", "host"),
    ("/bottlenecks", "bottlenecks"),
    ("/alerts", "alerts"),
    ("/limits", "limits"),
    ("/settings", "settings"),
)
OPEN_PAGES: Final = (("/login", "login"), ("/setup", "setup"))
LANGUAGES: Final = ("en", "ko")
GATE: Final = "gate"
"""The module of the pages before the login."""
WORDS: Final = {"en": (), "ko": ("js/lib/ko/index.js",)}
"""Modules that a language asks for while a page begins, so that they come with the others."""
FIGURES: Final = (
    "cpu_usage_cores,cpu_limit_cores,cpu_usage_of_limit_ratio,cpu_throttled_periods_ratio,memory_working_set_bytes,"
    "memory_limit_bytes,memory_working_set_of_limit_ratio,cpu_pressure_some_ratio,memory_pressure_some_ratio,"
    "io_pressure_some_ratio,io_read_bytes_per_second,io_write_bytes_per_second,network_receive_bytes_per_second,"
    "network_transmit_bytes_per_second,memory_usage_bytes"
)
FIRST: Final = {
    "overview": (
        "/containers?" + urlencode({"state": "running", "limit": 5000, "metrics": FIGURES}),
        "/hosts",
        "/findings",
    )
}
"""What a page asks for first, word for word, below the API's base: the browser fetches it beside the modules, and they
find it there (static/js/lib/fleet.js; a browser test counts the questions)."""
LANGUAGE_COOKIE: Final = "wharfinger_lang"


def language() -> str:
    """The language that was chosen, else the one that the browser asks for, else English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "en") or "en"


def first_of(page: str) -> tuple[str, ...]:
    """Addresses below the API's base; none where the page's own address asks for another list."""
    return FIRST.get(page, ()) if request.args.get("show") != "down" else ()


def add_pages(app: Flask, web: Web, files: StaticFiles) -> None:
    """Every page that has a template; without a login they lead to the login page and back."""

    modules = {
        (page, lang): tuple(
            dict.fromkeys(
                name
                for root in (f"js/{GATE if (path, page) in OPEN_PAGES else page}.js", *WORDS[lang])
                for name in files.modules(root)
            )
        )
        for path, page in (*PAGES, *OPEN_PAGES)
        for lang in LANGUAGES
    }

    def show(page: str, identity: Identity) -> str:
        lang, base = language(), request.root_path.rstrip("/")
        return render_template(
            f"{page}.html",
            page=page,
            lang=lang,
            base=base,
            files=f"{base}/static/{files.version}",
            modules=modules[page, lang],
            first=[API + address for address in first_of(page)],
            role=identity.role if identity.kind != "nobody" else "",
            user=identity.name,
            version=app_version(),
        )

    def who() -> Identity:
        try:
            return web.gate.identify(request, web.services.clock())
        except Problem:
            return NOBODY  # a token that is wrong opens no page

    def closed(page: str) -> AnyResponse:
        identity = who()
        if identity.kind == "nobody":
            query = request.query_string.decode("latin-1")
            here = quote(request.path, safe="/") + (f"?{query}" if query else "")
            return redirect(f"{request.root_path.rstrip('/')}/login?next={quote(here, safe='')}", 302)
        return Response(show(page, identity), mimetype="text/html")

    def open_to_all(page: str) -> AnyResponse:
        return Response(show(page, who()), mimetype="text/html")

    templates = frozenset(app.jinja_env.list_templates(extensions=["html"]))
    for path, page in PAGES:
        if f"{page}.html" not in templates:
            continue
        view = lambda page=page, **_path: closed(page)  # noqa: E731
        app.add_url_rule(path, endpoint=f"page.{page}", view_func=view, methods=["GET"])
    for path, page in OPEN_PAGES:
        view = lambda page=page, **_path: open_to_all(page)  # noqa: E731
        app.add_url_rule(path, endpoint=f"page.{page}", view_func=view, methods=["GET"])
