"""What stands around every request: believed proxies, the Host header, cross-site requests, response headers."""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from config.schema import Settings
from dashboard.errors import Problem

log = logging.getLogger(__name__)

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
FORWARDED: Final = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_FORWARDED",
)

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]


class Proxies:
    """WSGI layer: X-Forwarded-* of trusted peers is believed, everybody else's is dropped.

    A ``public_url`` with a path puts the application under that path, whether the proxy strips it or not.
    """

    def __init__(self, app: Wsgi, trusted: Iterable[str], public_url: str, own: Iterable[str] = ()) -> None:
        """``own``: further headers that are the proxy's to set, and nobody else's."""
        self._plain = app
        self._fixed = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_port=0, x_prefix=1)
        self._trusted = tuple(ipaddress.ip_network(entry, strict=False) for entry in trusted)
        self._prefix = urlsplit(public_url).path.rstrip("/")
        self._theirs = (*FORWARDED, *(f"HTTP_{name.upper().replace('-', '_')}" for name in own if name))

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if self._prefix:
            environ["SCRIPT_NAME"] = self._prefix
        believed = self._believes(environ.get("REMOTE_ADDR", ""))
        if not believed:
            for name in self._theirs:
                environ.pop(name, None)
        prefix = environ.get("HTTP_X_FORWARDED_PREFIX", self._prefix).rstrip("/")
        path = environ.get("PATH_INFO", "")
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return (self._fixed if believed else self._plain)(environ, start_response)

    def _believes(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def host_is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header can be meant for us: an address, a name without a dot, or one that we go by. Pure.

    DNS rebinding needs a public name that an attacker owns; such a name has a dot and is not in ``names``.
    """
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    name = name.rstrip(".").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name in names or name.endswith(".localhost"))
    return True


def own_names(settings: Settings) -> frozenset[str]:
    """Names with dots that we answer to."""
    names = (urlsplit(settings.web.public_url).hostname or "", settings.agent.host_name)
    listen = settings.web.listen.rpartition(":")[0].strip("[]")
    return frozenset(name.lower() for name in (*names, listen) if name)


def refuse_cross_site(asked: Request, public_url: str) -> None:
    """Refuse a deed that another site made the browser do. Raises Problem 403.

    Sec-Fetch-Site says it (every browser since 2023 sends it); where it is missing, Origin must be our
    own or the public URL's. A request with neither does not come from a browser, and no browser's cookie is abused.
    """
    if asked.method in SAFE_METHODS:
        return
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        same = site in ("same-origin", "none")
    else:
        origin = asked.headers.get("Origin")
        ours = {asked.host.lower(), urlsplit(public_url).netloc.lower()}
        same = origin is None or urlsplit(origin).netloc.lower() in ours - {""}
    if not same:
        raise Problem(403, "this request comes from another site; use the dashboard itself, or a token")


def needs_secure_cookie(asked: Request, public_url: str) -> bool:
    """Whether the browser talks TLS, as far as we can know: by the request, or by the public URL it came through."""
    public = urlsplit(public_url)
    return asked.is_secure or (public.scheme == "https" and public.netloc.lower() == asked.host.lower())


def guard(app: Flask, settings: Settings) -> None:
    """Name every request, check its Host header, and put the security headers on every response."""
    names = own_names(settings)

    @app.before_request
    def name_request() -> None:
        brought = request.headers.get("X-Request-Id", "")
        g.request_id = brought if REQUEST_ID.fullmatch(brought) else secrets.token_hex(8)

    @app.before_request
    def check_host() -> None:
        if not host_is_ours(request.headers.get("Host", "localhost"), names):
            raise Problem(400, "the Host header names a host that is not ours; set web.public_url to the name you use")

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = g.request_id
        if response.status_code == 500:
            log.error("%s %r failed (request %s)", request.method, request.path, g.request_id)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response
