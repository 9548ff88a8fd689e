"""A step that fails hurts nobody, is told once, and is counted."""

from __future__ import annotations

import logging

import pytest

from daemon.steps import Steps


def test_a_step_gives_its_result_and_is_counted() -> None:
    steps = Steps()
    assert steps.run("add", lambda a, b: a + b, 2, 3) == 5
    record = steps.records()["add"]
    assert (record.runs, record.failures, record.fault) == (1, 0, "")


def test_a_repeated_fault_is_logged_once_and_its_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps()
    broken = True

    def step() -> str:
        if broken:
            raise ValueError("disk full")
        return "done"

    with caplog.at_level(logging.INFO):
        assert [steps.run("series", step) for _ in range(3)] == [None] * 3
        assert steps.fault_of("series") == "ValueError: disk full"
        broken = False
        assert steps.run("series", step) == "done"
    assert [r.levelname for r in caplog.records] == ["ERROR", "INFO"]
    assert steps.records()["series"].failures == 3
    assert steps.fault_of("series") == ""


def test_another_fault_of_the_same_step_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps()
    for text in ("one", "one", "two"):
        steps.run("x", exec, f"raise RuntimeError({text!r})")
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 2
