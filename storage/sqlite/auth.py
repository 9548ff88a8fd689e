"""``auth.db``: users, sessions, tokens; the web process's own file.

A rollback journal and not a WAL: ``wharfinger user`` and ``token`` write it beside a running web process.
"""

from __future__ import annotations

from pathlib import Path

from storage.api import Session, Token, User
from storage.sqlite.database import Database
from storage.sqlite.documents import clean

USER = "name, role, password_hash, created_at_ms, disabled, subject"
SESSION = "id_hash, user, role, created_at_ms, seen_at_ms, expires_at_ms"
TOKEN = "id, name, role, token_hash, created_by, created_at_ms, expires_at_ms, last_used_at_ms"  # noqa: S105


def _user(row: tuple[str, str, str, int, int, str]) -> User:
    return User(row[0], row[1], row[2], row[3], bool(row[4]), row[5])  # type: ignore[arg-type]


class SqliteAuth:
    """:class:`storage.api.AuthStore` in one SQLite file. Call :meth:`open` before use."""

    def __init__(self, path: Path) -> None:
        self._db = Database(path, "auth", journal="delete", sole=False)

    def open(self) -> SqliteAuth:
        self._db.open()
        return self

    def users(self) -> tuple[User, ...]:
        with self._db.reading() as c:
            rows = c.execute(f"SELECT {USER} FROM user ORDER BY name").fetchall()  # noqa: S608
        return tuple(map(_user, rows))

    def user(self, name: str) -> User | None:
        with self._db.reading() as c:
            row = c.execute(f"SELECT {USER} FROM user WHERE name = ?", (clean(name),)).fetchone()  # noqa: S608
        return None if row is None else _user(row)

    def put_user(self, user: User) -> None:
        with self._db.transaction() as c:
            c.execute(
                f"REPLACE INTO user ({USER}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    clean(user.name),
                    user.role,
                    user.password_hash,
                    user.created_at_ms,
                    int(user.disabled),
                    clean(user.subject),
                ),
            )

    def delete_user(self, name: str) -> bool:
        with self._db.transaction() as c:
            c.execute("DELETE FROM session WHERE user = ?", (clean(name),))
            return c.execute("DELETE FROM user WHERE name = ?", (clean(name),)).rowcount > 0

    def session(self, id_hash: str) -> Session | None:
        with self._db.reading() as c:
            row = c.execute(
                f"SELECT {SESSION} FROM session WHERE id_hash = ?",  # noqa: S608
                (clean(id_hash),),
            ).fetchone()
        return None if row is None else Session(*row)

    def put_session(self, session: Session) -> None:
        with self._db.transaction() as c:
            c.execute(
                f"REPLACE INTO session ({SESSION}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    session.id_hash,
                    clean(session.user),
                    session.role,
                    session.created_at_ms,
                    session.seen_at_ms,
                    session.expires_at_ms,
                ),
            )

    def delete_session(self, id_hash: str) -> bool:
        with self._db.transaction() as c:
            return c.execute("DELETE FROM session WHERE id_hash = ?", (clean(id_hash),)).rowcount > 0

    def delete_sessions_of(self, user: str) -> None:
        with self._db.transaction() as c:
            c.execute("DELETE FROM session WHERE user = ?", (clean(user),))

    def expire_sessions(self, now_ms: int) -> None:
        with self._db.reading() as c:
            if c.execute("SELECT 1 FROM session WHERE expires_at_ms <= ? LIMIT 1", (now_ms,)).fetchone() is None:
                return
        with self._db.transaction() as c:
            c.execute("DELETE FROM session WHERE expires_at_ms <= ?", (now_ms,))

    def tokens(self) -> tuple[Token, ...]:
        with self._db.reading() as c:
            rows = c.execute(f"SELECT {TOKEN} FROM token ORDER BY created_at_ms, id").fetchall()  # noqa: S608
        return tuple(Token(*row) for row in rows)

    def token(self, token_hash: str) -> Token | None:
        with self._db.reading() as c:
            row = c.execute(
                f"SELECT {TOKEN} FROM token WHERE token_hash = ?",  # noqa: S608
                (clean(token_hash),),
            ).fetchone()
        return None if row is None else Token(*row)

    def put_token(self, token: Token) -> None:
        with self._db.transaction() as c:
            c.execute(
                f"REPLACE INTO token ({TOKEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    token.id,
                    clean(token.name),
                    token.role,
                    token.token_hash,
                    clean(token.created_by),
                    token.created_at_ms,
                    token.expires_at_ms,
                    token.last_used_at_ms,
                ),
            )

    def delete_token(self, token_id: str) -> bool:
        with self._db.transaction() as c:
            return c.execute("DELETE FROM token WHERE id = ?", (clean(token_id),)).rowcount > 0

    def value(self, key: str) -> str | None:
        with self._db.reading() as c:
            row = c.execute("SELECT value FROM value WHERE key = ?", (clean(key),)).fetchone()
        return None if row is None else str(row[0])

    def put_value(self, key: str, value: str | None) -> None:
        with self._db.transaction() as c:
            if value is None:
                c.execute("DELETE FROM value WHERE key = ?", (clean(key),))
            else:
                c.execute("REPLACE INTO value (key, value) VALUES (?, ?)", (clean(key), clean(value)))

    def close(self) -> None:
        self._db.close()
