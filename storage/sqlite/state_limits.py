"""The limits part of the state: the journal of changes, originals, policies."""

from __future__ import annotations

from collections.abc import Mapping

from model.change import Change, Original
from storage.sqlite.database import Database
from storage.sqlite.documents import clean, decode, decode_mapping, encode


class LimitRows:
    """Methods of :class:`storage.api.StateStore` about limits, over :attr:`_db`."""

    _db: Database

    def put_change(self, change: Change) -> None:
        with self._db.transaction(durable=True) as c:
            c.execute(
                "INSERT INTO change (id, at_ms, container_id, status, doc) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms, container_id = excluded.container_id, "
                "status = excluded.status, doc = excluded.doc",
                (clean(change.id), change.at_ms, clean(change.container_id), change.status.value, encode(change)),
            )

    def change(self, change_id: str) -> Change | None:
        with self._db.reading() as c:
            row = c.execute("SELECT doc FROM change WHERE id = ?", (clean(change_id),)).fetchone()
        return None if row is None else decode(row[0], Change)

    def changes(
        self,
        *,
        container_id: str | None = None,
        since_ms: int | None = None,
        statuses: tuple[str, ...] = (),
        limit: int = 200,
        before_id: str | None = None,
    ) -> tuple[Change, ...]:
        conditions = ["1"]
        values: list[str | int] = []
        if container_id is not None:
            conditions.append("container_id = ?")
            values.append(clean(container_id))
        if since_ms is not None:
            conditions.append("at_ms >= ?")
            values.append(since_ms)
        if statuses:
            conditions.append(f"status IN ({','.join('?' * len(statuses))})")
            values.extend(statuses)
        if before_id is not None:
            conditions.append("(at_ms, seq) < (SELECT at_ms, seq FROM change WHERE id = ?)")
            values.append(clean(before_id))
        with self._db.reading() as c:
            rows = c.execute(
                f"SELECT doc FROM change WHERE {' AND '.join(conditions)} "  # noqa: S608
                "ORDER BY at_ms DESC, seq DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return tuple(decode(doc, Change) for (doc,) in rows)

    def originals(self) -> Mapping[str, Original]:
        with self._db.reading() as c:
            rows = c.execute("SELECT container_id, doc FROM original ORDER BY rowid").fetchall()
        return {key: decode(doc, Original) for key, doc in rows}

    def put_original(self, original: Original) -> None:
        with self._db.transaction(durable=True) as c:
            c.execute(
                "INSERT INTO original (container_id, doc) VALUES (?, ?) ON CONFLICT (container_id) DO NOTHING",
                (clean(original.container_id), encode(original)),
            )

    def replace_original(self, original: Original) -> None:
        with self._db.transaction(durable=True) as c:
            c.execute(
                "INSERT INTO original (container_id, doc) VALUES (?, ?) "
                "ON CONFLICT (container_id) DO UPDATE SET doc = excluded.doc",
                (clean(original.container_id), encode(original)),
            )

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        with self._db.reading() as c:
            rows = c.execute("SELECT service, doc FROM policy ORDER BY rowid").fetchall()
        return {service: decode_mapping(doc) for service, doc in rows}

    def put_policy(self, service: str, fields: Mapping[str, object]) -> None:
        with self._db.transaction() as c:
            c.execute(
                "INSERT INTO policy (service, doc) VALUES (?, ?) "
                "ON CONFLICT (service) DO UPDATE SET doc = excluded.doc",
                (clean(service), encode(dict(fields))),
            )

    def delete_policy(self, service: str) -> bool:
        with self._db.transaction() as c:
            return c.execute("DELETE FROM policy WHERE service = ?", (clean(service),)).rowcount > 0
