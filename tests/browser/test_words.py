"""The two languages hold the same sentences with the same slots."""

from __future__ import annotations

import json
import re
import subprocess

from playwright._impl._driver import compute_driver_executable

from tests.browser.words import ROOT, templates

SLOT = re.compile(r"\{(\w+)\}")
KO = ROOT / "static" / "js" / "lib" / "ko.js"
ENTRY = re.compile(r"'((?:[^'\\]|\\.)*)':\s+'((?:[^'\\]|\\.)*)'")


def korean() -> dict[str, str]:
    return dict(ENTRY.findall(KO.read_text()))


def test_every_sentence_has_its_korean() -> None:
    assert sorted(templates() - korean().keys()) == []


def test_a_translation_has_the_slots_of_its_sentence() -> None:
    wrong = {
        key: value for key, value in korean().items() if not set(SLOT.findall(value)) <= set(SLOT.findall(key))
    } | {key: value for key, value in korean().items() if set(SLOT.findall(key)) - set(SLOT.findall(value))}
    assert wrong == {}


def test_no_translation_is_left_over() -> None:
    assert sorted(korean().keys() - templates()) == []


def node() -> str:
    """The node that playwright brings along: there wherever the browser tests run."""
    return str(compute_driver_executable()[0])


def test_the_dictionary_is_read_as_we_read_it() -> None:
    program = f"import('{KO.as_uri()}').then(m => console.log(JSON.stringify(m.KO)))"
    said = subprocess.run([node(), "-e", program], capture_output=True, text=True, check=True, timeout=30).stdout
    assert json.loads(said) == korean()
