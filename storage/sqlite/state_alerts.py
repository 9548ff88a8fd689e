"""The alerting part of the state: alerts, their history, the outbox, silences, receivers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from model.alert import Alert, AlertState, Delivery, DeliveryState, Notification, Receiver, Silence, Transition
from storage.outbox_rules import bundled, is_queued_already, superseded, waits
from storage.sqlite.database import Database
from storage.sqlite.documents import clean, decode, encode

OPEN = (AlertState.PENDING, AlertState.FIRING)
KEPT_PASSAGES, KEPT_DELIVERIES, KEPT_NOTIFICATIONS = 100_000, 20_000, 50_000
PRUNE_EVERY = 500
"""Deliveries between two prunings."""
SILENCE_MEMORY_MS = 7 * 86_400_000


class AlertRows:
    """Methods of :class:`storage.api.StateStore` about alerting, over :attr:`_db`."""

    _db: Database

    def alerts(self) -> tuple[Alert, ...]:
        with self._db.reading() as c:
            rows = c.execute("SELECT doc FROM alert ORDER BY rowid").fetchall()
        return tuple(decode(doc, Alert) for (doc,) in rows)

    def commit(
        self,
        transitions: Sequence[Transition],
        alerts: Sequence[Alert],
        notifications: Sequence[Notification],
    ) -> None:
        if not (transitions or alerts or notifications):
            return
        with self._db.transaction() as c:
            c.executemany("INSERT INTO passage (at_ms, doc) VALUES (?, ?)", [(t.at_ms, encode(t)) for t in transitions])
            for alert in alerts:
                if alert.state in OPEN:
                    c.execute("REPLACE INTO alert (id, doc) VALUES (?, ?)", (clean(alert.id), encode(alert)))
                else:
                    c.execute("DELETE FROM alert WHERE id = ?", (clean(alert.id),))
            for notification in notifications:
                _enqueue(c, notification)

    def alert_history(self, *, since_ms: int, limit: int = 1000) -> tuple[Transition, ...]:
        with self._db.reading() as c:
            rows = c.execute(
                "SELECT doc FROM passage WHERE at_ms >= ? ORDER BY seq DESC LIMIT ?", (since_ms, limit)
            ).fetchall()
        return tuple(decode(doc, Transition) for (doc,) in rows)

    def due(self, receiver: str, now_ms: int, limit: int = 100) -> tuple[Notification, ...]:
        with self._db.reading() as c:
            rows = c.execute(
                """SELECT doc FROM (
                       SELECT doc, seq, next_try_at_ms, row_number() OVER (PARTITION BY alert_id ORDER BY seq) AS place
                       FROM notification WHERE receiver = ? AND state IN ('queued', 'retry'))
                   WHERE place = 1 AND next_try_at_ms <= ? ORDER BY seq LIMIT ?""",
                (clean(receiver), now_ms, limit),
            ).fetchall()
        return tuple(decode(doc, Notification) for (doc,) in rows)

    def bundle(self, head: Notification, limit: int = 100) -> tuple[Notification, ...]:
        if not head.group:
            return (head,)
        with self._db.transaction() as c:
            rows = c.execute(
                """SELECT doc FROM (
                       SELECT doc, seq, bundle, row_number() OVER (PARTITION BY alert_id ORDER BY seq) AS place
                       FROM notification WHERE receiver = ? AND state IN ('queued', 'retry'))
                   WHERE place = 1 AND bundle = ? ORDER BY seq""",
                (clean(head.receiver), clean(head.group)),
            ).fetchall()
            waiting = [decode(doc, Notification) for (doc,) in rows]
            chosen = bundled(head, waiting, limit)
            for new in chosen:
                if new not in waiting:
                    c.execute("UPDATE notification SET doc = ? WHERE id = ?", (encode(new), clean(new.id)))
        return chosen

    def undelivered(self) -> Mapping[str, int]:
        with self._db.reading() as c:
            return dict(
                c.execute(
                    "SELECT receiver, count(*) FROM notification WHERE state IN ('queued', 'retry') GROUP BY receiver"
                ).fetchall()
            )

    def delivered(self, notification: Notification, delivery: Delivery) -> None:
        with self._db.transaction() as c:
            row = c.execute(
                "SELECT state, partner FROM notification WHERE id = ?", (clean(notification.id),)
            ).fetchone()
            if row is not None and row[0] == DeliveryState.DROPPED.value:
                # It was on its way while it was superseded: what may have arrived firing must be resolved.
                state = DeliveryState.DROPPED if waits(notification) else notification.state
                _rewrite(c, replace(notification, state=state), None)
                _requeue(c, row[1])
            elif row is not None:
                _rewrite(c, notification, row[1])
            cursor = c.execute(
                "INSERT INTO delivery (receiver, doc) VALUES (?, ?)", (clean(delivery.receiver), encode(delivery))
            )
            if (cursor.lastrowid or 0) % PRUNE_EVERY == 0:
                _prune(c)

    def deliveries(self, *, receiver: str | None = None, limit: int = 200) -> tuple[Delivery, ...]:
        where, values = ("WHERE receiver = ?", (clean(receiver),)) if receiver is not None else ("", ())
        with self._db.reading() as c:
            rows = c.execute(
                f"SELECT id, doc FROM delivery {where} ORDER BY id DESC LIMIT ?",  # noqa: S608
                (*values, limit),
            ).fetchall()
        return tuple(replace(decode(doc, Delivery), id=number) for number, doc in rows)

    def silences(self, now_ms: int) -> tuple[Silence, ...]:
        with self._db.reading() as c:
            rows = c.execute("SELECT doc FROM silence WHERE ends_at_ms > ? ORDER BY rowid", (now_ms,)).fetchall()
        return tuple(decode(doc, Silence) for (doc,) in rows)

    def put_silence(self, silence: Silence) -> None:
        with self._db.transaction() as c:
            c.execute("DELETE FROM silence WHERE ends_at_ms < ?", (silence.starts_at_ms - SILENCE_MEMORY_MS,))
            c.execute(
                "INSERT INTO silence (id, ends_at_ms, doc) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET ends_at_ms = excluded.ends_at_ms, doc = excluded.doc",
                (clean(silence.id), silence.ends_at_ms, encode(silence)),
            )

    def delete_silence(self, silence_id: str) -> bool:
        with self._db.transaction() as c:
            return c.execute("DELETE FROM silence WHERE id = ?", (clean(silence_id),)).rowcount > 0

    def receivers(self) -> tuple[Receiver, ...]:
        with self._db.reading() as c:
            rows = c.execute("SELECT doc FROM receiver ORDER BY rowid").fetchall()
        return tuple(decode(doc, Receiver) for (doc,) in rows)

    def put_receiver(self, receiver: Receiver) -> None:
        with self._db.transaction() as c:
            c.execute(
                "INSERT INTO receiver (name, doc) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc",
                (clean(receiver.name), encode(receiver)),
            )

    def delete_receiver(self, name: str) -> bool:
        with self._db.transaction() as c:
            return c.execute("DELETE FROM receiver WHERE name = ?", (clean(name),)).rowcount > 0


def _enqueue(c: sqlite3.Connection, new: Notification) -> None:
    if c.execute("SELECT 1 FROM notification WHERE id = ?", (clean(new.id),)).fetchone():
        return
    rows = c.execute(
        "SELECT doc FROM notification WHERE alert_id = ? AND receiver = ? ORDER BY seq",
        (clean(new.alert_id), clean(new.receiver)),
    ).fetchall()
    earlier = [decode(doc, Notification) for (doc,) in rows]
    if is_queued_already(new, earlier):
        return
    if new.status == "resolved":
        dropped, with_resolve = superseded(earlier)
        for old in dropped:
            _rewrite(c, replace(old, state=DeliveryState.DROPPED), new.id if with_resolve else None)
        if with_resolve:
            new = replace(new, state=DeliveryState.DROPPED)
    cursor = c.execute(
        "INSERT INTO notification (id, receiver, alert_id, state, next_try_at_ms, bundle, doc) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            clean(new.id),
            clean(new.receiver),
            clean(new.alert_id),
            new.state.value,
            new.next_try_at_ms,
            clean(new.group),
            encode(new),
        ),
    )
    if not new.sequence:
        _rewrite(c, replace(new, sequence=cursor.lastrowid or 0), None)


def _rewrite(c: sqlite3.Connection, notification: Notification, partner: str | None) -> None:
    c.execute(
        "UPDATE notification SET state = ?, next_try_at_ms = ?, partner = ?, doc = ? WHERE id = ?",
        (
            notification.state.value,
            notification.next_try_at_ms,
            None if partner is None else clean(partner),
            encode(notification),
            clean(notification.id),
        ),
    )


def _requeue(c: sqlite3.Connection, partner: str | None) -> None:
    """Put a resolve back into the queue that was dropped with its firing."""
    row = c.execute("SELECT doc FROM notification WHERE id = ? AND state = 'dropped'", (partner,)).fetchone()
    if row is not None:
        _rewrite(c, replace(decode(row[0], Notification), state=DeliveryState.QUEUED), None)


def _prune(c: sqlite3.Connection) -> None:
    """Histories are long, not endless."""
    c.execute("DELETE FROM passage WHERE seq <= (SELECT max(seq) FROM passage) - ?", (KEPT_PASSAGES,))
    c.execute("DELETE FROM delivery WHERE id <= (SELECT max(id) FROM delivery) - ?", (KEPT_DELIVERIES,))
    c.execute(
        "DELETE FROM notification WHERE seq <= (SELECT max(seq) FROM notification) - ? "
        "AND state NOT IN ('queued', 'retry')",
        (KEPT_NOTIFICATIONS,),
    )
