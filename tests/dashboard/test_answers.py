"""Answers that are the same for everybody are made once a tick; narrowed figures are those that were asked for."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from dashboard.answers import Answers
from dashboard.narrow import narrowed, wanted_of
from tests.dashboard.conftest import Site
from tests.dashboard.scripted import frame


def test_an_answer_is_made_once_a_tick_for_each_question() -> None:
    answers, first = Answers(), frame()
    made: list[str] = []

    def make(name: str) -> list[str]:
        made.append(name)
        return [name]

    assert answers.of(first, "a", lambda: make("a")).body == b'["a"]'
    assert answers.of(first, "a", lambda: make("a")).body == b'["a"]'
    assert answers.of(first, "b", lambda: make("b")).body == b'["b"]'
    assert made == ["a", "b"]
    later = replace(first, at_ms=first.at_ms + 1000)
    answers.of(later, "a", lambda: make("a"))
    assert made == ["a", "b", "a"]


def test_a_fault_is_raised_and_not_kept() -> None:
    answers, tick = Answers(), frame()

    def fail() -> object:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        answers.of(tick, "a", fail)
    assert answers.of(tick, "a", lambda: 1).body == b"1"


def test_the_list_follows_the_tick_and_is_tagged_and_packed(site: Site) -> None:
    plain = site.get("/api/v1/containers")
    packed = site.get("/api/v1/containers", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"] == plain.headers["ETag"]
    if "Content-Encoding" in packed.headers:
        assert gzip.decompress(packed.data) == plain.data
    assert site.get("/api/v1/containers", headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304
    before = site.agent.frame()
    assert before is not None
    key = next(iter(before.targets))
    site.agent.publish(replace(before, targets={key: before.targets[key]}, at_ms=before.at_ms + 1000))
    assert [item["id"] for item in site.get("/api/v1/containers").json["items"]] == [key]


def test_one_question_is_not_answered_with_another_ones_answer(site: Site) -> None:
    assert len(site.get("/api/v1/containers?limit=1").json["items"]) == 1
    assert len(site.get("/api/v1/containers").json["items"]) > 1
    assert site.get("/api/v1/containers?limit=0").status_code == 422


def test_latest_values_are_narrowed_where_that_is_asked(site: Site) -> None:
    whole = site.get("/api/v1/containers").json["items"][0]["latest"]
    narrow = site.get("/api/v1/containers?metrics=cpu_usage_cores").json["items"][0]["latest"]
    assert set(narrow) == {"cpu_usage_cores"} & set(whole)
    assert site.get("/api/v1/containers?metrics=nonsense").status_code == 422


def test_figures_are_rounded_to_their_resolution() -> None:
    wanted = wanted_of(("memory_usage_bytes", "cpu_usage_cores", "pids"))
    values = {"cpu_usage_cores": 1.23456789, "memory_usage_bytes": 4096.4, "io_pressure_some_ratio": 0.5}
    assert narrowed(values, wanted) == {"cpu_usage_cores": 1.2346, "memory_usage_bytes": 4096}
    assert narrowed({"pids": float("nan")}, wanted) == {"pids": None}
