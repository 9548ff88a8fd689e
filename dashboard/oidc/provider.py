"""One OpenID Connect provider: where it is, its keys, and who comes back with a code.

The authorization code flow of OpenID Connect Core 1.0 (3.1) with PKCE (RFC 7636, S256). The identity token's signature
is checked by joserfc, its claims by Authlib, which also speaks with the token endpoint.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from config.schema import OidcSettings
from dashboard.oidc.claims import Claims, wants_more
from dashboard.oidc.failure import SignInFailed

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

INSTALL: Final = "signing in by OpenID Connect needs an extra: pip install 'wharfinger[oidc]'"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key of the provider's alone: never none, never one that the client's secret makes."""
TIMEOUT_S: Final = 5.0
KNOWN_MS: Final = 3600 * 1000
"""How long the provider's addresses and keys are as good as new."""
REST_MS: Final = 10_000
"""How long a provider that failed is left alone, and the least between two looks for a key that is not known."""
LEEWAY_S: Final = 60
"""How far the provider's clock and ours may differ."""
MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in under way: everything it needs follows from one secret, which the browser keeps in a cookie."""

    secret: str

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """43 characters, as RFC 7636 (4.1) wants."""
        return self._derived("verifier")

    def _derived(self, purpose: str) -> str:
        code = hmac.digest(self.secret.encode("utf-8", "surrogatepass"), purpose.encode(), hashlib.sha256)
        return urlsafe_b64encode(code).rstrip(b"=").decode()


class Metadata(msgspec.Struct, frozen=True):
    """What we read of the provider's own description (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    def endpoints(self) -> tuple[str, ...]:
        always = self.authorization_endpoint, self.token_endpoint, self.jwks_uri
        return (*always, self.userinfo_endpoint) if self.userinfo_endpoint else always


@dataclass(frozen=True, slots=True)
class Known:
    metadata: Metadata
    keys: dict[str, Any]
    at_ms: int


def installed() -> bool:
    """Whether the extra is there; nothing is imported for the answer."""
    return find_spec("authlib") is not None and find_spec("requests") is not None


def taken_algorithms(metadata: Metadata) -> list[str]:
    """Of the signatures that the provider makes those that we take. Pure."""
    return [name for name in ALGORITHMS if name in metadata.id_token_signing_alg_values_supported]


class Provider:
    """The provider of the settings. Thread-safe; opens nothing until it is asked. ``clock``: ms since the epoch.

    Every method raises :class:`SignInFailed`.
    """

    def __init__(self, settings: OidcSettings, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Known | None = None
        self._failed: tuple[int, str] | None = None

    def address(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser is sent to sign in."""
        metadata = self.known().metadata
        with self._session(metadata, redirect_uri) as session:
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    def claims(self, attempt: Attempt, code: str, redirect_uri: str) -> Claims:
        """What the provider says about the person who came back with ``code``: checked, with a text as ``sub``."""
        from authlib.integrations.base_client import OAuthError
        from requests import RequestException

        metadata = self.known().metadata
        with self._session(metadata, redirect_uri) as session:
            try:
                token = session.fetch_token(
                    metadata.token_endpoint, code=code, code_verifier=attempt.verifier, allow_redirects=False
                )
            except OAuthError as error:
                raise SignInFailed("refused", f"the provider does not take the code: {error}") from error
            except (RequestException, ValueError) as error:
                raise SignInFailed("away", f"{metadata.token_endpoint} does not answer well: {error}") from error
            claims = self._checked(token, attempt)
            if metadata.userinfo_endpoint and wants_more(claims, self._settings):
                claims = self._with_userinfo(session, metadata.userinfo_endpoint, claims)
        return claims

    def known(self, *, newer_than_ms: int = 0) -> Known:
        """The provider's addresses and keys, asked for once an hour, and again where they are too old for a caller."""
        with self._lock:
            now_ms = self._clock()
            known = self._known
            if known is not None and known.at_ms > newer_than_ms and 0 <= now_ms - known.at_ms < KNOWN_MS:
                return known
            if self._failed is not None and 0 <= now_ms - self._failed[0] < REST_MS:
                raise SignInFailed("away", self._failed[1])
            try:
                self._known = self._discover(now_ms)
            except SignInFailed as failed:
                self._failed = (now_ms, failed.detail)
                raise
            self._failed = None
            return self._known

    def _discover(self, now_ms: int) -> Known:
        issuer = self._settings.issuer
        if not installed():
            raise SignInFailed("away", INSTALL)
        place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = msgspec.json.decode(fetched(place), type=Metadata)
            if metadata.issuer != issuer:
                raise SignInFailed(
                    "away",
                    f"{place} is of the issuer {metadata.issuer!r}; write that into web.oidc.issuer if it is right",
                )
            for url in metadata.endpoints():
                if urlsplit(url).scheme not in ("https", urlsplit(issuer).scheme):
                    raise SignInFailed("away", f"{place} names {url}, which is not https")
            place = metadata.jwks_uri
            keys = msgspec.json.decode(fetched(place), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SignInFailed("away", f"{place} answers something else than expected: {error}") from error
        return Known(metadata, keys, now_ms)

    def _session(self, metadata: Metadata, redirect_uri: str) -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        offered = metadata.token_endpoint_auth_methods_supported
        ways = ("client_secret_basic", "client_secret_post") if self._settings.client_secret else ("none",)
        return OAuth2Session(
            self._settings.client_id,
            self._settings.client_secret or None,
            token_endpoint_auth_method=next((way for way in ways if way in offered), ways[0]),
            scope=" ".join(self._settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_S,
        )

    def _checked(self, token: dict[str, Any], attempt: Attempt) -> Claims:
        """The claims of the identity token, when everything about it is right (OpenID Connect Core 1.0, 3.1.3.7)."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwk import KeySet

        text, known = token.get("id_token"), self.known()
        if not isinstance(text, str):
            raise SignInFailed("untrusted", "the provider sent no identity token; has web.oidc.scopes openid in it?")
        taken = taken_algorithms(known.metadata)
        try:
            try:
                decoded = jwt.decode(text, KeySet.import_key_set(known.keys), algorithms=taken)  # type: ignore[arg-type]
            except InvalidKeyIdError:  # providers change their keys, and announce the new one first
                newer = self.known(newer_than_ms=min(known.at_ms, self._clock() - REST_MS))
                decoded = jwt.decode(text, KeySet.import_key_set(newer.keys), algorithms=taken)  # type: ignore[arg-type]
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                },
                params={
                    "nonce": attempt.nonce,
                    "client_id": self._settings.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=self._clock() // 1000, leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInFailed("untrusted", f"the identity token is not right: {error}") from error
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise SignInFailed("untrusted", "the identity token has no subject of 1 to 255 characters")
        return dict(claims)

    def _with_userinfo(self, session: OAuth2Session, url: str, claims: Claims) -> Claims:
        """The claims with those that the provider tells at its userinfo alone; the signed ones win."""
        from requests import RequestException

        try:
            answer = session.get(url, allow_redirects=False)
            answer.raise_for_status()
            said = msgspec.json.decode(answer.content, type=dict[str, Any])
        except (RequestException, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SignInFailed("away", f"{url} does not answer well: {error}") from error
        if said.get("sub") != claims["sub"]:  # OpenID Connect Core 1.0, 5.3.2
            raise SignInFailed("untrusted", f"{url} speaks of another person")
        return {**said, **claims}


def fetched(url: str) -> bytes:
    """What a GET gives; a redirect is not followed. Raises SignInFailed."""
    import requests

    try:
        with requests.get(url, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as answer:
            if answer.status_code != 200:
                raise SignInFailed("away", f"{url} answers {answer.status_code}; is web.oidc.issuer right?")
            body: bytes = answer.raw.read(MOST_BYTES + 1, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise SignInFailed("away", f"{url} does not answer: {error}") from error
    if len(body) > MOST_BYTES:
        raise SignInFailed("away", f"{url} answers more than {MOST_BYTES} bytes")
    return body
