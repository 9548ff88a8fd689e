"""The two languages hold the same sentences with the same slots."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

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


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not there to read the dictionary as a program does")
def test_the_dictionary_is_read_as_we_read_it() -> None:
    program = f"import('{KO.as_uri()}').then(m => console.log(JSON.stringify(m.KO)))"
    said = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True, timeout=30).stdout
    assert json.loads(said) == korean()
