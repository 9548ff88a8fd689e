"""The stores under one contract: in memory and in SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.schema import StoreSettings
from storage.api import AuthStore, SeriesReader, SeriesWriter, StateStore
from storage.factory import open_auth, open_series_reader, open_series_writer, open_state
from storage.memory import MemorySeries, MemoryState


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


@dataclass(frozen=True)
class Store:
    """A writer, and a reader that sees what it wrote."""

    writer: SeriesWriter
    reader: SeriesReader


def opened(kind: str, folder: Path) -> Iterator[Store]:
    """``memory`` or ``sqlite``, closed behind it."""
    if kind == "memory":
        memory = MemorySeries()
        yield Store(memory, memory)
        return
    path = folder / "data" / "series.db"
    reader = open_series_reader(path)
    writer = open_series_writer(path, StoreSettings(), "web-1")
    yield Store(writer, reader)
    reader.close()
    writer.close()
