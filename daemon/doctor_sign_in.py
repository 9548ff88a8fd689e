"""The doctor's look at the sign-in provider of ``web.oidc``: the extra, its description, its keys, its signatures."""

from __future__ import annotations

from collections.abc import Iterator

from config.schema import OidcSettings
from daemon.check import Check
from daemon.clock import now_ms

NAME = "sign_in"
HELP = "see docs/sign-in.md; people with a password can sign in meanwhile"


def provider(settings: OidcSettings) -> Iterator[Check]:
    """One check where a provider is named. It is asked as at a sign-in, but nobody signs in."""
    if not settings.issuer:
        return
    from dashboard.oidc.failure import SignInFailed
    from dashboard.oidc.provider import INSTALL, Provider, installed, taken_algorithms

    if not installed():
        yield Check(NAME, "warning", "web.oidc is set, and what it needs is not installed here", INSTALL)
        return
    try:
        known = Provider(settings, now_ms).known()
    except SignInFailed as failed:
        yield Check(NAME, "warning", failed.detail, HELP)
        return
    keys = known.keys.get("keys")
    if not isinstance(keys, list) or not keys:
        yield Check(NAME, "warning", f"{known.metadata.jwks_uri} names no key: no identity token can be checked", HELP)
        return
    offered = known.metadata.id_token_signing_alg_values_supported
    if not taken_algorithms(known.metadata):
        remedy = "let it sign this client's identity tokens by a key of its own, such as RS256"
        yield Check(NAME, "warning", f"{settings.issuer} signs by {', '.join(offered)} alone", remedy)
        return
    yield Check(NAME, "ok", f"{settings.issuer} answers")
