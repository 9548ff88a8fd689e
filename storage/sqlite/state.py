"""``state.db``: what must survive a restart but is not a series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model.change import AuditEntry
from storage.sqlite.database import Database
from storage.sqlite.documents import clean, decode_any, decode_mapping, encode
from storage.sqlite.state_alerts import AlertRows
from storage.sqlite.state_limits import LimitRows


class SqliteState(AlertRows, LimitRows):
    """:class:`storage.api.StateStore` in one SQLite file. Call :meth:`open` before use."""

    def __init__(self, path: Path) -> None:
        self._db = Database(path, "state", replace_damaged=True)

    def open(self) -> SqliteState:
        self._db.open()
        return self

    def audit(self, at_ms: int, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
        with self._db.transaction() as c:
            c.execute(
                "INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
                (at_ms, clean(actor), clean(action), clean(subject), encode(dict(detail))),
            )

    def audit_entries(self, *, since_ms: int | None = None, limit: int = 200) -> tuple[AuditEntry, ...]:
        with self._db.reading() as c:
            rows = c.execute(
                "SELECT id, at_ms, actor, action, subject, detail FROM audit WHERE at_ms >= ? ORDER BY id DESC LIMIT ?",
                (since_ms if since_ms is not None else -(1 << 62), limit),
            ).fetchall()
        return tuple(AuditEntry(n, at, who, what, whom, decode_mapping(doc)) for n, at, who, what, whom, doc in rows)

    def value(self, key: str) -> object:
        with self._db.reading() as c:
            row = c.execute("SELECT doc FROM value WHERE key = ?", (clean(key),)).fetchone()
        return None if row is None else decode_any(row[0])

    def put_value(self, key: str, value: object) -> None:
        with self._db.transaction() as c:
            c.execute("REPLACE INTO value (key, doc) VALUES (?, ?)", (clean(key), encode(value)))

    def close(self) -> None:
        self._db.close()
