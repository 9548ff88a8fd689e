"""The command line: help, exit codes, one-line errors, forms that programs read."""

from __future__ import annotations

import csv
import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from cli.main import COMMANDS, build_parser, main, module_of
from cli.table import knobs, printable, size, table
from config.schema import StoreSettings
from storage.factory import open_series_writer
from tests.storage.hosts import snapshot


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = main(list(words))
    except SystemExit as ended:
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert "--config" in out
    assert "--log-level" in out
    assert callable(module_of(name).run)


def test_the_whole_parser_builds() -> None:
    assert "limits" in build_parser(None).format_help()


def test_the_common_flags_stand_before_or_after_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[nope]\n")
    for words in (("--config", str(config), "check-config"), ("check-config", "--config", str(config))):
        code, _, err = run(capsys, *words)
        assert code == 2
        assert "nope" in err


def test_an_unknown_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "watch")
    assert code == 2
    assert "invalid choice" in err


def test_version_names_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "version", "--json")
    assert code == 0
    assert json.loads(out)["version"].count(".") == 2


@pytest.mark.parametrize("command", ["run", "agent", "web", "check-config", "doctor", "health"])
def test_a_bad_configuration_starts_nothing_and_tells_every_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[agent]\nintervall_s = 1\n[web]\nlisten = "nowhere"\n[limits]\nmode = 3\n')
    code, _, err = run(capsys, command, "--config", str(config))
    assert code == 2
    lines = err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("wharfinger: ") for line in lines)
    assert any("interval_s" in line for line in lines)


def test_a_good_configuration_is_said_to_be_good(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHARFINGER_ALERTS__RULES", str(tmp_path / "*.toml"))
    monkeypatch.setenv("WHARFINGER_WEB__API_TOKEN", "a-very-secret-token")
    code, out, _ = run(capsys, "check-config")
    assert code == 0
    assert out.startswith("the configuration is good")
    code, out, _ = run(capsys, "check-config", "--show")
    assert code == 0
    assert "a-very-secret-token" not in out
    assert json.loads(out)["agent"]["interval_s"] == 1.0


def test_without_an_agent_a_question_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHARFINGER_AGENT__RUN_DIR", str(tmp_path))
    for words in (("limits", "plan"), ("limits", "list"), ("alerts", "list"), ("limits", "pause")):
        code, out, err = run(capsys, *words)
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        assert "is wharfinger running?" in err


def test_users_and_tokens(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHARFINGER_AGENT__DATA_DIR", str(tmp_path))
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    assert run(capsys, "user", "add", "ann", "--role", "admin", "--password-file", str(password))[0] == 0
    code, _, err = run(capsys, "user", "add", "ann", "--password-file", str(password))
    assert code == 1
    assert "already" in err
    code, _, err = run(capsys, "user", "remove", "ann")
    assert code == 1
    assert "last admin" in err
    password.write_text("short\n")
    code, _, err = run(capsys, "user", "password", "ann", "--password-file", str(password))
    assert code == 2
    assert "too short" in err
    assert json.loads(run(capsys, "user", "list", "--json")[1])["items"][0]["name"] == "ann"

    code, out, _ = run(capsys, "token", "create", "ci", "--role", "operator", "--expires", "90d")
    token = out.strip()
    assert code == 0
    assert token.startswith("whf_")
    listed = run(capsys, "token", "list", "--json")[1]
    assert token not in listed
    assert json.loads(listed)["items"][0]["role"] == "operator"
    assert run(capsys, "token", "revoke", "ci")[0] == 0
    assert run(capsys, "token", "revoke", "ci")[0] == 1


def test_a_query_exports_the_same_points_in_every_form(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds 4 and 5 are missing; points of 3 s hold the mean of what is there."""
    monkeypatch.setenv("WHARFINGER_AGENT__DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WHARFINGER_AGENT__HOST_NAME", "web-1")
    writer = open_series_writer(tmp_path / "series.db", StoreSettings(), "web-1")
    start_s = (int(time.time()) - 60) // 3 * 3
    for i in (0, 1, 2, 3, 6, 7):
        writer.append(snapshot((start_s + i) * 1000, {"a" * 64: {"cpu_usage_cores": i / 2}}))
    writer.close()
    words = ("query", "cpu_usage_cores", "--container", "a" * 64, "--since", "10m", "--step", "3s")
    means = [(start_s * 1000 + at, value) for at, value in ((0, 0.5), (3000, 1.5), (6000, 3.25))]

    def told(form: str) -> str:
        code, out, err = run(capsys, *words, form)
        assert (code, err) == (0, "")
        return out

    answer = json.loads(told("--json"))
    (series,) = answer["series"]
    points = [(answer["t0"] + i * answer["step_ms"], v) for i, v in enumerate(series["avg"]) if v is not None]
    assert points == means
    assert [(v, w) for v, w in zip(series["min"], series["max"], strict=True) if v is not None] == [
        (0.0, 1.0),
        (1.5, 1.5),
        (3.0, 3.5),
    ]
    rows = list(csv.reader(told("--csv").splitlines()))
    assert rows[0] == ["time", f"{'a' * 64} cpu_usage_cores"]
    assert [(epoch_ms(at), float(value)) for at, value in rows[1:]] == means
    lines = [json.loads(line) for line in told("--jsonl").splitlines()]
    assert [(epoch_ms(line["at"]), line["values"]["cpu_usage_cores"]) for line in lines] == means
    assert told("--line-protocol").splitlines() == [
        f"container,container={'a' * 64},host=web-1 cpu_usage_cores={value} {at}" for at, value in means
    ]


def epoch_ms(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def test_a_query_without_history_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHARFINGER_AGENT__DATA_DIR", str(tmp_path))
    code, _, err = run(capsys, "query", "cpu_usage_cores")
    assert code == 1
    assert "no history" in err
    code, _, err = run(capsys, "query", "cpu_percent")
    assert code == 2
    assert "no metric 'cpu_percent'" in err


def test_hostile_text_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[31mred\nb\u202e") == "a\\x1b[31mred\\nb\\u202e"
    assert table(("A",), [("x\ty",)]) == "A\nx\\ty"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (64 << 20, "64.0 MiB"),
        (2 << 30, "2.00 GiB"),
        ("unlimited", "unlimited"),
    ],
)
def test_sizes_have_three_digits(value: object, text: str) -> None:
    assert size(value) == text


def test_knobs_read_like_a_sentence() -> None:
    assert knobs({"cpu_cores": 1.5, "memory_bytes": 512 << 20}) == "1.50 cores, memory 512 MiB"
    assert knobs({"cpu_cores": "unlimited"}) == "unlimited cores"
