"""Files that earlier releases wrote: opened, brought up to date, and every value as it was."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from config.schema import StoreSettings
from storage.api import SeriesQuery
from storage.factory import open_auth, open_series_reader, open_series_writer, open_state
from storage.sqlite.database import MIGRATIONS
from tests.storage.hosts import START_MS, snapshot

STORES = Path(__file__).resolve().parents[2] / "fixtures" / "stores"


def older(folder: Path, kind: str, form: int) -> Path:
    path = folder / f"{kind}.db"
    path.write_bytes(gzip.decompress((STORES / f"{kind}-form{form}.db.gz").read_bytes()))
    return path


def test_every_form_has_a_file() -> None:
    """Who adds a migration adds a file of the form that it makes: tools that wrote it are gone later."""
    for kind in ("series", "state", "auth"):
        forms = len(list((MIGRATIONS / kind).glob("*.sql")))
        assert [(STORES / f"{kind}-form{n}.db.gz").exists() for n in range(1, forms + 1)] == [True] * forms


def test_series_form_1(tmp_path: Path) -> None:
    path = older(tmp_path, "series", 1)
    writer = open_series_writer(path, StoreSettings(), "web-1")
    writer.append(snapshot(START_MS + 760_000, {"a": {"pids": 760.0 % 97}}))
    writer.close()
    reader = open_series_reader(path)
    query = SeriesQuery(("pids", "cpu_usage_cores"), START_MS, START_MS + 761_000)
    columns = {(s.container, s.metric): s.avg for s in reader.query(query).series}
    assert columns["a", "pids"] == [float(i % 97) for i in range(761)]
    assert columns["a", "cpu_usage_cores"] == [*(round(i / 8 % 3, 4) for i in range(760)), None]
    assert [v for v in columns["b", "pids"] if v is not None] == [7.0] * 200
    minutes = reader.query(SeriesQuery(("pids",), START_MS, START_MS + 761_000, containers=("b",), step_ms=60_000))
    assert {v for v in minutes.series[0].avg if v is not None} == {7.0}
    assert reader.query(SeriesQuery(("host_cpu_count",), START_MS, START_MS + 5000, of_host=True)).series[0].avg[0] == 4
    assert [e.kind for e in reader.events()] == ["start"]
    reader.close()


@pytest.mark.parametrize("form", [1, 2])
def test_state_forms(tmp_path: Path, form: int) -> None:
    state = open_state(older(tmp_path, "state", form))
    assert state.value("limits.pause") == {"paused": True}
    assert state.policies() == {"shop/api": {"mode": "auto"}}
    assert [(e.actor, e.detail) for e in state.audit_entries()] == [("ann", {"x": 1})]
    state.close()


@pytest.mark.parametrize("form", [1, 2])
def test_auth_forms(tmp_path: Path, form: int) -> None:
    auth = open_auth(older(tmp_path, "auth", form))
    assert auth.value("setup") == "x"
    assert [(u.name, u.role, u.subject) for u in auth.users()] == ([("ann", "admin", "idp 7")] if form == 2 else [])
    auth.close()
