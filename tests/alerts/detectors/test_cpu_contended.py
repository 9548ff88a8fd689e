"""Waiting for CPU without a quota in the way."""

from __future__ import annotations

import pytest

from alerts.detectors.cpu_contended import CpuContended
from model.limits import Limits
from tests.alerts.story import DB, WEB, Story, target


@pytest.mark.parametrize(
    ("pressure", "share", "host_cores", "seconds", "expected"),
    [
        (0.6, 0.0, 7.5, 40, True),
        (0.6, 0.0, 7.5, 10, False),  # too short
        (0.3, 0.0, 7.5, 40, False),  # hardly waits
        (0.6, 0.2, 7.5, 40, False),  # its quota is what holds it
        (0.6, 0.0, 3.0, 40, False),  # the host has room: something else holds it
    ],
)
def test_table(pressure: float, share: float, host_cores: float, seconds: int, expected: bool) -> None:
    story = Story()
    story.host_values["cpu_usage_cores"] = host_cores
    for _ in range(seconds):
        snapshot = story.tick({WEB: {"cpu_pressure_some_ratio": pressure, "cpu_throttled_periods_ratio": share}})
    findings = story.ask(CpuContended, snapshot)
    assert bool(findings) is expected
    for finding in findings:
        assert finding.knob is None
        assert "94 % busy" in finding.summary


@pytest.mark.parametrize(
    ("neighbour", "where", "expected"),
    [
        (0.5, {3}, True),
        (0.1, {3}, False),  # its processor has room
        (0.5, {4}, False),  # elsewhere
    ],
)
def test_what_it_is_pinned_to_is_full_though_the_host_is_not(neighbour: float, where: set[int], expected: bool) -> None:
    story = Story()
    story.targets = {WEB: target(), DB: target(DB, "db")}
    story.limits = {WEB: Limits(cpus=frozenset({3})), DB: Limits(cpus=frozenset(where))}
    story.host_values["cpu_usage_cores"] = 1.0
    for _ in range(40):
        values = {"cpu_pressure_some_ratio": 0.6, "cpu_throttled_periods_ratio": 0.0, "cpu_usage_cores": 0.45}
        snapshot = story.tick({WEB: values, DB: {"cpu_usage_cores": neighbour}})
    findings = story.ask(CpuContended, snapshot)
    assert bool(findings) is expected
    for finding in findings:
        assert "the CPUs that it is pinned to (3) are 95 % busy" in finding.summary
        assert "more CPUs" in finding.advice


def test_a_host_without_pressure_figures_is_silent() -> None:
    story = Story()
    story.host_values["cpu_usage_cores"] = 8.0
    for _ in range(40):
        snapshot = story.tick({WEB: {"cpu_usage_cores": 1.0}})
    assert story.ask(CpuContended, snapshot) == []
