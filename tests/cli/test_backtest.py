"""``wharfinger backtest``: the fixed JSON form, the table, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main

CSV = "t_s,container,cpu_cores,memory_bytes\n0,web,0.4,80000000\n200,web,0.6,90000000\n"


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "own.csv"
    path.write_text(CSV)
    return str(path)


def test_json_has_the_fixed_form(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", trace, "--policy", "static,unlimited", "--seeds", "1", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert list(out) == ["traces", "seeds", "policies"]
    assert out["traces"] == ["web"]
    assert list(out["policies"]) == ["static", "unlimited"]
    assert out["policies"]["static"]["cpu_allocation_cores"] == {"mean": 2.0, "min": 2.0, "max": 2.0}


def test_the_table_names_every_policy(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", trace, "--policy", "static"]) == 0
    out = capsys.readouterr().out
    assert "throttled %" in out
    assert "static" in out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["rps", "--store"],
        ["rps", "--policy", "best"],
        ["rps", "--policy", ","],
        ["rps", "--seeds", "0"],
        ["rps", "--cv", "9"],
        ["rps", "--cpu-min", "little"],
        ["rps", "--cpu-start", "0"],
        ["rps", "--memory-peak-window", "10"],
        ["rps", "--memory-start-ratio", "0.5"],
        ["--store", "--since", "x"],
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", *words]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_trace_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", "nowhere.csv"]) == 1
    assert "nowhere.csv" in capsys.readouterr().err


def test_an_empty_store_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WHARFINGER_AGENT__DATA_DIR", str(tmp_path))
    assert main(["backtest", "--store", "--since", "1h", "--policy", "static"]) == 1
    assert capsys.readouterr().err.strip()
