"""What the pages say is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.defaults import DEFAULT_RULES
from alerts.detectors.all import NAMES
from alerts.notify.kinds import NOTIFIERS
from alerts.observe import PLACEHOLDERS
from alerts.rulefile import METRIC_KEYS, parse
from alerts.words import say_duration
from model.alert import Rule

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = (DOCS / "alerts.md").read_text()
DETECTORS_PAGE = (DOCS / "detectors.md").read_text()
KEYS = (
    "name",
    "detector",
    "for",
    "keep_firing_for",
    "severity",
    "enabled",
    "hours",
    "selector",
    "labels",
    "annotations",
    "action",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_detector_has_its_row(name: str) -> None:
    assert f"| `{name}` |" in DETECTORS_PAGE


@pytest.mark.parametrize("row", DEFAULT_RULES, ids=lambda rule: rule.name)
def test_every_default_rule_stands_as_it_is(row: Rule) -> None:
    times = f"{say_duration(row.for_s)} | {minutes(row.keep_firing_for_s)}"
    assert f"| `{row.name}` | detector `{row.condition.detector}` | {row.severity.value} | {times} |" in ALERTS


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"


@pytest.mark.parametrize("key", [*KEYS, *METRIC_KEYS])
def test_every_key_of_a_rule_is_explained(key: str) -> None:
    assert f"| `{key}` |" in ALERTS


@pytest.mark.parametrize("kind", sorted(NOTIFIERS))
def test_every_kind_of_receiver_has_its_row(kind: str) -> None:
    assert f"| `{kind}` |" in ALERTS


def test_the_rules_on_the_page_load() -> None:
    blocks = [b for b in re.findall(r"```toml\n(.*?)```", ALERTS, re.DOTALL) if "[[rule]]" in b]
    assert blocks
    for block in blocks:
        (rule,) = parse(block, "docs/alerts.md")
        assert rule.action is not None


def test_every_placeholder_is_named() -> None:
    assert set(PLACEHOLDERS) <= set(re.findall(r"`\{(\w+)\}`", ALERTS))
