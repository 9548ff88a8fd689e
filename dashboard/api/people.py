"""Users and tokens: all of it stays in the web process."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dashboard.api.asking import note, page
from dashboard.api.forms import TokenForm, TokensForm, UserForm, UsersForm
from dashboard.api.layer import API, Call, Nothing, Route
from dashboard.auth import MINIMUM_PASSWORD, digest, new_token
from model.errors import NotThere, Refused
from model.outside import rfc3339
from storage.api import Token, User

log = logging.getLogger(__name__)

UserName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
NewPassword = Annotated[str, Meta(min_length=MINIMUM_PASSWORD, max_length=1024)]
AnyRole = Literal["viewer", "operator", "admin"]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: UserName
    role: AnyRole
    password: NewPassword


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; a new password ends the user's sessions."""

    role: AnyRole | None = None
    password: NewPassword | None = None
    disabled: bool | None = None


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``expires_in_s`` null: never."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
    role: AnyRole
    expires_in_s: Annotated[float, Meta(ge=60, le=315_360_000)] | None = None


def user_form(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "role": user.role,
        "disabled": user.disabled,
        "created_at": rfc3339(user.created_at_ms),
    }


def list_users(call: Call[Nothing, None]) -> object:
    return page([user_form(user) for user in sorted(call.services.auth.users(), key=lambda u: u.name)])


def create_user(call: Call[Nothing, NewUser]) -> object:
    body, auth = call.body, call.services.auth
    if auth.user(body.name) is not None:
        raise Refused(f"there is a user {body.name} already; PUT changes it")
    user = User(body.name, body.role, call.web.gate.hashed(body.password), call.now_ms)
    auth.put_user(user)
    log.info("%s made the user %s (%s)", call.identity.name, user.name, user.role)
    note(call, "user.create", user.name, role=user.role)
    return user_form(user)


def known_user(call: Call[Any, Any]) -> User:
    user = call.services.auth.user(call.path["name"])
    if user is None:
        raise NotThere(f"there is no user {call.path['name'][:80]}")
    return user


def keep_an_admin(call: Call[Any, Any], user: User) -> None:
    """Raises Refused where this user is the last who may manage users."""
    others = [u for u in call.services.auth.users() if u.role == "admin" and not u.disabled and u.name != user.name]
    if user.role == "admin" and not user.disabled and not others:
        raise Refused(f"{user.name} is the last admin; make another one first")


def change_user(call: Call[Nothing, UserChange]) -> object:
    user, body = known_user(call), call.body
    role = body.role or user.role
    disabled = user.disabled if body.disabled is None else body.disabled
    if role != "admin" or disabled:
        keep_an_admin(call, user)
    password_hash = user.password_hash if body.password is None else call.web.gate.hashed(body.password)
    changed = replace(user, role=role, disabled=disabled, password_hash=password_hash)
    call.services.auth.put_user(changed)
    if body.password is not None or disabled:
        call.services.auth.delete_sessions_of(user.name)
    log.info("%s changed the user %s", call.identity.name, user.name)
    note(call, "user.change", user.name, role=role, disabled=disabled, password=body.password is not None)
    return user_form(changed)


def delete_user(call: Call[Nothing, None]) -> object:
    user = known_user(call)
    keep_an_admin(call, user)
    call.services.auth.delete_user(user.name)
    log.info("%s removed the user %s", call.identity.name, user.name)
    note(call, "user.remove", user.name)
    return None


def token_form(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "created_by": token.created_by,
        "created_at": rfc3339(token.created_at_ms),
        "expires_at": rfc3339(token.expires_at_ms),
        "last_used_at": rfc3339(token.last_used_at_ms),
    }


def list_tokens(call: Call[Nothing, None]) -> object:
    return page([token_form(token) for token in sorted(call.services.auth.tokens(), key=lambda t: t.created_at_ms)])


def create_token(call: Call[Nothing, NewToken]) -> object:
    """The answer is the only place where the token is ever shown."""
    secret, body = new_token(), call.body
    expires = None if body.expires_in_s is None else call.now_ms + round(body.expires_in_s * 1000)
    token = Token(
        secrets.token_hex(8), body.name, body.role, digest(secret), call.identity.name, call.now_ms, expires, None
    )
    call.services.auth.put_token(token)
    log.info("%s made the token %s (%s)", call.identity.name, token.name, token.role)
    note(call, "token.create", token.name, id=token.id, role=token.role, expires_at=rfc3339(expires))
    return token_form(token) | {"token": secret}


def delete_token(call: Call[Nothing, None]) -> object:
    if not call.services.auth.delete_token(call.path["token_id"]):
        raise NotThere(f"there is no token {call.path['token_id'][:80]}")
    log.info("%s revoked the token %s", call.identity.name, call.path["token_id"][:80])
    note(call, "token.revoke", call.path["token_id"][:80])
    return None


ROUTES = (
    Route("GET", f"{API}/users", list_users, "admin", "Users.", UsersForm),
    Route(
        "POST",
        f"{API}/users",
        create_user,
        "admin",
        "Add a user.",
        UserForm,
        body=NewUser,
        status=201,
        errors=(409, 429),
    ),
    Route(
        "PUT",
        f"{API}/users/<name>",
        change_user,
        "admin",
        "Change role, password, or disable.",
        UserForm,
        body=UserChange,
        errors=(404, 409, 429),
    ),
    Route(
        "DELETE",
        f"{API}/users/<name>",
        delete_user,
        "admin",
        "Remove a user and its sessions.",
        None,
        status=204,
        errors=(404, 409),
    ),
    Route("GET", f"{API}/tokens", list_tokens, "admin", "Tokens, without the tokens themselves.", TokensForm),
    Route(
        "POST",
        f"{API}/tokens",
        create_token,
        "admin",
        "Make a token; it is shown this once.",
        TokenForm,
        body=NewToken,
        status=201,
    ),
    Route(
        "DELETE", f"{API}/tokens/<token_id>", delete_token, "admin", "Revoke a token.", None, status=204, errors=(404,)
    ),
)
