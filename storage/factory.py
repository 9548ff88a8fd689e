"""Opens the stores: the one place that knows which implementation stands behind a contract."""

from __future__ import annotations

from pathlib import Path

from config.schema import StoreSettings
from storage.api import AuthStore, HistoryWriter, Recent, SeriesReader, SeriesWriter, StateStore, StoreLook
from storage.recent import RecentMemory
from storage.sqlite.auth import SqliteAuth
from storage.sqlite.check import look, repaired
from storage.sqlite.reader import SqliteSeriesReader
from storage.sqlite.series import SqliteSeriesWriter
from storage.sqlite.state import SqliteState


def open_series_writer(path: Path, settings: StoreSettings, host: str) -> SeriesWriter:
    """The agent's ``series.db``, made where missing; a damaged one is set aside and a new one begun.

    Raises :class:`model.errors.StoreError` with the remedy.
    """
    return SqliteSeriesWriter(path, settings, host).open()


def open_history_writer(path: Path, settings: StoreSettings, host: str) -> HistoryWriter:
    """The same writer, for history that came about before its first tick."""
    return SqliteSeriesWriter(path, settings, host).open()


def open_series_reader(path: Path) -> SeriesReader:
    """Reads ``series.db`` from any process; opens it at the first question, and again whenever that is needed."""
    return SqliteSeriesReader(path)


def open_recent(seconds: float = 900) -> Recent:
    """The last minutes in memory."""
    return RecentMemory(seconds)


def open_state(path: Path) -> StateStore:
    """The agent's ``state.db``, made where missing. Raises :class:`model.errors.StoreError` with the remedy."""
    return SqliteState(path).open()


def open_auth(path: Path) -> AuthStore:
    """The web process's ``auth.db``, made where missing. Raises :class:`model.errors.StoreError` with the remedy."""
    return SqliteAuth(path).open()


def look_at_store(path: Path, kind: str) -> StoreLook:
    """Whether ``series.db`` or ``state.db`` (``kind``: series, state) is whole. Raises StoreError."""
    return look(path, kind)


def repair_store(path: Path, kind: str) -> tuple[bool, str]:
    """(whether it is whole now, what was done or why not): damaged chunks, or the file, are set aside."""
    return repaired(path, kind)
