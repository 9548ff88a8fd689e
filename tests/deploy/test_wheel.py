"""The wheel: the same bytes twice, everything in it and nothing beside it, and a program that runs from it alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import wait_until
from tools.licences import licences

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("model", "config", "collector", "storage", "alerts", "limits", "backtest", "dashboard", "daemon", "cli")
EPOCH = "1700000000"
ALLOWED = ("MIT", "BSD", "Apache", "PSF", "MPL", "Mozilla", "Zope", "ZPL")
"""Licences under which a package may be shipped with ours: none asks for the source of what uses it."""


def built(folder: Path) -> Path:
    command = [str(Path(sys.executable).parent / "hatchling"), "build", "-t", "wheel", "-d", str(folder)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel brings."""
    folder = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--disable-pip-version-check",
    ]
    subprocess.run([*command, "--target", str(folder), str(wheel)], check=True, capture_output=True, timeout=120)
    return folder


def environ(installed: Path, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "HOME": str(folder),
        "WHARFINGER_AGENT__DATA_DIR": str(folder / "data"),
        "WHARFINGER_AGENT__RUN_DIR": str(folder / "run"),
        "WHARFINGER_WEB__LISTEN": "127.0.0.1:0",
        "WHARFINGER_WEB__USER": "root",
    }


def wharfinger(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The installed program, away from this repository."""
    return subprocess.run(
        [sys.executable, str(installed / "bin/wharfinger"), *words],
        cwd=folder,
        env=environ(installed, folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_same_source_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert built(tmp_path).read_bytes() == wheel.read_bytes()


def test_everything_is_in_it_and_nothing_of_the_workshop(wheel: Path) -> None:
    def shipped(path: Path) -> bool:
        return path.is_file() and "__pycache__" not in path.parts

    wanted = {str(p.relative_to(ROOT)) for room in ROOMS for p in (ROOT / room).rglob("*") if shipped(p)}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (licence,) = [name for name in archive.namelist() if name.endswith("/LICENSE") and ".dist-info/" in name]
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert wanted - names == set()
    assert names - wanted == set()
    assert {Path(name).suffix for name in names} >= {".py", ".html", ".css", ".js", ".svg", ".sql", ".gz"}


def test_the_program_runs_from_it_alone(installed: Path, tmp_path: Path) -> None:
    where = [sys.executable, "-c", "import cli.main, sys; sys.stdout.write(cli.main.__file__)"]
    found = subprocess.run(
        where, cwd=tmp_path, env=environ(installed, tmp_path), capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(installed))
    said = wharfinger(installed, tmp_path, "--version")
    assert said.stdout.startswith("wharfinger "), said.stderr
    doctor = wharfinger(installed, tmp_path, "doctor", "--quick", "--json")
    assert {check["name"] for check in json.loads(doctor.stdout)["checks"]} >= {"cgroup", "rights"}


@pytest.fixture
def served(installed: Path, tmp_path: Path) -> Iterator[str]:
    """Address of a web process without an agent."""
    (tmp_path / "data").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(installed / "bin/wharfinger"), "web"],
        cwd=tmp_path, env=environ(installed, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        line = wait_until(lambda: next((x for x in list(lines) if "url=" in x), None), 30, "the ready line")
        yield line.split("url=")[1].split()[0]
    finally:
        process.terminate()
        process.wait(20)
        reader.join(5)
        process.stdout.close()


def test_pages_and_files_are_served_from_it(served: str) -> None:
    for path, mark in (("/setup", "<form"), ("/static/dashboard.css", "{"), ("/api/v1/openapi.json", '"3.1')):
        with urllib.request.urlopen(f"{served}{path}", timeout=10) as answer:
            assert mark in answer.read().decode(), path


def test_every_licence_may_be_shipped() -> None:
    assert [x for x in licences() if not any(word in x.licence for word in ALLOWED)] == []
