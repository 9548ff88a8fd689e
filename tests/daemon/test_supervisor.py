"""The supervisor with real processes: restarts what dies, ends all at once, gives up on bad settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from daemon.supervisor import next_backoff
from tests.support.wait import wait_until

CHILDREN = """
import os, signal, sys, time
from functools import partial
from daemon.supervisor import Child, Supervisor

def work(name, folder, code):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(os.path.join(folder, name), "a") as out:
        out.write(f"{os.getpid()}\\n")
    if code is not None:
        return code
    while True:
        time.sleep(60)

if __name__ == "__main__":
    folder, code = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
    children = [Child("agent", partial(work, "agent", folder, code)), Child("web", partial(work, "web", folder, None))]
    sys.exit(Supervisor(children).run("info"))
"""


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    script = tmp_path / "children.py"
    script.write_text(textwrap.dedent(CHILDREN))
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def pids(tmp_path: Path, name: str) -> list[int]:
    file = tmp_path / name
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def test_a_killed_child_is_back_and_sigterm_ends_all(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_until(lambda: pids(tmp_path, "agent") and pids(tmp_path, "web"), 20, "both children run")
    first = pids(tmp_path, "agent")[0]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(pids(tmp_path, "agent")) == 2, 10, "the agent is back")
    assert pids(tmp_path, "agent")[1] != first
    assert len(pids(tmp_path, "web")) == 1, "its neighbour was left alone"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "starting it again" in errors
    for pid in (pids(tmp_path, "agent")[1], pids(tmp_path, "web")[0]):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_child_that_refuses_its_settings_ends_the_run(tmp_path: Path) -> None:
    process = start(tmp_path, "2")
    process.communicate(timeout=20)
    assert process.returncode == 2
    assert len(pids(tmp_path, "agent")) == 1


@pytest.mark.parametrize(("lived_s", "backoff_s", "expected"), [(1, 0.5, 1.0), (1, 20, 30), (120, 30, 0.5), (59, 4, 8)])
def test_backoff_doubles_until_a_child_was_well(lived_s: float, backoff_s: float, expected: float) -> None:
    assert next_backoff(lived_s, backoff_s) == expected
