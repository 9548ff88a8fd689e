"""What is served: nothing inline, nothing from outside, the vendored files as their makers made them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "dashboard"
STATIC, TEMPLATES = ROOT / "static", sorted((ROOT / "templates").glob("*.html"))
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))


def test_vendored_files_are_the_ones_their_notice_names() -> None:
    notice = (STATIC / "vendor" / "README.md").read_text()
    named = dict(re.findall(r"\| `([^`]+)` \| .* \| `([0-9a-f]{64})` \|", notice))
    assert named == {
        name: hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest()
        for name in ("plotly-basic.min.js", "plotly.css")
    }
    assert (STATIC / "vendor" / "LICENSE.plotly.js").exists()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_templates_hold_nothing_inline_and_nothing_from_outside(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son\w+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"(?:src|href)=\"(?!\{\{ (?:base|files|to) \}\}|#)", text)
    assert "|safe" not in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: str(p.relative_to(STATIC)))
def test_scripts_make_no_markup_from_text(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https://(?!')", text)
    assert "setAttribute('style'" not in text
    assert text.count("\n") <= 300


def test_scripts_import_only_what_is_there() -> None:
    wrong = []
    for path in SCRIPTS:
        for name in re.findall(r"from '([^']+)'|import\('([^']+)'\)", path.read_text()):
            target = (path.parent / (name[0] or name[1])).resolve()
            if not target.is_file() or STATIC not in target.parents:
                wrong.append(f"{path.name}: {name}")
    assert wrong == []


def test_the_sheet_has_no_outside_address() -> None:
    assert "url(" not in (STATIC / "dashboard.css").read_text()
