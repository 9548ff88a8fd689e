"""Opens the stores: the one place that knows which implementation stands behind a contract."""

from __future__ import annotations

from pathlib import Path

from storage.api import AuthStore, StateStore
from storage.sqlite.auth import SqliteAuth
from storage.sqlite.state import SqliteState


def open_state(path: Path) -> StateStore:
    """The agent's ``state.db``, made where missing. Raises :class:`model.errors.StoreError` with the remedy."""
    return SqliteState(path).open()


def open_auth(path: Path) -> AuthStore:
    """The web process's ``auth.db``, made where missing. Raises :class:`model.errors.StoreError` with the remedy."""
    return SqliteAuth(path).open()
