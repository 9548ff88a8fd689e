"""Who may come in: passwords, sessions, bearer tokens, roles, and the way in at the first start.

Random values (sessions, tokens, the setup token) are 256 bits, so a plain SHA-256 of them is what is
stored; passwords are scrypt (RFC 7914, n=2^15 r=8: 32 MiB and about 0.1 s), one at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from flask import Request
from werkzeug.security import check_password_hash, generate_password_hash

from config.schema import Settings, WebSettings
from dashboard.errors import Problem
from dashboard.security import refuse_cross_site
from dashboard.throttle import Throttle
from model.errors import Refused
from storage.api import AuthStore, Role, Session, User

log = logging.getLogger(__name__)

COOKIE: Final = "wharfinger_session"
TOKEN_PREFIX: Final = "whf_"  # noqa: S105 - a prefix that secret scanners can look for
SETUP_KEY: Final = "setup.token_hash"
FIRST_ADMIN: Final = "admin"
MINIMUM_PASSWORD: Final = 10
IDLE_MS: Final = 12 * 3600 * 1000
ABSOLUTE_MS: Final = 7 * 86400 * 1000
TOUCH_MS: Final = 60 * 1000
"""How often a session's or token's last use is written at most."""
RANKS: Final[Mapping[Role, int]] = {"viewer": 0, "operator": 1, "admin": 2}
HASHING_WAIT_S: Final = 10.0
MOST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. ``proof`` is the stored hash of the session's id or of the token."""

    name: str
    role: Role
    kind: Literal["nobody", "session", "token", "settings", "proxy"]
    proof: str = ""

    def may(self, role: Role) -> bool:
        return self.kind != "nobody" and RANKS[self.role] >= RANKS[role]


NOBODY: Final = Identity("", "viewer", "nobody")


def digest(secret: str) -> str:
    """What is stored of a random value."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_token() -> str:
    """A fresh bearer token, to be shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_password(password: str) -> str:
    """scrypt of a password, with its salt and parameters, for :class:`storage.api.User`."""
    return generate_password_hash(password, "scrypt:32768:8:1")


def first_start(auth: AuthStore, settings: Settings, now_ms: int, *, url: str = "") -> str | None:
    """See that somebody can come in: the URL of the one-time setup page, or None where an admin exists.

    ``web.admin_password`` makes the user ``admin`` once; later it changes nothing. Without it a fresh
    setup token replaces the one before, which is worthless from then on. ``url``: where the
    dashboard is reached; else taken from the settings.
    """
    web = settings.web
    if any(user.role == "admin" and not user.disabled for user in auth.users()):
        auth.put_value(SETUP_KEY, None)
        return None
    if web.admin_password:
        if len(web.admin_password) < MINIMUM_PASSWORD:
            log.warning("web.admin_password is shorter than %d characters; choose a longer one", MINIMUM_PASSWORD)
        auth.put_user(User(FIRST_ADMIN, "admin", hash_password(web.admin_password), now_ms))
        return None
    token = secrets.token_urlsafe(32)
    auth.put_value(SETUP_KEY, digest(token))
    return f"{(url or url_of(web)).rstrip('/')}/setup?token={token}"


def url_of(web: WebSettings) -> str:
    """Where a browser on this machine reaches the dashboard."""
    if web.public_url:
        return web.public_url.rstrip("/")
    host, _, port = web.listen.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0', '[::]', '*') else host}:{port}"  # noqa: S104 - compared


class Gate:
    """Tells who a request comes from and whether that is enough. Thread-safe."""

    def __init__(self, auth: AuthStore, settings: WebSettings) -> None:
        self._auth = auth
        self._settings_token = digest(settings.api_token) if settings.api_token else None
        self._public_url = settings.public_url
        self._login_header, self._role_header = settings.login_header, settings.role_header
        self._attempts = Throttle()
        self._turn = threading.Lock()
        self._setting_up = threading.Lock()
        self._unknown = ""

    def enter(self, request: Request, role: Role | None, now_ms: int) -> Identity:
        """The identity behind the request; nobody on a public route. Raises Problem 401 or 403."""
        identity = NOBODY if role is None else self.identify(request, now_ms)
        if identity.kind in ("nobody", "session", "proxy"):  # those that a browser carries along by itself
            refuse_cross_site(request, self._public_url)
        if role is None:
            return identity
        if identity.kind == "nobody":
            raise Problem(401, "log in, or send Authorization: Bearer with a token")
        if not identity.may(role):
            raise Problem(403, f"this needs the role {role}; {identity.name} is {identity.role}")
        return identity

    def identify(self, request: Request, now_ms: int) -> Identity:
        """By token where one is sent (a wrong one is refused with 401), else by cookie, else nobody.

        Other schemes than Bearer are not ours: a proxy in front may have its own Basic login.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            found = self._by_token(digest(token.strip()), now_ms)
            if found is None:
                raise Problem(401, "this token is not known, or it has expired or was revoked")
            return found
        cookie = request.cookies.get(COOKIE)
        return (self._by_session(digest(cookie), now_ms) if cookie else None) or self._by_proxy(request) or NOBODY

    def hashed(self, password: str) -> str:
        """scrypt of a new password, in turn with all other hashing. Raises Problem 429 when the queue is too long."""
        with self._in_turn():
            return hash_password(password)

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        """One hash at a time: 32 MiB each must not pile up."""
        if not self._turn.acquire(timeout=HASHING_WAIT_S):
            raise Problem(429, "too many logins at once; try again in a moment", headers={"Retry-After": "10"})
        try:
            yield
        finally:
            self._turn.release()

    def still(self, identity: Identity, now_ms: int) -> bool:
        """Whether an identity that opened a long stream would still be let in with as much right."""
        found: Identity | None = identity
        if identity.kind == "session":
            found = self._by_session(identity.proof, now_ms)
        elif identity.kind == "token":
            found = self._by_token(identity.proof, now_ms)
        return found is not None and found.may(identity.role)

    def login(self, name: str, password: str, address: str, now_ms: int) -> tuple[str, Session]:
        """A new session and its secret. Raises Problem 401 on a wrong name or password, 429 after too many."""
        user = self._auth.user(name)
        known = user if user is not None and not user.disabled else None
        return self.open_session(self.verify(known, password, address, now_ms, name=name), now_ms)

    def verify(self, user: User | None, password: str, address: str, now_ms: int, *, name: str = "") -> User:
        """The user. Raises Problem 401 where the password is not the user's, 429 after too many attempts.

        No user costs as much time as a wrong password, so time tells nothing about names.
        """
        name = user.name if user else name
        self.attempt(address, name, now_ms)
        with self._in_turn():
            if not self._unknown:
                self._unknown = hash_password(secrets.token_urlsafe(16))
            right = check_password_hash(user.password_hash if user else self._unknown, password)
        if user is None or not right:
            log.warning("login refused for %r from %s", name[:64], address)
            raise Problem(401, "the name or the password is wrong")
        self.succeeded(address, name)
        return user

    def succeeded(self, address: str, name: str) -> None:
        """What :meth:`attempt` took is given back."""
        self._attempts.give_back(address, name)

    def attempt(self, address: str, name: str, now_ms: int) -> None:
        """Count one try to come in. Raises Problem 429 after too many."""
        wait_s = self._attempts.take(address, name, now_ms)
        if wait_s:
            raise Problem(429, f"too many attempts; try again in {wait_s} s", headers={"Retry-After": str(wait_s)})

    def open_session(self, user: User, now_ms: int) -> tuple[str, Session]:
        """A session with a fresh secret, never one that the browser brought."""
        secret = secrets.token_urlsafe(32)
        session = Session(digest(secret), user.name, user.role, now_ms, now_ms, now_ms + ABSOLUTE_MS)
        self._auth.expire_sessions(now_ms)
        self._auth.put_session(session)
        return secret, session

    def setup(self, token: str, name: str, password: str, address: str, now_ms: int) -> tuple[str, Session]:
        """Make the first admin by the one-time token, and log in.

        Raises Problem 401 or 429; Refused when it is used up.
        """
        self.attempt(address, SETUP_KEY, now_ms)
        password_hash = self.hashed(password)
        with self._setting_up:  # two at once must not both be first
            stored = self._auth.value(SETUP_KEY)
            if stored is None:
                raise Refused("setup is done already; log in instead")
            if not hmac.compare_digest(stored, digest(token)):
                raise Problem(401, "this setup link is not valid any more; the newest one stands in the log")
            user = User(name, "admin", password_hash, now_ms)
            self._auth.put_user(user)
            self._auth.put_value(SETUP_KEY, None)
        self.succeeded(address, SETUP_KEY)
        return self.open_session(user, now_ms)

    def _by_token(self, token_hash: str, now_ms: int) -> Identity | None:
        if self._settings_token is not None and hmac.compare_digest(token_hash, self._settings_token):
            return Identity("api_token", "admin", "settings", token_hash)
        found = self._auth.token(token_hash)
        if found is None or (found.expires_at_ms is not None and found.expires_at_ms <= now_ms):
            return None
        if found.last_used_at_ms is None or now_ms - found.last_used_at_ms >= TOUCH_MS:
            self._auth.put_token(replace(found, last_used_at_ms=now_ms))
        return Identity(f"token:{found.name}", found.role, "token", token_hash)

    def _by_proxy(self, request: Request) -> Identity | None:
        """Who a trusted proxy says it is; from everybody else the headers were dropped before (Proxies)."""
        name = request.headers.get(self._login_header, "").strip() if self._login_header else ""
        if not name or len(name) > MOST_NAME or not name.isprintable():
            return None
        said = request.headers.get(self._role_header, "").strip().lower() if self._role_header else ""
        return Identity(name, next((role for role in RANKS if role == said), "viewer"), "proxy")

    def _by_session(self, id_hash: str, now_ms: int) -> Identity | None:
        """The role is the user's of now, not of the login."""
        session = self._auth.session(id_hash)
        if session is None:
            return None
        user = self._auth.user(session.user)
        idle = now_ms - session.seen_at_ms > IDLE_MS
        if user is None or user.disabled or idle or session.expires_at_ms <= now_ms:
            self._auth.delete_session(id_hash)
            return None
        if now_ms - session.seen_at_ms >= TOUCH_MS:
            self._auth.put_session(replace(session, seen_at_ms=now_ms))
        return Identity(user.name, user.role, "session", id_hash)
