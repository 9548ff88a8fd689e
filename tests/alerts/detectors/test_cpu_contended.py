"""Waiting for CPU without a quota in the way."""

from __future__ import annotations

import pytest

from alerts.detectors.cpu_contended import CpuContended
from tests.alerts.story import WEB, Story


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


def test_a_host_without_pressure_figures_is_silent() -> None:
    story = Story()
    story.host_values["cpu_usage_cores"] = 8.0
    for _ in range(40):
        snapshot = story.tick({WEB: {"cpu_usage_cores": 1.0}})
    assert story.ask(CpuContended, snapshot) == []
