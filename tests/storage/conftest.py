"""The stores under one contract: in memory and in SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.api import AuthStore, StateStore
from storage.factory import open_auth, open_state
from storage.memory import MemoryState


@pytest.fixture(params=["memory", "sqlite"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateStore]:
    store: StateStore = MemoryState() if request.param == "memory" else open_state(tmp_path / "data" / "state.db")
    yield store
    store.close()


@pytest.fixture
def auth(tmp_path: Path) -> Iterator[AuthStore]:
    store = open_auth(tmp_path / "web" / "auth.db")
    yield store
    store.close()
