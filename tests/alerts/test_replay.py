"""Rules tried on history: the same answer as they gave live, from the store's own file, by the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.replay import replay
from cli.main import main
from config.schema import Settings, StoreSettings
from daemon.build import host_name, series_path
from daemon.clock import now_ms
from daemon.replayer import Replayer
from model.alert import Condition, Rule, Severity
from model.errors import InvalidInput, StoreError
from model.limits import Limits
from storage.factory import open_series_writer
from storage.recent import RecentMemory
from tests.alerts.story import WEB, Story

RULES = '[[rule]]\nname = "Busy"\nmetric = "cpu_usage_cores"\nthreshold = 1\nwindow = "10s"\nfor = "5s"\n'


def busy_minute(story: Story, second: int) -> dict[str, dict[str, float]]:
    """Busy from the 60th to the 120th second."""
    return {
        WEB: {"cpu_usage_cores": 2.0 if 60 <= second < 120 else 0.1, "pids": 3.0, "cpu_throttled_periods_ratio": 0.0}
    }


def test_a_rule_fires_once_and_ends() -> None:
    story, rule = (
        Story(),
        Rule("Busy", Severity.WARNING, Condition("cpu_usage_cores", threshold=1.0, window_s=10.0), for_s=5.0),
    )
    snapshots = [story.tick(busy_minute(story, second)) for second in range(300)]
    (firing,) = replay((rule,), snapshots, RecentMemory(), "harbour")
    start = snapshots[0].at_ms
    assert (firing.rule, firing.name) == ("Busy", "web")
    assert 65_000 <= firing.started_at_ms - start <= 72_000
    assert firing.ended_at_ms is not None
    assert 123_000 <= firing.ended_at_ms - start <= 128_000


def test_a_detector_is_replayed_and_what_still_fires_has_no_end() -> None:
    story, rule = Story(), Rule("CpuThrottled", Severity.WARNING, Condition(detector="cpu_throttled"), for_s=10.0)
    snapshots = [story.cpu(1.0 if second > 30 else 0.0, 0.2) for second in range(90)]
    (firing,) = replay((rule,), snapshots, RecentMemory(), "harbour")
    assert firing.ended_at_ms is None
    assert firing.summary.startswith("Held back by its CPU limit.")


def test_the_command_asks_the_store_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[agent]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\nhost_name = "harbour"\n'
        f'[alerts]\nrules = ["{tmp_path}/rules.toml"]\n'
    )
    settings = Settings()
    settings = type(settings)(agent=type(settings.agent)(data_dir=str(tmp_path), host_name="harbour"))
    writer = open_series_writer(series_path(settings), StoreSettings(), host_name(settings))
    story = Story()
    story.now_ms = now_ms() // 1000 * 1000 - 400_000
    for second in range(300):
        writer.append(story.tick(busy_minute(story, second), limits={WEB: Limits(cpu_cores=4.0)}))
    writer.close()
    assert main(["--config", str(config), "alerts", "rules", "--against", "1h", "--json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert [(item["rule"], item["name"]) for item in items] == [("Busy", "web")]
    assert items[0]["ended_at"] is not None
    assert main(["--config", str(config), "alerts", "rules", "--against", "2m"]) == 0
    assert "no rule would have fired in 2m" in capsys.readouterr().out


def test_the_web_process_asks_a_process_of_its_own(tmp_path: Path) -> None:
    settings = Settings()
    settings = type(settings)(agent=type(settings.agent)(data_dir=str(tmp_path), host_name="harbour"))
    writer = open_series_writer(series_path(settings), StoreSettings(), "harbour")
    story = Story()
    for second in range(300):
        writer.append(story.tick(busy_minute(story, second), limits={WEB: Limits(cpu_cores=4.0)}))
    writer.close()
    replayer = Replayer(settings)
    (item,) = replayer(RULES, story.now_ms - 300_000, story.now_ms)
    assert (item["rule"], item["name"], item["severity"]) == ("Busy", "web", "warning")
    with pytest.raises(InvalidInput) as caught:
        replayer(RULES.replace("threshold", "treshold"), story.now_ms - 300_000, story.now_ms)
    assert any("did you mean threshold" in fault.message for fault in caught.value.faults)
    with pytest.raises(StoreError, match="took more than 0 s: try fewer rules"):
        Replayer(settings, limit_s=0.0)(RULES, story.now_ms - 300_000, story.now_ms)
