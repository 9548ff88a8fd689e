"""``make audit``: what pip-audit says is passed on, and that nobody could be asked is said, not taken for well."""

from __future__ import annotations

import json

import pytest

from tools.audit import judged
from tools.licences import locked

HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"]}
WELL = {"dependencies": [{"name": "flask", "version": "3.1.3", "vulns": []}]}
ILL = {"dependencies": [{"name": "flask", "version": "1.0", "vulns": [HOLE]}]}


def test_no_holes() -> None:
    assert judged("run.txt", json.dumps(WELL), "", strict=True) == (0, "run.txt: no known holes in 1 packages")


def test_a_hole_is_named_with_its_remedy() -> None:
    code, text = judged("run.txt", json.dumps(ILL), "", strict=False)
    assert code == 1
    assert "flask 1.0: PYSEC-2026-1 (mended in 2.0)" in text


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 2)])
@pytest.mark.parametrize("out", ["", "{}", "Traceback"])
def test_without_the_network_it_is_said(out: str, strict: bool, code: int) -> None:
    got, text = judged("run.txt", out, "warning\nConnection refused", strict=strict)
    assert got == code
    assert "nothing was checked (Connection refused)" in text


def test_what_is_not_installed_here_is_left_out() -> None:
    text = "flask==3.1.3 \\\n    --hash=x\npywin32==312 ; sys_platform == 'win32' \\\nhatchling==1 \\\n"
    assert list(locked(text)) == [("flask", "3.1.3")]
