"""What the claims about a person mean here: a name and a role. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from config.schema import OidcSettings
from dashboard.auth import RANKS
from dashboard.oidc.failure import SignInFailed
from storage.api import Role

Claims = Mapping[str, Any]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""The same names that the API lets an admin give to a user."""


def claim(claims: Claims, path: str) -> object:
    """The claim of that name, else what the dots of the name lead to; None where there is nothing.

    ``realm_access.roles`` is a list inside an object (Keycloak), ``https://example.com/roles`` one name (Auth0).
    """
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def subject_of(claims: Claims, issuer: str) -> str:
    """What a person is known by for ever: ``sub`` is unique at its issuer and never given again (OIDC Core, 5.7)."""
    return f"{issuer} {claims['sub']}"


def name_of(claims: Claims, settings: OidcSettings) -> str:
    """The name that the person goes by here. Raises SignInFailed where the claim gives none that may be a user's."""
    name = claim(claims, settings.name_claim)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise SignInFailed(
            "untrusted",
            f"the claim {settings.name_claim} gives no name of at most 64 letters, digits and . _ @ -; "
            "choose another one with web.oidc.name_claim",
        )
    return name


def role_of(claims: Claims, settings: OidcSettings) -> Role:
    """The highest role that the claim's values stand for, else the default. Raises SignInFailed where there is none."""
    values = claim(claims, settings.role_claim) if settings.role_claim else None
    held = {values} if isinstance(values, str) else set(filter(is_text, values)) if isinstance(values, list) else set()
    roles = [role for role in RANKS if held.intersection(settings.roles.get(role, ()))]
    if roles:
        return max(roles, key=RANKS.__getitem__)
    if settings.default_role:
        return next(role for role in RANKS if role == settings.default_role)
    raise SignInFailed(
        "no_role",
        f"the claim {settings.role_claim} holds no value of web.oidc.roles, and web.oidc.default_role is empty"
        if settings.role_claim
        else "web.oidc.default_role is empty, and web.oidc.role_claim names no claim",
    )


def is_text(value: object) -> bool:
    return isinstance(value, str)


def wants_more(claims: Claims, settings: OidcSettings) -> bool:
    """Whether a claim that we need is missing, so that the provider's userinfo is worth asking."""
    return any(claim(claims, path) is None for path in (settings.name_claim, settings.role_claim) if path)
