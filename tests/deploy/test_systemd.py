"""The systemd units: they load, start only what the program knows, and are as closed as the docs say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.main import build_parser
from config.describe import settings
from daemon.web import NICE
from tests.support.missing import missing
from tools.servers.process import Missing, find_binary

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy/systemd"
NAMES = ("wharfinger-agent.service", "wharfinger-web.service")
BINARY = "/usr/local/bin/wharfinger"
SCORES = {"wharfinger-agent.service": 3.0, "wharfinger-web.service": 1.2}
"""Exposure by ``systemd-analyze security``, of 10: what it may be at most."""


@pytest.fixture(scope="module")
def analyze() -> str:
    try:
        return find_binary("systemd-analyze", "systemd")
    except Missing as reason:
        missing(reason)


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The units, with a program that is there in place of an installed wharfinger."""
    for path in UNITS.glob("*.service"):
        (tmp_path / path.name).write_text(path.read_text().replace(BINARY, shutil.which("true") or ""))
    return tmp_path


def test_systemd_takes_the_units(analyze: str, folder: Path) -> None:
    assert run(analyze, "verify", *(str(folder / name) for name in NAMES)) == ""


def test_systemd_takes_the_viewers_drop_in(analyze: str, folder: Path) -> None:
    drop_in = folder / f"{NAMES[0]}.d"
    drop_in.mkdir()
    shutil.copy(UNITS / "viewer.conf", drop_in)
    assert run(analyze, "verify", str(folder / NAMES[0])) == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_exposure_is_what_the_docs_say(analyze: str, folder: Path, name: str) -> None:
    said = run(analyze, "security", "--offline=true", str(folder / name))
    score = float(re.findall(r"Overall exposure level for \S+ ([\d.]+)", said.replace(": ", " "))[0])
    assert score <= SCORES[name]
    assert f"| `{name}` | {SCORES[name]} |" in (ROOT / "docs/install.md").read_text()


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.*")), ids=lambda p: p.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    known = {s.path for s in settings()}
    named = re.findall(r"\bWHARFINGER_(\w+)", path.read_text())
    assert not [n for n in named if n.lower().replace("__", ".") not in known]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_one_of_ours(name: str) -> None:
    commands = re.findall(rf"^Exec\w+=-?{BINARY} (.+)$", (UNITS / name).read_text(), re.MULTILINE)
    assert commands
    for command in commands:
        build_parser(None).parse_args(command.split())


def test_the_web_unit_is_as_nice_as_the_web_process_makes_itself() -> None:
    """Its filter of system calls lets it not do so."""
    assert f"\nNice={NICE}\n" in (UNITS / "wharfinger-web.service").read_text()
