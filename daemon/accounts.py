"""Users and tokens from the command line, on the web process's own file."""

from __future__ import annotations

import secrets

from config.schema import Settings
from daemon.build import auth_path, make_folder
from daemon.clock import now_ms
from daemon.privilege import refuse_planted_link
from model.errors import NotThere, Refused, UsageError
from storage.api import Role, Token, User


class Accounts:
    """What ``wharfinger user`` and ``wharfinger token`` do."""

    def __init__(self, settings: Settings) -> None:
        from storage.factory import open_auth

        make_folder(auth_path(settings).parent, "web.auth_dir")
        refuse_planted_link(auth_path(settings))
        self._auth = open_auth(auth_path(settings))

    def users(self) -> tuple[User, ...]:
        return self._auth.users()

    def add(self, name: str, role: Role, password: str) -> None:
        """Raises Refused when there is such a user, UsageError for a name or password that will not do."""
        if self._auth.user(name) is not None:
            raise Refused(f"there is a user {name} already; change the password with 'wharfinger user password {name}'")
        self._auth.put_user(User(name, role, self._hashed(name, password), now_ms()))

    def password(self, name: str, password: str) -> None:
        """Change a password and end the user's sessions. Raises NotThere."""
        user = self._known(name)
        hashed = self._hashed(name, password)
        self._auth.put_user(User(user.name, user.role, hashed, user.created_at_ms, user.disabled))
        self._auth.delete_sessions_of(name)

    def remove(self, name: str) -> None:
        """Raises NotThere, and Refused for the last administrator."""
        user = self._known(name)
        if user.role == "admin" and sum(u.role == "admin" for u in self._auth.users()) == 1:
            raise Refused(f"{name} is the last admin; add another one first")
        self._auth.delete_user(name)

    def tokens(self) -> tuple[Token, ...]:
        return self._auth.tokens()

    def create_token(self, name: str, role: Role, lifetime_s: float | None) -> tuple[Token, str]:
        """The stored form, and the token itself: it is shown this once."""
        from dashboard.auth import digest, new_token

        text, at_ms = new_token(), now_ms()
        expires_at_ms = None if lifetime_s is None else at_ms + round(lifetime_s * 1000)
        token = Token(secrets.token_hex(6), name, role, digest(text), "cli", at_ms, expires_at_ms, None)
        self._auth.put_token(token)
        return token, text

    def revoke(self, wanted: str) -> None:
        """By id or by name. Raises NotThere."""
        found = [t.id for t in self._auth.tokens() if wanted in (t.id, t.name)]
        if not found:
            raise NotThere(f"there is no token {wanted!r}; see 'wharfinger token list'")
        for token_id in found:
            self._auth.delete_token(token_id)

    def _known(self, name: str) -> User:
        user = self._auth.user(name)
        if user is None:
            raise NotThere(f"there is no user {name!r}; see 'wharfinger user list'")
        return user

    @staticmethod
    def _hashed(name: str, password: str) -> str:
        from dashboard.auth import MINIMUM_PASSWORD, hash_password

        if not name or not name.isprintable() or len(name) > 64:
            raise UsageError("a user's name has 1 to 64 printable characters")
        if len(password) < MINIMUM_PASSWORD:
            raise UsageError(f"the password is too short; {MINIMUM_PASSWORD} characters at least")
        return hash_password(password)
