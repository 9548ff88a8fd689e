"""The two languages hold the same sentences with the same slots."""

from __future__ import annotations

import ast
import json
import re
import subprocess

from playwright._impl._driver import compute_driver_executable

from tests.browser.words import ROOT, templates

SLOT = re.compile(r"\{(\w+)\}")
KO = ROOT / "static" / "js" / "lib" / "ko"
SAID = KO / "server.js"
ENTRY = re.compile(r"'((?:[^'\\]|\\.)*)':\s+'((?:[^'\\]|\\.)*)'")


def korean() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(set(KO.glob("*.js")) - {SAID}):
        entries = dict(ENTRY.findall(path.read_text()))
        assert not entries.keys() & found.keys(), f"{path.name} says again what another file says"
        found |= entries
    return found


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
    program = f"import('{(KO / 'index.js').as_uri()}').then(m => console.log(JSON.stringify(m.KO)))"
    said = subprocess.run([node(), "-e", program], capture_output=True, text=True, check=True, timeout=30).stdout
    assert json.loads(said) == korean()


def sentences() -> set[str]:
    """Advice that the detectors give in one unchanging text."""
    found = set()
    for path in sorted((ROOT.parent / "alerts" / "detectors").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "advice" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "advice" for t in node.targets):
                found |= {node.value.value} if isinstance(node.value, ast.Constant) else set()
            if isinstance(node, ast.FunctionDef) and node.name == "advice":
                returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
                found |= {n.value for n in returned if isinstance(n, ast.Constant)}
    return found


def said(texts: list[str]) -> list[str]:
    """The sentences as a Korean page shows them."""
    modules = [(ROOT / "static" / "js" / "lib" / name).as_uri() for name in ("said.js", "ko/server.js")]
    program = (
        f"Promise.all([import('{modules[0]}'), import('{modules[1]}')]).then(([{{ sayer }}, {{ SAID }}]) =>"
        f" console.log(JSON.stringify({json.dumps(texts)}.map(sayer(SAID)))))"
    )
    done = subprocess.run([node(), "-e", program], capture_output=True, text=True, check=True, timeout=30)
    return list(json.loads(done.stdout))


def test_every_advice_of_the_detectors_has_its_korean() -> None:
    texts = sorted(sentences())
    assert len(texts) > 15
    english = [shown for shown in said(texts) if re.search("(?:[A-Za-z]+ ){4}", shown)]
    assert english == []


def test_sentences_of_the_agent_keep_their_figures_and_names() -> None:
    assert said(
        [
            "Held back by its CPU limit. Throttled in 47 % of periods for 3 min; uses 1.48 of 1.50 cores.",
            "Running towards its memory limit. Uses 421 MiB of 512 MiB (82 %). Full in about 14 min.",
            "Waits for CPU since a.b {x} $& uses more of it. Something new.",
            "Watching only: its policy is observe. Would raise 1.50 → 2.00 cores.",
        ]
    ) == [
        "CPU 제한에 막혀 있습니다. 3 min 동안 주기의 47 %에서 멈췄고, 1.50코어 중 1.48를 씁니다.",
        "메모리 제한으로 다가가고 있습니다. 512 MiB 중 421 MiB(82 %)를 씁니다. 약 14 min 뒤에 찹니다.",
        "a.b {x} $&이(가) 더 쓰고부터 CPU을(를) 기다립니다. Something new.",
        "지켜보기만 합니다. 정책이 observe입니다. 1.50 → 2.00 cores로 올렸을 것입니다.",
    ]
