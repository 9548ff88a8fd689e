"""Login, logout and the first admin: sessions by cookie."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta

from dashboard.api.asking import note
from dashboard.api.forms import WhoForm
from dashboard.api.layer import API, Call, Nothing, Route
from dashboard.api.people import NewPassword, UserName
from dashboard.auth import ABSOLUTE_MS, COOKIE, digest
from dashboard.security import needs_secure_cookie
from model.errors import Refused
from model.outside import rfc3339
from storage.api import Role, Session

log = logging.getLogger(__name__)


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(max_length=200)]
    password: Annotated[str, Meta(max_length=1024)]


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first admin; ``token`` stands in the setup URL of the log."""

    token: Annotated[str, Meta(max_length=200)]
    username: UserName
    password: NewPassword


class OwnPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old: Annotated[str, Meta(max_length=1024)]
    new: NewPassword


def login(call: Call[Nothing, Login]) -> Response:
    """A session of its own for every login; one that the browser brought is ended."""
    secret, session = call.web.gate.login(
        call.body.username, call.body.password, call.request.remote_addr or "", call.now_ms
    )
    end_brought(call)
    log.info("%s logged in from %s", session.user, call.request.remote_addr)
    note(call, "session.begin", session.user, actor=session.user, address=call.request.remote_addr)
    return with_cookie(call, secret, session, 200)


def setup(call: Call[Nothing, Setup]) -> Response:
    """Make the first admin, who is logged in at once."""
    body = call.body
    secret, session = call.web.gate.setup(
        body.token, body.username, body.password, call.request.remote_addr or "", call.now_ms
    )
    end_brought(call)
    log.info("the first admin %s was made from %s", session.user, call.request.remote_addr)
    note(call, "user.create", session.user, actor="setup", role=session.role, address=call.request.remote_addr)
    return with_cookie(call, secret, session, 201)


def end_brought(call: Call[Any, Any]) -> None:
    brought = call.request.cookies.get(COOKIE)
    if brought:
        call.services.auth.delete_session(digest(brought))


def with_cookie(call: Call[Any, Any], secret: str, session: Session, status: int) -> Response:
    """The answer of a login by password."""
    form = who_form(session.user, session.role, "session", session.expires_at_ms)
    response = Response(msgspec.json.encode(form), status, mimetype="application/json")
    set_cookie(response, call, secret)
    return response


def set_cookie(response: Response, call: Call[Any, Any], secret: str) -> None:
    """The session's cookie: it is sent to us alone, on no cross-site request, and no script can read it."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=ABSOLUTE_MS // 1000,
        path=call.request.root_path or "/",
        secure=needs_secure_cookie(call.request, call.services.settings.web.public_url),
        httponly=True,
        samesite="Strict",
    )


def who_form(name: str, role: Role, kind: str, expires_at_ms: int | None) -> dict[str, object]:
    return {"name": name, "role": role, "kind": kind, "expires_at": rfc3339(expires_at_ms)}


def who(call: Call[Nothing, None]) -> object:
    """Who asks, by cookie or token."""
    identity = call.identity
    session = call.services.auth.session(identity.proof) if identity.kind == "session" else None
    return who_form(identity.name, identity.role, identity.kind, session.expires_at_ms if session else None)


def logout(call: Call[Nothing, None]) -> Response:
    """End this session."""
    if call.identity.kind == "session":
        call.services.auth.delete_session(call.identity.proof)
    response = Response(status=204)
    response.delete_cookie(COOKIE, path=call.request.root_path or "/", httponly=True, samesite="Strict")
    return response


def own_password(call: Call[Nothing, OwnPassword]) -> Response:
    """Change one's own password; every session of the user ends but a new one."""
    user = call.services.auth.user(call.identity.name) if call.identity.kind == "session" else None
    if user is None:
        raise Refused("only somebody who logged in with a password has one to change")
    if not user.password_hash:
        raise Refused("this account signs in by the provider and has no password here")
    call.web.gate.verify(user, call.body.old, call.request.remote_addr or "", call.now_ms)
    changed = replace(user, password_hash=call.web.gate.hashed(call.body.new))
    call.services.auth.put_user(changed)
    call.services.auth.delete_sessions_of(user.name)
    log.info("%s changed the own password", user.name)
    note(call, "user.password", user.name)
    secret, session = call.web.gate.open_session(changed, call.now_ms)
    return with_cookie(call, secret, session, 200)


ROUTES = (
    Route(
        "POST",
        f"{API}/session",
        login,
        None,
        "Log in; the answer sets the cookie.",
        WhoForm,
        body=Login,
        errors=(401, 403, 429),
    ),
    Route("GET", f"{API}/session", who, "viewer", "Who asks.", WhoForm),
    Route("DELETE", f"{API}/session", logout, "viewer", "Log out.", None, status=204),
    Route(
        "PUT",
        f"{API}/session/password",
        own_password,
        "viewer",
        "Change one's own password.",
        WhoForm,
        body=OwnPassword,
        errors=(409, 429),
    ),
    Route(
        "POST",
        f"{API}/setup",
        setup,
        None,
        "Make the first admin by the one-time token.",
        WhoForm,
        body=Setup,
        status=201,
        errors=(401, 403, 409, 429),
    ),
)
