"""What is given to Prometheus and Grafana: taken by promtool, well formed, each alert fired by a series made for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.boards import DEPLOY, RULES, board, panel_queries, rule_queries
from tests.support.missing import missing
from tools.servers.process import Missing, find_binary

STORY = Path(__file__).with_name("rules.test.yml")


@pytest.fixture(scope="module")
def promtool() -> str:
    try:
        return find_binary("promtool", "prometheus")
    except Missing as reason:
        missing(reason)


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_prometheus_takes_configuration_and_rules(promtool: str, tmp_path: Path) -> None:
    for path in (DEPLOY / "prometheus").iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "token").write_text("a token of the test")
    run(promtool, "check", "config", str(tmp_path / "prometheus.yml"))


@pytest.mark.prometheus
def test_every_rule_fires_on_what_it_is_for(promtool: str, tmp_path: Path) -> None:
    story = tmp_path / "story.yml"
    story.write_text(STORY.read_text().replace("[RULES]", f"[{RULES}]"))
    run(promtool, "test", "rules", str(story))
    told = {case["alertname"] for test in yaml.safe_load(STORY.read_text())["tests"] for case in test["alert_rule_test"]
            if case["exp_alerts"]}  # fmt: skip
    assert told == {name for name, _ in rule_queries()}


@pytest.mark.parametrize(("name", "key"), [("prometheus", "expr"), ("influxdb", "query")])
def test_a_dashboard_is_whole(name: str, key: str) -> None:
    document = board(name)
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(list(panel_queries(name, key))) >= len(panels)
    assert document["uid"] == f"wharfinger-{name}"
    assert "id" not in document, "Grafana gives one"
    places = [panel["gridPos"] for panel in panels]
    cells = [(p["x"] + i, p["y"] + j) for p in places for i in range(p["w"]) for j in range(p["h"])]
    assert len(cells) == len(set(cells)), "no panel lies on another"
    assert all(p["x"] + p["w"] <= 24 for p in places)
    sources = {panel["datasource"]["uid"] for panel in panels}
    assert sources == {"${datasource}"}
