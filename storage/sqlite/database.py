"""One SQLite file: opened, migrated, written through one connection under one lock, its errors put into words."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Literal

from model.errors import StoreError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
FILE_MODE, FOLDER_MODE = 0o640, 0o750
BUSY_MS = 5000


class DamagedStore(StoreError):
    """The file is not what SQLite wrote."""


def explained(path: Path, error: Exception) -> StoreError:
    """The error in words that carry the remedy."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in DAMAGED:
        return DamagedStore(f"{path} is damaged ({error}): run wharfinger doctor, or move the file away")
    if code == sqlite3.SQLITE_FULL or (isinstance(error, OSError) and error.errno in (28, 122)):
        return StoreError(f"no space left for {path}: free some, or lower store.raw_days or store.max_bytes")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN) or isinstance(error, OSError):
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return StoreError(
            f"cannot use {path} ({reason}): make {path.parent} writable for user id {os.geteuid()}, "
            "or name another agent.data_dir"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"{path} is locked by another process: stop the other one that writes it")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"cannot read or write {path} ({error}): look at the disk and its kernel messages")
    return StoreError(f"{path}: {error}")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system leave as :class:`StoreError`."""
    try:
        yield
    except (sqlite3.Error, OSError, OverflowError, UnicodeError) as e:
        raise explained(path, e) from e


def prepared(path: Path) -> None:
    """Folder and file, made with the modes of the house where missing."""
    if not path.parent.exists():
        path.parent.mkdir(mode=FOLDER_MODE, parents=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
        path.chmod(FILE_MODE)  # whatever the umask says: the web process's group reads it


def migrate(connection: sqlite3.Connection, path: Path, kind: str) -> None:
    """Bring the file to the newest form; refuse one from a newer release."""
    scripts = sorted((MIGRATIONS / kind).glob("*.sql"))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(scripts):
        raise StoreError(f"{path} was written by a newer release (form {version}): upgrade wharfinger")
    for number, script in enumerate(scripts[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;")


def set_aside(path: Path) -> Path:
    """Rename a damaged file and what belongs to it; return the new name."""
    away = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(away.with_name(away.name + suffix))
    return away


class Database:
    """The writer's side of one file. ``kind`` names its folder of migrations.

    Every statement runs inside :meth:`transaction` or :meth:`reading`, under one lock; only one process may
    hold the file (``sole``), because SQLite before 3.51.3 can lose a WAL that two connections reset at once.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        *,
        journal: Literal["wal", "delete"] = "wal",
        sole: bool = True,
        replace_damaged: bool = False,
    ) -> None:
        self.path = path
        self.kind = kind
        self.lock = RLock()
        self._journal = journal
        self._sole = sole
        self._replace_damaged = replace_damaged
        self._guard: int | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or make the file; a damaged one is set aside where the owner of this object allows it."""
        with self.lock, translated(self.path):
            prepared(self.path)
            self._claim()
            try:
                self._connection = self._connected()
            except (StoreError, sqlite3.Error) as e:
                damage = e if isinstance(e, StoreError) else explained(self.path, e)
                if not (self._replace_damaged and isinstance(damage, DamagedStore)):
                    self.close()
                    raise damage from e
                self.start_over()

    def start_over(self) -> None:
        """Set the damaged file aside and begin an empty one, loudly."""
        with self.lock, translated(self.path):
            self._disconnect()
            away = set_aside(self.path)
            log.error("%s was damaged: it is kept as %s, and a new one is begun", self.path, away.name)
            prepared(self.path)
            self._connection = self._connected()

    def _claim(self) -> None:
        """One writer a file: a lock on a file beside it, which the kernel drops with the process."""
        if not self._sole or self._guard is not None:
            return
        guard = os.open(self.path.with_name(self.path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            os.close(guard)
            raise StoreError(
                f"another wharfinger writes {self.path}: stop it, or give this one its own agent.data_dir"
            ) from e
        self._guard = guard

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000, cached_statements=256
        )
        try:
            connection.execute(f"PRAGMA journal_mode = {self._journal}").fetchone()
            connection.execute("PRAGMA synchronous = NORMAL" if self._journal == "wal" else "PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -8000")
            if self.kind == "series":  # Debian's SQLite overwrites what is deleted with zeros: a third more is written
                connection.execute("PRAGMA secure_delete = OFF").fetchone()
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            migrate(connection, self.path, self.kind)
        except (sqlite3.Error, StoreError):
            connection.close()
            raise
        return connection

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All or nothing. ``durable``: on the disk, and not merely in the kernel, on return."""
        with self.lock, translated(self.path):
            connection = self._usable()
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            done = False
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
                done = True
            finally:
                if not done:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                if durable and self._journal == "wal":
                    with suppress(sqlite3.Error):
                        connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent look through the writer's connection."""
        with self.lock, translated(self.path):
            yield self._usable()

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self.path} is closed")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Fold the WAL into the file and let go; a second call does nothing."""
        with self.lock:
            self._disconnect()
            if self._guard is not None:
                os.close(self._guard)
                self._guard = None
