"""Is a store whole? Looks at the pages and at every chunk's checksum; puts aside what is not."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from model.errors import Malformed, StoreError
from storage.api import StoreLook
from storage.sqlite.codec import open_chunk
from storage.sqlite.connections import Connections
from storage.sqlite.database import DamagedStore, Database, translated
from storage.sqlite.ring import blobs, ticks
from storage.sqlite.tail import segments
from storage.sqlite.tiers import TIERS

log = logging.getLogger(__name__)

QUARANTINE = "quarantine"


def look(path: Path, kind: str) -> StoreLook:
    """What is wrong with the file, while anybody may be writing it. Raises StoreError where it cannot be read."""
    connections = Connections(path, kind)
    try:
        found = connections.read(lambda c: _found(c, kind))
    except DamagedStore as e:
        return StoreLook(str(e), 0)
    finally:
        connections.close()
    return StoreLook("", 0) if found is None else found


def _found(c: sqlite3.Connection, kind: str) -> StoreLook:
    (said,) = c.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        return StoreLook(str(said), 0)
    return StoreLook("", sum(1 for _ in _damaged(c)) if kind == "series" else 0)


def _damaged(c: sqlite3.Connection) -> Iterator[tuple[str, int, str, bytes]]:
    """(table, id, name of a file for it, blob) of each chunk and each tick that is not what was written."""
    for tier in TIERS:
        rows = c.execute(f"SELECT id, series, t0_ms, body FROM {tier.table} ORDER BY id")  # noqa: S608
        for number, series, t0_ms, body in rows:
            try:
                open_chunk(t0_ms, body).times()
            except Malformed:
                yield tier.table, number, f"{tier.table}-{series}-{t0_ms}.chunk", body
    there = ticks(c)
    for (_, _, slot), (_, at_ms, blob) in zip(there, blobs(c, there), strict=True):
        try:
            for _ in segments(blob):
                pass
        except Malformed:
            yield "tail", slot, f"tail-{at_ms}.tick", blob


def repair(path: Path, kind: str) -> str:
    """Put damaged chunks into the folder ``quarantine`` beside the file, or the whole file aside; what was done.

    Needs the file for itself. Raises StoreError while the agent runs.
    """
    database = Database(path, kind, replace_damaged=True)
    database.open()
    try:
        with database.reading() as c:
            said = _quick_check(c)
            damaged = list(_damaged(c)) if said == "ok" and kind == "series" else []
        if said != "ok":
            database.start_over()
            return f"it was damaged ({said}): kept as {path.name}.corrupt-…, a new one is begun"
        if not damaged:
            return "nothing to repair"
        folder = path.parent / QUARANTINE
        with translated(path):
            folder.mkdir(mode=0o750, exist_ok=True)
            for _, _, name, blob in damaged:
                (folder / name).write_bytes(blob)
        with database.transaction() as c:
            for table, number, _, _ in damaged:
                key = "slot" if table == "tail" else "id"
                c.execute(f"DELETE FROM {table} WHERE {key} = ?", (number,))  # noqa: S608
        return f"{len(damaged)} damaged chunks are set aside in {folder}"
    finally:
        database.close()


def _quick_check(c: sqlite3.Connection) -> str:
    try:
        return str(c.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as e:
        return str(e)


def repaired(path: Path, kind: str) -> tuple[bool, str]:
    """(whether it is whole now, what was done or why not)."""
    try:
        return True, repair(path, kind)
    except StoreError as e:
        return False, str(e)
