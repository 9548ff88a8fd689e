"""A rule file as text → rules, or every fault in it with its place and the nearest right word. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from alerts.condition import ABSENT, COMPARISONS, FUNCTIONS
from alerts.defaults import DEFAULT_RULES
from alerts.detectors.all import NAMES
from alerts.hours import hours_in
from alerts.messages import RESERVED_LABELS
from alerts.observe import PLACEHOLDER, PLACEHOLDERS, unit_of_condition
from alerts.table import Table, kind_of, nearest
from config.values import parse_size, shown
from model.alert import LIMIT_CHANGED, Condition, Rule, RuleAction, Selector, Severity
from model.errors import Fault, InvalidInput, Malformed
from model.metrics import METRIC_BY_NAME, base_name, spec_of

DAY: Final = 86400.0
RECENT_S: Final = 900.0
"""How far back the agent remembers seconds: a window can reach no further."""
DETECTOR_NAMES: Final = NAMES
SEVERITIES: Final = tuple(severity.value for severity in Severity)
METRIC_KEYS: Final = ("metric", "divisor", "function", "comparison", "threshold", "window", "of")
PERCENT: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
LABEL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEFAULTS: Final[Mapping[str, Rule]] = {rule.name: rule for rule in DEFAULT_RULES}

OF_MOUNTS: Final = ("host_disk_used_ratio", "host_disk_inodes_used_ratio")
"""Metrics with a series for each mount point."""


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """The rules of one file. ``source``: its path, for faults and for :attr:`Rule.source`. Raises InvalidInput."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput((Fault(source, f"is no TOML: {error}"),)) from None
    faults: list[Fault] = []
    for key in document:
        if key != "rule":
            faults.append(
                Fault(f"{source}: {key}", f"is no key here: rules are written as [[rule]]{nearest_rule(key)}")
            )
    entries = document.get("rule", [])
    if not isinstance(entries, list):
        raise InvalidInput((*faults, Fault(f"{source}: rule", "must be a list: write [[rule]] with two brackets")))
    rules = []
    for i, entry in enumerate(entries):
        path = f"{source}: rule[{i}]"
        if not isinstance(entry, dict):
            faults.append(Fault(path, f"must be a table, not {kind_of(entry)}: write [[rule]]"))
            continue
        rules.append(rule_of(Table(entry, path, faults), source))
    faults += repeated(rules, source)
    if faults:
        raise InvalidInput(tuple(faults))
    return tuple(rules)


def nearest_rule(key: str) -> str:
    """A hint for ``[[rules]]``."""
    return " (did you mean rule?)" if key in ("rules", "Rule", "alert", "alerts") else ""


def repeated(rules: Sequence[Rule], source: str) -> list[Fault]:
    """A fault for each name that stands twice in one file."""
    names = [rule.name for rule in rules]
    return [
        Fault(f"{source}: rule[{i}].name", f"{shown(name)} is taken by rule[{names.index(name)}]: name each rule once")
        for i, name in enumerate(names)
        if name and names.index(name) < i
    ]


def rule_of(table: Table, source: str) -> Rule:
    """One rule. A rule with the name of a default one and no condition of its own changes that one."""
    name = table.text("name")
    if not name.strip() or len(name) > 100 or not name.isprintable():
        table.fault("name", "is missing: give the rule a name of 1 to 100 characters")
    elif name == LIMIT_CHANGED:
        table.fault("name", f"{LIMIT_CHANGED} is the built-in alert about limit changes: choose another name")
    has_condition = "metric" in table or "detector" in table
    base = None if has_condition else DEFAULTS.get(name)
    condition = base.condition if base else condition_of(table)
    if base:
        refuse_metric_keys(table, f"needs a metric: without one this changes the default rule {name}")
    rule = Rule(
        name=name,
        severity=Severity(table.choice("severity", SEVERITIES, base.severity.value if base else "warning")),
        condition=condition,
        selector=selector_of(table),
        for_s=patience(table, "for", base.for_s if base else 0.0),
        keep_firing_for_s=patience(table, "keep_firing_for", base.keep_firing_for_s if base else 0.0),
        annotations=annotations_of(table),
        labels=labels_of(table),
        action=action_of(table),
        enabled=table.flag("enabled", True),
        hours=hours_in(table),
        source=source,
    )
    if rule.action is not None and condition.of_host:
        table.fault("action", "needs a container: a rule about the host has no limit to change")
    table.finish()
    return rule


def patience(table: Table, key: str, default: float) -> float:
    """``for`` and ``keep_firing_for``."""
    return table.duration(key, default, least=0, most=DAY, why="from 0 to 1d")


def refuse_metric_keys(table: Table, why: str) -> None:
    """A fault for each key that only a metric can have."""
    table.skip(*METRIC_KEYS)
    for key in METRIC_KEYS:
        if key in table:
            table.fault(key, why)


def condition_of(table: Table) -> Condition:
    """The condition: a detector's name, or a metric with function, comparison, threshold and window."""
    if "detector" in table:
        refuse_metric_keys(table, "cannot stand beside a detector, which has its own thresholds: keep one of the two")
        return Condition(detector=table.choice("detector", DETECTOR_NAMES, DETECTOR_NAMES[0]))
    table.skip("detector")
    if "metric" not in table:
        table.skip(*METRIC_KEYS)
        table.fault("", "has no condition: give it a metric and a threshold, or a detector")
        return Condition()
    of = table.choice("of", ("container", "host"), "container") if "of" in table else ""
    metric, of_host = metric_of(table, "metric", of)
    divisor = metric_of(table, "divisor", "host" if of_host else "container")[0] if "divisor" in table else None
    table.skip("of", "divisor")
    condition = Condition(
        metric=metric,
        divisor=divisor,
        function=table.choice("function", (*FUNCTIONS, ABSENT), "avg"),
        comparison=table.choice("comparison", tuple(COMPARISONS), ">"),
        window_s=table.duration(
            "window", 60.0, least=1, most=RECENT_S, why="from 1s to 15m, which is as far as the agent remembers"
        ),
        of_host=of_host,
    )
    if condition.function == ABSENT:
        table.skip("threshold")
        for key in ("threshold", "comparison", "divisor"):
            if key in table:
                table.fault(key, "cannot stand beside absent, which compares with nothing: leave it out")
        return condition
    if condition.function == "changed" and "threshold" not in table:
        return condition
    if "threshold" not in table:
        table.fault("threshold", "is missing: what is the metric compared with?")
    return replace(condition, threshold=table.quantity("threshold", threshold_parser(condition)) or 0.0)


def metric_of(table: Table, key: str, of: str) -> tuple[str | None, bool]:
    """A name of the catalogue, and whether it is the host's. ``of``: container, host, or empty for what fits."""
    name = table.text(key)
    spec = spec_of(name) if name else None
    if spec is None:
        if name:
            table.fault(key, f"{shown(name)} is no metric{nearest(base_name(name), tuple(METRIC_BY_NAME))}")
        return None, False
    if spec.scope == "host" and of == "container":
        table.fault(key, f"{name} is the host's, not a container's")
    if spec.scope == "container" and of == "host":
        table.fault(key, f"{name} is a container's, not the host's")
    if spec.name in OF_MOUNTS and "{" not in name:
        table.fault(key, f"needs its mount point: write {spec.name}{{/}}")
    return name, spec.scope == "host" or of == "host"


def threshold_parser(condition: Condition) -> Callable[[str], float]:
    """How a threshold that is a text is read: ``90%`` of a ratio, ``512m`` of bytes."""
    unit = unit_of_condition(condition) if condition.metric else "1"

    def parsed(text: str) -> float:
        if unit == "ratio":
            return percent(text, "write 0.9 or 90%")
        if unit in ("bytes", "bytes/s"):
            return float(parse_size(text))
        raise Malformed("must be a number, without quotes")

    return parsed


def percent(text: str, remedy: str) -> float:
    """``25%`` → 0.25. Raises Malformed."""
    digits = text.strip().removesuffix("%").strip()
    if not text.strip().endswith("%") or not PERCENT.fullmatch(digits):
        raise Malformed(f"{shown(text)} is no percentage: {remedy}")
    return float(digits) / 100


def selector_of(rule: Table) -> Selector:
    """Globs on name, group, image, host and labels."""
    table = rule.table("selector")
    if table is None:
        return Selector()
    selector = Selector(
        name=table.texts("name"),
        group=table.texts("group"),
        image=table.texts("image"),
        host=table.texts("host"),
        labels=table.mapping("labels"),
    )
    table.finish()
    return selector


def annotations_of(table: Table) -> dict[str, str]:
    """Texts whose names in braces are known."""
    annotations = table.mapping("annotations")
    for key, text in annotations.items():
        for word in PLACEHOLDER.findall(text):
            if word not in PLACEHOLDERS:
                table.fault(f"annotations.{key}", f"{{{word}}} stands for nothing{nearest(word, PLACEHOLDERS)}")
    return annotations


def labels_of(table: Table) -> dict[str, str]:
    """Labels that the rule adds; none may hide one that every alert has."""
    labels = table.mapping("labels")
    for key in labels:
        if key in RESERVED_LABELS:
            table.fault(f"labels.{key}", "is a label that every alert has: choose another name")
        elif not LABEL_NAME.fullmatch(key):
            table.fault(f"labels.{key}", "is no label name: use letters, digits and underscores")
    return labels


def action_of(rule: Table) -> RuleAction | None:
    """``knob``, ``by`` (``25%`` or cores or bytes), ``max``, ``hold``, ``revert``."""
    table = rule.table("action")
    if table is None:
        return None
    knob = table.choice("knob", ("cpu", "memory"), "cpu")
    if "knob" not in table:
        table.fault("knob", "is missing: cpu or memory")
    least, remedy = (0.01, "cores such as 0.5") if knob == "cpu" else (6.0 * 1024 * 1024, "a size such as 256m")
    steps: list[bool] = []

    def step(text: str) -> float:
        steps.append("%" in text)
        return percent(text, f"write 25%, or {remedy}") if "%" in text else amount(knob, text, remedy)

    by = table.quantity("by", step)
    most = table.quantity("max", lambda text: amount(knob, text, remedy))
    for key, value in (("by", by), ("max", most)):
        if key not in table:
            table.fault(key, f"is missing: {'25%, or ' if key == 'by' else ''}{remedy}")
        elif value is not None and value <= 0:
            table.fault(key, "must be above 0: a rule raises a limit, and revert puts it back")
    if most is not None and 0 < most < least:
        table.fault("max", f"is too small to be a limit: write {remedy}")
    action = RuleAction(
        knob=knob,
        by=by or 0.0,
        relative=any(steps),
        max=most or 0.0,
        hold_s=table.duration("hold", 0.0, least=0, most=30 * DAY, why="from 0 to 30d"),
        revert=table.flag("revert", False),
    )
    table.finish()
    return action


def amount(knob: str, text: str, remedy: str) -> float:
    """Cores or bytes of a text. Raises Malformed."""
    if knob == "memory":
        return float(parse_size(text))
    try:
        value = float(text)
    except ValueError:
        raise Malformed(f"{shown(text)} is no number of cores: write {remedy}") from None
    if not 0 <= value <= 4096:
        raise Malformed(f"{shown(text)} is no number of cores: write {remedy}")
    return value
