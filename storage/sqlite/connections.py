"""Readers' connections: read-only, in any process, whether the agent runs, is away, or begins a new file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar
from urllib.parse import quote

from model.errors import StoreError
from storage.sqlite.database import BUSY_MS, MIGRATIONS, DamagedStore, explained

T = TypeVar("T")
KEPT = 4
"""Connections kept open between queries."""
CACHE_KIB = 1000
"""Pages that each of them keeps; the kernel has the rest of the file at hand."""


@dataclass(frozen=True, slots=True)
class Opened:
    """``inode``: the file it reads. ``frozen``: opened as immutable, good only while nobody writes."""

    connection: sqlite3.Connection
    inode: int
    frozen: bool


class Connections:
    """Gives each query a connection of its own. Thread-safe; opens nothing before the first query.

    SQLite needs the ``-shm`` file beside a WAL; where the agent is away and the folder is not ours to write,
    the file is opened as immutable instead, and again in the ordinary way once a ``-wal`` stands there.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._forms = len(list((MIGRATIONS / kind).glob("*.sql")))
        self._idle: list[Opened] = []
        self._lock = Lock()

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        """The answer from one consistent state; None while the file is not there. Raises :class:`StoreError`."""
        return self.read_file(lambda c, _: question(c))

    def read_file(self, question: Callable[[sqlite3.Connection, int], T]) -> T | None:
        """The same for a question that wants the file's inode too: another one is another file."""
        try:
            return self._once(question)
        except DamagedStore:
            with self._lock:  # the writer may have come back under an immutable file, or begun a new one
                idle, self._idle = self._idle, []
            for opened in idle:
                opened.connection.close()
            return self._once(question)

    def _once(self, question: Callable[[sqlite3.Connection, int], T]) -> T | None:
        opened = self._take()
        if opened is None:
            return None
        done = False
        try:
            opened.connection.execute("BEGIN")
            answer = question(opened.connection, opened.inode)
            opened.connection.execute("COMMIT")
            done = True
        except sqlite3.Error as e:
            raise explained(self._path, e) from e
        finally:
            if not done:
                opened.connection.close()
        self._give_back(opened)
        return answer

    def _take(self) -> Opened | None:
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            return None
        except OSError as e:
            raise explained(self._path, e) from e
        written = self._path.with_name(self._path.name + "-wal").exists()
        while True:
            with self._lock:
                opened = self._idle.pop() if self._idle else None
            if opened is None:
                break
            if opened.inode == inode and not (opened.frozen and written):
                return opened
            opened.connection.close()
        return self._open(inode, written)

    def _open(self, inode: int, written: bool) -> Opened | None:
        for frozen in (False, True):
            try:
                connection = sqlite3.connect(
                    f"file:{quote(str(self._path))}?mode=ro{'&immutable=1' if frozen else ''}",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                    timeout=BUSY_MS / 1000,
                )
            except sqlite3.Error as e:
                if frozen or written:
                    raise explained(self._path, e) from e
                continue
            try:
                connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                (form,) = connection.execute("PRAGMA user_version").fetchone()
                if form == 0:  # just being made
                    connection.close()
                    return None
                connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
            except sqlite3.Error as e:
                connection.close()
                if frozen or written:
                    raise explained(self._path, e) from e
                continue
            if form != self._forms:
                connection.close()
                raise StoreError(
                    f"{self._path} has form {form} and this release reads {self._forms}: "
                    f"{'restart the agent, which brings it up to date' if form < self._forms else 'upgrade wharfinger'}"
                )
            return Opened(connection, inode, frozen)
        return None

    def _give_back(self, opened: Opened) -> None:
        with self._lock:
            if len(self._idle) < KEPT:
                self._idle.append(opened)
                return
        opened.connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for opened in idle:
            with suppress(sqlite3.Error):
                opened.connection.close()
