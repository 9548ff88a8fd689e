"""Rule files: what every key means, and the exact error of every bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.defaults import DEFAULT_RULES
from alerts.detectors.all import NAMES
from alerts.rulefile import parse
from alerts.rules import load
from config.schema import AlertSettings
from model.alert import Condition, RuleAction, Selector, Severity
from model.errors import InvalidInput
from tests.alerts.story import MIB, only

DATA = Path(__file__).parent / "testdata"
EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"
BAD = sorted(DATA.glob("*.bad.toml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.removesuffix(".bad.toml"))
def test_a_bad_file_gets_its_exact_error(path: Path) -> None:
    text = path.read_text()
    expected = [line.removeprefix("# error: ") for line in text.splitlines() if line.startswith("# error: ")]
    assert expected
    with pytest.raises(InvalidInput) as caught:
        parse(text, "X")
    assert sorted(str(fault) for fault in caught.value.faults) == sorted(expected)


def test_there_are_enough_bad_files() -> None:
    assert len(BAD) >= 40


def test_every_key() -> None:
    rules = parse((DATA / "every_key.toml").read_text(), "X")
    busy = only(rules, "Busy")
    assert busy.condition == Condition(
        "cpu_usage_cores", "cpu_limit_cores", "p95", ">=", threshold=0.85, window_s=300.0
    )
    assert (busy.severity, busy.for_s, busy.keep_firing_for_s) == (Severity.CRITICAL, 90.0, 600.0)
    assert busy.selector == Selector(
        ("web*", "api"), ("shop",), ("registry.example/*",), ("harbour*",), {"tier": "front*"}
    )
    assert busy.action == RuleAction("cpu", 0.25, relative=True, max=2.0, hold_s=3600.0, revert=True)
    assert (busy.labels, busy.source) == ({"team": "shop"}, "X")
    assert set(busy.annotations) == {"summary", "runbook_url"}
    full = only(rules, "Full")
    assert full.condition.threshold == 400 * MIB
    assert full.action == RuleAction("memory", 64.0 * MIB, relative=False, max=2048.0 * MIB)
    throttled = only(rules, "CpuThrottled")
    assert throttled.condition == Condition(detector="cpu_throttled")
    assert (throttled.severity, throttled.for_s, throttled.keep_firing_for_s) == (Severity.CRITICAL, 60.0, 60.0)
    assert not only(rules, "MemoryNearLimit").enabled
    assert only(rules, "HeldInShop").condition.detector == "cpu_throttled"
    assert only(rules, "DiskFull").condition.of_host
    assert only(rules, "HostBusy").condition.of_host


def test_every_detector_has_a_default_rule_that_is_on() -> None:
    rules = load(AlertSettings(rules=[]))
    assert {rule.condition.detector for rule in rules} == set(NAMES)
    assert all(rule.enabled for rule in rules)
    for name in ("CpuThrottled", "MemoryNearLimit"):
        rule = only(rules, name)
        assert rule.severity is Severity.WARNING
        assert rule.for_s <= 30
    assert load(AlertSettings(rules=[], default_rules=False)) == ()
    assert rules == DEFAULT_RULES


def test_files_come_after_the_defaults_and_take_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[rule]]\nname = "CpuThrottled"\nfor = "1m"\n')
    (tmp_path / "b.toml").write_text('[[rule]]\nname = "Mine"\nmetric = "pids"\nthreshold = 100\n')
    rules = load(AlertSettings(rules=[f"{tmp_path}/*.toml"]))
    assert only(rules, "CpuThrottled").for_s == 60
    assert only(rules, "CpuThrottled").source == f"{tmp_path}/a.toml"
    assert [rule.name for rule in rules][-1] == "Mine"
    assert load(AlertSettings(rules=[f"{tmp_path}/no/*.toml"])) == DEFAULT_RULES


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[rule]]\nname = "Mine"\nmetric = "pids"\nthreshold = 100\n')
    (tmp_path / "b.toml").write_text('[[rule]]\nname = "Mine"\nmetric = "pids"\nthreshold = 100\n')
    (tmp_path / "c.toml").write_bytes(b"\xff")
    (tmp_path / "d.toml").write_text("[[rule]]\n")
    with pytest.raises(InvalidInput) as caught:
        load(AlertSettings(rules=[f"{tmp_path}/*.toml", f"{tmp_path}/missing.toml"]))
    assert [str(fault) for fault in caught.value.faults] == [
        f"{tmp_path}/b.toml: rule Mine is in {tmp_path}/a.toml already: name it once",
        f"{tmp_path}/c.toml: is not UTF-8 text: save it as UTF-8",
        f"{tmp_path}/d.toml: rule[0].name: is missing: give the rule a name of 1 to 100 characters",
        f"{tmp_path}/d.toml: rule[0]: has no condition: give it a metric and a threshold, or a detector",
        f"{tmp_path}/missing.toml: cannot be read (No such file or directory): make it readable, or leave it out",
    ]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_the_examples_load(path: Path) -> None:
    assert parse(path.read_text(), str(path))


def test_there_are_examples() -> None:
    assert list(EXAMPLES.glob("*.toml"))
