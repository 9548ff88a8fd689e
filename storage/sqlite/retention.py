"""What is too old, or too much, goes: a few series at a call, so that no call takes long."""

from __future__ import annotations

import sqlite3
import time

from config.schema import StoreSettings
from storage.sqlite.database import Database
from storage.sqlite.tiers import TIERS, retention_ms

SERIES_A_CALL = 16
BUDGET_S = 0.05
CHUNKS_A_BITE = 16
"""Chunks dropped at once where the file is too big."""


class Retention:
    """Retention by age and by size over the writer's connection."""

    def __init__(self, db: Database, settings: StoreSettings) -> None:
        self._db = db
        self._keep_ms = retention_ms(settings)
        self._max_bytes = settings.max_bytes
        self._after = 0

    def step(self, now_ms: int) -> None:
        """One short step; from the first series to the last over many calls, then again."""
        with self._db.transaction() as c:
            ids = [
                number
                for (number,) in c.execute(
                    "SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?", (self._after, SERIES_A_CALL)
                )
            ]
            for number in ids:
                self._expire(c, number, now_ms)
            if not ids:
                c.execute("DELETE FROM event WHERE at_ms < ?", (now_ms - max(self._keep_ms),))
            self._after = ids[-1] if ids else 0
        if self._max_bytes:
            self._shrink(now_ms)

    def _expire(self, c: sqlite3.Connection, series: int, now_ms: int) -> None:
        left = False
        for tier, keep_ms in zip(TIERS, self._keep_ms, strict=True):
            cutoff = now_ms - keep_ms
            c.execute(
                f"DELETE FROM {tier.table} WHERE series = ? AND t0_ms < ? AND end_ms <= ?",  # noqa: S608
                (series, cutoff, cutoff),
            )
            left = left or bool(
                c.execute(f"SELECT 1 FROM {tier.table} WHERE series = ? LIMIT 1", (series,)).fetchone()  # noqa: S608
            )
        if not left:
            c.execute(
                "DELETE FROM series WHERE id = ? AND latest != '' AND last_ms < ?",
                (series, now_ms - max(self._keep_ms)),
            )

    def _shrink(self, now_ms: int) -> None:
        """Drop the chunks that are oldest in proportion to how long their tier is kept."""
        until = time.monotonic() + BUDGET_S
        while time.monotonic() < until:
            with self._db.transaction() as c:
                if used_bytes(c) <= self._max_bytes or not self._bite(c, now_ms):
                    return

    def _bite(self, c: sqlite3.Connection, now_ms: int) -> bool:
        ages: list[tuple[float, str]] = []
        for tier, keep_ms in zip(TIERS, self._keep_ms, strict=True):
            row = c.execute(f"SELECT t0_ms FROM {tier.table} ORDER BY id LIMIT 1").fetchone()  # noqa: S608
            if row is not None:
                ages.append(((now_ms - row[0]) / max(keep_ms, 1), tier.table))
        if not ages:
            return False
        _, table = max(ages)
        c.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)",  # noqa: S608
            (CHUNKS_A_BITE,),
        )
        return True


def used_bytes(c: sqlite3.Connection) -> int:
    """Bytes of the file that hold something: pages given free are used again before the file grows."""
    (pages,), (free,), (size,) = (
        c.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
    )
    return int(pages - free) * int(size)
