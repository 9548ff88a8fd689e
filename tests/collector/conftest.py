"""What every test of this room needs."""

from __future__ import annotations

import psutil
import pytest


@pytest.fixture(autouse=True)
def _psutil_reads_the_real_proc_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler over a tree of our own points psutil at it; afterwards it reads the machine's again."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", "/proc")
