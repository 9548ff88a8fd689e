"""Child processes for tests: another process that writes or reads, one without rights, one that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534
DROP = f"""
import os
def drop_privileges():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid({NOBODY})
        os.setuid({NOBODY})
"""


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter (pytest's own are private)."""
    with tempfile.TemporaryDirectory(prefix="wharfinger-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def start_child(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Runs ``code`` with ``drop_privileges()`` at hand (to be called after the imports)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", DROP + code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )


def run_child(code: str, *arguments: str) -> str:
    """What it printed; it must end well within a minute."""
    with start_child(code, *arguments) as child:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
    return out
