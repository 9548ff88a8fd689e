"""The Grafana dashboards and Prometheus rules of ``deploy/`` as tests read them: their queries, variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
GRAFANA = DEPLOY / "grafana"
RULES = DEPLOY / "prometheus/rules.yml"
OURS = re.compile(r"\b(?:container|wharfinger|machine)_[a-z0-9_]+\b")
VALUES = {
    "$__rate_interval": "10s",
    "$__range": "1h",
    "$__interval": "10s",
    "$timeFilter": "time > now() - 1h",
    "$instance": ".*",
    "$name": ".*",
    "$host": ".*",
    "$container": ".*",
}


def board(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GRAFANA / f"wharfinger-{name}.json").read_text())
    return document


def filled(text: str) -> str:
    """A query as Grafana sends it, for everything and the last hour."""
    for variable, value in VALUES.items():
        text = text.replace(variable, value)
    assert "$" not in text.replace("^.*$", ""), text
    return text


def panel_queries(name: str, key: str) -> Iterator[tuple[str, str]]:
    """(panel's title, query) of each target; ``key``: ``expr`` or ``query``."""
    for panel in board(name)["panels"]:
        for target in panel["targets"]:
            yield panel["title"], filled(target[key])


def rule_queries() -> Iterator[tuple[str, str]]:
    """(alert's name, expression) of each rule."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def metrics_in(query: str) -> set[str]:
    return set(OURS.findall(query))
