"""The pages of signing in by the provider: out to it, and back with a session.

The way back is a request that another site began, so the session's cookie (``SameSite=Strict``) would not come along
on a redirect: the page that sets it leads on by itself instead.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dashboard.api.asking import note
from dashboard.api.layer import Call, Nothing, Web
from dashboard.api.session import end_brought, set_cookie
from dashboard.auth import NOBODY
from dashboard.errors import Problem
from dashboard.oidc.claims import Claims, name_of, role_of, subject_of
from dashboard.oidc.failure import SignInFailed
from dashboard.oidc.provider import INSTALL, Attempt, Provider, installed
from dashboard.security import needs_secure_cookie
from storage.api import Session, User

log = logging.getLogger(__name__)

OUT: Final = "/login/oidc"
BACK: Final = "/login/oidc/callback"
ATTEMPT_COOKIE: Final = "wharfinger_sign_in"
PATIENCE_S: Final = 600
"""How long a sign-in may take at the provider."""
OWN_PATH: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
MOST_PATH: Final = 2000


def add_oidc(app: Flask, web: Web) -> None:
    """The two pages, where the settings name a provider and the extra is installed."""
    settings = web.services.settings.web.oidc
    if not settings.issuer:
        return
    if not installed():
        log.error("web.oidc.issuer is set, but %s", INSTALL)
        return
    doors = Doors(web, Provider(settings, web.services.clock))
    app.add_url_rule(OUT, endpoint="page.oidc_out", view_func=doors.out, methods=["GET"])
    app.add_url_rule(BACK, endpoint="page.oidc_back", view_func=doors.back, methods=["GET"])
    app.jinja_env.globals["provider"] = settings.label or urlsplit(settings.issuer).netloc


def own_path(wish: str) -> str:
    """A path of our own to lead to after the sign-in; ``//elsewhere`` and the like are other hosts. Pure."""
    fits = len(wish) <= MOST_PATH and OWN_PATH.fullmatch(wish) and not wish.startswith(("/login", "/setup"))
    return wish if fits else "/"


class Doors:
    """Out to the provider and back. Thread-safe."""

    def __init__(self, web: Web, provider: Provider) -> None:
        self._web = web
        self._provider = provider
        self._settings = web.services.settings.web
        self._entering = threading.Lock()

    def out(self) -> AnyResponse:
        """Send the browser to the provider, with an attempt of its own in a cookie."""
        attempt = Attempt(secrets.token_urlsafe(32))
        address = request.remote_addr or ""
        try:
            self._count(address)
            answer = redirect(self._provider.address(attempt, self._back(request)), 302)
        except SignInFailed as failed:
            return self._failed(failed, address)
        wish = urlsafe_b64encode(own_path(request.args.get("next", "/")).encode()).decode()
        answer.set_cookie(
            ATTEMPT_COOKIE,
            f"{attempt.secret}.{wish}",
            max_age=PATIENCE_S,
            path=f"{request.root_path.rstrip('/')}{OUT}",
            secure=needs_secure_cookie(request, self._settings.public_url),
            httponly=True,
            samesite="Lax",  # it must come along when the provider leads back
        )
        self._web.gate.succeeded(address, ATTEMPT_COOKIE)
        return answer

    def back(self) -> AnyResponse:
        """Let in who comes back from the provider."""
        address, now_ms = request.remote_addr or "", self._web.services.clock()
        secret, _, wish = request.cookies.get(ATTEMPT_COOKIE, "").partition(".")
        attempt = Attempt(secret)
        try:
            self._count(address)
            code = code_of(request, attempt, self._settings.oidc.issuer)
            claims = self._provider.claims(attempt, code, self._back(request))
            user = self._user(claims, now_ms)
        except SignInFailed as failed:
            return self._failed(failed, address)
        self._web.gate.succeeded(address, ATTEMPT_COOKIE)
        return self._let_in(user, decoded(wish), address, now_ms)

    def _let_in(self, user: User, path: str, address: str, now_ms: int) -> Response:
        session: Session
        secret, session = self._web.gate.open_session(user, now_ms)
        call: Call[Any, Any] = Call(self._web, NOBODY, now_ms, {}, Nothing(), None, request)
        end_brought(call)
        log.info("%s signed in from %s by %s", session.user, address, self._settings.oidc.issuer)
        note(call, "session.begin", user.name, actor=user.name, address=address, provider=self._settings.oidc.issuer)
        base = request.root_path.rstrip("/")
        response = Response(render_template("signed_in.html", to=f"{base}{own_path(path)}"), mimetype="text/html")
        set_cookie(response, call, secret)
        response.delete_cookie(ATTEMPT_COOKIE, path=f"{base}{OUT}", httponly=True, samesite="Lax")
        return response

    def _user(self, claims: Claims, now_ms: int) -> User:
        """The account of the person: known by the subject, made at the first sign-in, with the role that holds now."""
        auth, settings = self._web.services.auth, self._settings.oidc
        subject = subject_of(claims, settings.issuer)
        with self._entering:  # two at once must not both be first
            known = next((user for user in auth.users() if user.subject == subject), None)
            if known is not None and known.disabled:
                raise SignInFailed("disabled", f"the account {known.name} is disabled")
            try:
                role = role_of(claims, settings)
            except SignInFailed:
                if known is not None:
                    auth.delete_sessions_of(known.name)
                raise
            if known is None:
                name = name_of(claims, settings)
                if auth.user(name) is not None:
                    raise SignInFailed("taken", f"there is another account {name}; an admin may remove that one")
                known = User(name, role, "", now_ms, subject=subject)
                auth.put_user(known)
            elif known.role != role:
                known = replace(known, role=role)
                auth.put_user(known)
        return known

    def _back(self, asked: Request) -> str:
        """Where the provider leads back to; it must be registered there."""
        own = self._settings.public_url or asked.url_root
        return f"{own.rstrip('/')}{BACK}"

    def _count(self, address: str) -> None:
        try:
            self._web.gate.attempt(address, ATTEMPT_COOKIE, self._web.services.clock())
        except Problem as problem:
            raise SignInFailed("busy", problem.detail) from problem

    def _failed(self, failed: SignInFailed, address: str) -> AnyResponse:
        log.warning("sign-in from %s by %s failed: %s", address, self._settings.oidc.issuer, failed.detail)
        return redirect(f"{request.root_path.rstrip('/')}/login?wrong={failed.why}", 302)


def code_of(asked: Request, attempt: Attempt, issuer: str) -> str:
    """The code that the provider sent back in answer to this attempt. Raises SignInFailed."""
    state = asked.args.get("state", "")
    if not attempt.secret or not hmac.compare_digest(state.encode("utf-8", "replace"), attempt.state.encode()):
        raise SignInFailed("stale", "the answer belongs to no sign-in that this browser began here lately")
    if asked.args.get("iss", issuer) != issuer:  # RFC 9207
        raise SignInFailed("untrusted", "the answer is of another issuer")
    if "error" in asked.args:
        said = f"{asked.args['error']} {asked.args.get('error_description', '')}"
        raise SignInFailed("refused", f"the provider says: {said.strip()[:300]}")
    code = asked.args.get("code", "")
    if not code:
        raise SignInFailed("stale", "the answer holds no code")
    return code


def decoded(wish: str) -> str:
    """The path out of the cookie; the start page where it is none. Pure."""
    try:
        return urlsafe_b64decode(wish.encode()).decode()
    except ValueError:
        return "/"
