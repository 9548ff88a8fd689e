"""The demo's history: whole, repeatable, told as a story, and never over real data."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cli.main import main
from config.schema import AgentSettings, Settings
from daemon.build import series_path, state_path
from daemon.demo.fill import backfill, is_demo, say_if_demo
from daemon.demo.load import day
from daemon.demo.story import told
from model.errors import UsageError
from model.metrics import spec_of
from storage.api import SeriesQuery
from storage.factory import open_series_reader, open_state

UNTIL_MS = 1_790_000_003_000
SPAN_MS = 3_600_000


def settings_in(folder: Path) -> Settings:
    return Settings(agent=AgentSettings(host_name="web-1", data_dir=str(folder)))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = settings_in(tmp_path_factory.mktemp("demo") / "data")
    backfill(settings, until_ms=UNTIL_MS, span_ms=SPAN_MS, containers=12, seed=1)
    return settings


def test_every_second_is_there_and_every_name_is_of_the_catalogue(demo: Settings) -> None:
    reader = open_series_reader(series_path(demo))
    known = {c.name: c for c in reader.containers()}
    assert len(known) == 12
    assert all(spec_of(name) is not None for c in known.values() for name in c.latest)
    last = UNTIL_MS // 10_000 * 10_000
    query = SeriesQuery(("cpu_usage_cores",), last - SPAN_MS, last, containers=(known["postgres"].id,))
    (column,) = reader.query(query).series
    assert None not in column.avg
    assert len(column.avg) == 3600
    assert reader.query(SeriesQuery(("host_cpu_count",), last - SPAN_MS, last, of_host=True)).series
    reader.close()


def test_the_story_has_throttling_a_leak_an_oom_restarts_alerts_and_changes(demo: Settings) -> None:
    reader, state = open_series_reader(series_path(demo)), open_state(state_path(demo))
    kinds = {e.kind for e in reader.events()}
    assert kinds == {"start", "stop", "oom", "restart", "limit_change", "alert"}
    rules = {t.alert.rule for t in state.alert_history(since_ms=0)}
    assert rules == {"CpuThrottled", "MemoryNearLimit", "MemoryOomKilled"}
    assert {c.status.value for c in state.changes()} == {"applied", "refused", "reverted"}
    assert not state.alerts()
    query = SeriesQuery(
        ("cpu_throttled_periods_ratio", "memory_oom_kills", "memory_working_set_of_limit_ratio", "restarts"),
        UNTIL_MS - 2 * SPAN_MS,
        UNTIL_MS,
        services=("shop/checkout-api", "shop/report-worker"),
    )
    columns = {(s.name, s.metric): [v for v in s.avg if v is not None] for s in reader.query(query).series}
    assert sum(v > 0.1 for v in columns["checkout-api", "cpu_throttled_periods_ratio"]) >= 50
    assert sum(columns["report-worker", "memory_oom_kills"]) == 1
    assert max(columns["report-worker", "memory_working_set_of_limit_ratio"]) > 0.95
    assert columns["report-worker", "restarts"][-1] == 1
    joined = SeriesQuery(
        ("pids",), UNTIL_MS - SPAN_MS, UNTIL_MS, services=("shop/catalog",), step_ms=60_000, join_service=True
    )
    (catalog,) = reader.query(joined).series
    assert None not in catalog.avg[1:-1], "one line over the recreate"
    reader.close()
    state.close()


def test_the_same_seed_tells_the_same_story_and_another_another() -> None:
    one = told("h", 0, SPAN_MS, 30, 7)
    assert one == told("h", 0, SPAN_MS, 30, 7)
    assert one.plans != told("h", 0, SPAN_MS, 30, 8).plans
    assert day(14 * 3_600_000) == 1.0
    assert day(2 * 3_600_000) == pytest.approx(0.0)


def test_a_folder_with_real_data_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    (tmp_path / "series.db").write_bytes(b"precious")
    with pytest.raises(UsageError, match="real data"):
        backfill(settings, until_ms=UNTIL_MS, span_ms=SPAN_MS, containers=1, seed=1)
    assert (tmp_path / "series.db").read_bytes() == b"precious"
    assert not is_demo(tmp_path)


def test_a_demo_is_marked_said_and_not_filled_twice(demo: Settings, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(demo.agent.data_dir)
    assert json.loads((folder / "demo.json").read_text())["containers"] == 12
    with caplog.at_level(logging.WARNING):
        say_if_demo(demo)
    assert "is a demo" in caplog.text
    with pytest.raises(UsageError, match="a demo already"):
        backfill(demo, until_ms=UNTIL_MS, span_ms=SPAN_MS, containers=1, seed=1)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["demo", "--backfill", "10m", "--containers", "2", "--data-dir", str(tmp_path / "d"), "--json"]
    assert main(words) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["containers"] == 2
    # The host and both containers, less what the restarts take, which depend on the time of day.
    assert made["rows"] > 2 * 600
    assert main(words) == 2
    assert main(["demo", "--backfill", "soon", "--data-dir", str(tmp_path / "e")]) == 2
    assert main(["demo", "--containers", "0", "--data-dir", str(tmp_path / "e")]) == 2
    assert "--containers" in capsys.readouterr().err
