"""The docs can't lag: made parts are current, links lead somewhere, examples load, nothing private is told."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from config.describe import settings
from config.load import load
from config.schema import AlertSettings, Settings
from model.metrics import METRICS
from tools.gen_docs import BLOCK, BLOCKS, renewed

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/[a-z]")
EXAMPLE_PATHS = ("/home/anna",)


def name(document: Path) -> str:
    return str(document.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """The fragment of every heading, made as GitHub does."""
    heads = re.findall(r"^#+ +(.+?)\s*$", re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_made_parts_are_current(document: Path) -> None:
    text = document.read_text()
    assert renewed(text) == text, "run `make docs`"


def test_every_made_part_has_its_page() -> None:
    used = [match[2] for document in PAGES for match in BLOCK.finditer(document.read_text())]
    assert sorted(used) == sorted(BLOCKS)


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    dead = []
    for target in LINK.findall(CODE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        if not there.exists() or not there.is_relative_to(ROOT) or (fragment and fragment not in anchors(there)):
            dead.append(target)
    assert not dead


def test_the_korean_readme_says_what_the_english_one_says() -> None:
    """The same headings in number, links, and code: who changes one changes both."""
    english, korean = ((ROOT / name).read_text() for name in ("README.md", "README.ko.md"))
    others = {"README.md", "README.ko.md"}
    assert {*LINK.findall(english)} - others == {*LINK.findall(korean)} - others
    assert re.findall(r"^#+", english, re.MULTILINE) == re.findall(r"^#+", korean, re.MULTILINE)
    assert sorted(CODE.findall(english)) == sorted(CODE.findall(korean))


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text()
    linked = {(ROOT / "docs" / t.partition("#")[0]).resolve() for t in LINK.findall(index)}
    lonely = [name(p) for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in linked and p.name != "index.md"]
    assert not lonely


def test_every_setting_and_metric_is_named() -> None:
    configuration = (ROOT / "docs/configuration.md").read_text()
    metrics = (ROOT / "docs/metrics.md").read_text()
    assert not [s.path for s in settings() if f"| `{s.path.rpartition('.')[2]}` |" not in configuration]
    assert not [m.name for m in METRICS if f"| `{m.name}` |" not in metrics]


@pytest.mark.parametrize("document", PAGES, ids=name)
def test_toml_examples_load(document: Path, tmp_path: Path) -> None:
    """A TOML example is a configuration, or (with ``[[rule]]``) a rule file, which is at least TOML."""
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", document.read_text(), re.DOTALL)):
        assert tomllib.loads(text)
        if "[[rule]]" in text or "[rule." in text:
            continue
        path = tmp_path / f"{number}.toml"
        path.write_text(re.sub(r'^(\w+_file) = "[^"]*"$', rf'\1 = "{tmp_path}/secret"', text, flags=re.MULTILINE))
        (tmp_path / "secret").write_text("x")
        assert isinstance(load(path, {}, root=True), Settings)


def test_default_receiver_kinds_are_told() -> None:
    kinds = next(s.help for s in settings() if s.path == "alerts.receiver[].kind")
    assert AlertSettings().receiver == []
    assert all(
        kind in kinds for kind in ("webhook", "alertmanager", "slack", "discord", "ntfy", "pagerduty", "apprise")
    )


WORKSHOP = {".venv", ".git", "build", "dist", "node_modules", "vendor", "__pycache__"}
TEXTS = {".py", ".md", ".toml", ".sh", ".yaml", ".html", ".css", ".js", ".service", ".json", ".txt"}


def published() -> list[Path]:
    """Every text file of the repository but what is made or fetched."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in WORKSHOP and not f.endswith("_cache")]
        found += [Path(folder) / f for f in files if Path(f).suffix in TEXTS or f in ("Makefile", "Dockerfile")]
    return found


def test_no_path_of_somebodys_machine_in_what_is_published() -> None:
    faults = []
    paths = published()
    assert len(paths) > 100
    for path in paths:
        if path == Path(__file__) or "fixtures" in path.parts:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line) and not any(e in line for e in EXAMPLE_PATHS):
                faults.append(f"{name(path)}:{number}: {line.strip()[:80]}")
    assert not faults
