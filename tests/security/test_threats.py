"""The list of threats names tests: they are there, and every threat but those told to be nobody's has one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPEN = ("who stands between (no TLS)", "root of the host, the kernel")
"""Not ours to hold, and the page says so."""


def rows() -> list[list[str]]:
    page = (ROOT / "docs/security.md").read_text()
    part = page[page.index("## Threats, one by one") :]
    table = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1:]]


def test_every_threat_is_held_by_tests_that_are_there() -> None:
    found = rows()
    assert len(found) > 10
    for who, _, stands, held in found:
        assert stands, who
        files = re.findall(r"`([\w/]+\.py)`", held)
        assert files or who in OPEN, who
        assert all((ROOT / "tests" / name).is_file() for name in files), held
