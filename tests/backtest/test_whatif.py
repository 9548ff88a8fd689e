"""What if, on a real store: a container that was held back at its quota, judged under other policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.schema import Settings, StoreSettings
from daemon.aside import Aside
from daemon.build import series_path
from daemon.whatif import Backtester
from model.errors import InvalidInput, NotThere, Refused, StoreError
from model.limits import Limits
from model.whatif import WhatIf
from storage.factory import open_series_writer
from tests.alerts.story import WEB, Story

SECONDS = 300
MIB = 1 << 20


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, WhatIf]:
    """Five minutes of a container that uses all of its half core and is cut short in four periods of ten."""
    settings = Settings()
    folder = tmp_path_factory.mktemp("whatif")
    settings = replace(settings, agent=replace(settings.agent, data_dir=str(folder), host_name="harbour"))
    writer = open_series_writer(series_path(settings), StoreSettings(), "harbour")
    story = Story()
    for second in range(SECONDS):
        values = {
            "cpu_usage_cores": 0.48 + 0.02 * (second % 2),
            "cpu_throttled_periods_ratio": 0.4,
            "cpu_limit_cores": 0.5,
            "memory_working_set_bytes": 100.0 * MIB,
            "memory_limit_bytes": 256.0 * MIB,
        }
        writer.append(story.tick({WEB: values}, limits={WEB: Limits(cpu_cores=0.5, memory_bytes=256 * MIB)}))
    writer.close()
    asked = WhatIf(
        container_id=WEB, name="web", since_ms=story.now_ms - 1000 * SECONDS, until_ms=story.now_ms + 1000,
        policies=("static", "latency", "unlimited"), seeds=1, cpu_start=0.5, memory_start=256.0 * MIB, cpu_min=None,
        cpu_max=2.0, memory_min=None, memory_max=None, shrink_memory=False, cores=4.0, v2=False,
    )  # fmt: skip
    return settings, asked


def test_a_held_back_container_is_let_go_and_what_that_costs_is_said(kept: tuple[Settings, WhatIf]) -> None:
    settings, asked = kept
    answer = Backtester(settings)(asked)
    assert (answer["traces"], answer["seconds"]) == (["web"], SECONDS)
    measured = answer["measured"]
    assert isinstance(measured, dict)
    assert measured["throttled_period_ratio"] == pytest.approx(0.4)
    assert measured["cpu_allocation_cores"] == pytest.approx(0.5)
    assert measured["memory_allocation_bytes"] == pytest.approx(256 * MIB)
    assert measured["changes_per_container_hour"] == measured["oom_kills_per_container_day"] == 0
    policies = answer["policies"]
    assert isinstance(policies, dict)
    static, latency, free = (policies[name] for name in asked.policies)
    assert static["cpu_allocation_cores"]["mean"] == pytest.approx(0.5)
    assert static["memory_allocation_bytes"]["mean"] == pytest.approx(256 * MIB)
    assert static["changes_per_container_hour"]["mean"] == 0
    assert latency["throttled_period_ratio"]["mean"] < static["throttled_period_ratio"]["mean"] / 2
    assert 0.5 < latency["cpu_allocation_cores"]["mean"] <= 2.0
    assert free["throttled_period_ratio"]["mean"] == 0
    assert free["cpu_allocation_cores"]["mean"] is None, "no limit is no number"
    assert all(numbers["invariant_violations"]["mean"] == 0 for numbers in policies.values())


def test_one_without_limits_begins_without(kept: tuple[Settings, WhatIf]) -> None:
    settings, asked = kept
    free = replace(asked, cpu_start=None, memory_start=None, policies=("static", "balanced"))
    policies = Backtester(settings)(free)["policies"]
    assert isinstance(policies, dict)
    assert policies["static"]["cpu_allocation_cores"]["mean"] is None
    assert policies["balanced"]["oom_kills_per_container_day"]["mean"] == 0


def test_what_cannot_be_answered_says_why(kept: tuple[Settings, WhatIf]) -> None:
    settings, asked = kept
    with pytest.raises(InvalidInput, match="no policy 'bold'"):
        Backtester(settings)(replace(asked, policies=("bold",)))
    with pytest.raises(NotThere, match="no minute of it"):
        Backtester(settings)(replace(asked, container_id="f" * 64))
    with pytest.raises(StoreError, match="took more than 0 s: choose a shorter range"):
        Backtester(settings, limit_s=0.0)(asked)


def test_only_one_runs_and_one_that_needs_too_much_memory_ends_alone() -> None:
    aside = Aside("thing", "ask for less")
    with pytest.raises(StoreError, match="more than 512 MiB"):
        aside.ask(bytearray, 1 << 30)
    assert aside.ask(len, b"abc") == 3, "the turn was given back"
    aside._turn.acquire()
    with pytest.raises(Refused, match="another thing is running"):
        aside.ask(len, b"abc")
