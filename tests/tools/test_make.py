"""The commands of the house: each target is told by bare ``make`` and in the docs, the scripts say what they do."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def make(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_bare_make_prints_every_target() -> None:
    done = make()
    assert done.returncode == 0
    told = set(re.findall(r"^  make ([a-z-]+) ", done.stdout, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())  # type: ignore[index]
    assert told == phony
    assert {"install", "run", "test", "check", "ci", "demo", "bench"} <= told


def test_the_docs_tell_the_targets() -> None:
    page = (ROOT / "docs/development.md").read_text()
    assert not [
        t
        for t in ("run", "test", "check", "ci", "demo", "bench", "docs", "pictures", "lock")
        if f"`make {t}`" not in page
    ]


@pytest.mark.parametrize("script", [".ci/run", "tools/make_venv.sh", "tools/install_servers.sh", "tools/dist.sh"])
def test_scripts_run_and_stop_at_the_first_fault(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert re.search(r"^set -eu", path.read_text(), re.MULTILINE)


def test_ci_runs_what_make_ci_runs() -> None:
    done = make("--dry-run", "ci")
    assert done.returncode == 0
    order = [
        done.stdout.index(step)
        for step in ("ruff check", "ruff format --check", "bin/mypy", "tools/run_tests.sh tests")
    ]
    assert order == sorted(order)
    assert "exec make ci </dev/null" in (ROOT / ".ci/run").read_text()


def test_no_install_installs_nothing(tmp_path: Path) -> None:
    """With NO_INSTALL set apt-get is not called, whatever is missing."""
    calls = tmp_path / "calls"
    for name, text in (("apt-get", f"echo called >>{calls}"), ("dpkg-query", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NO_INSTALL": "1"}
    done = subprocess.run(
        [str(ROOT / "tools/install_servers.sh")], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "NO_INSTALL: nothing is installed; tests whose server is missing are skipped\n"
    assert not calls.exists()


def test_every_server_of_the_tests_is_installed_by_the_script() -> None:
    from tools.test_servers import BINARIES

    packages = (ROOT / "tools/install_servers.sh").read_text()
    assert not [package for _, package in (*BINARIES, ("dockerd", "docker.io")) if package not in packages]
