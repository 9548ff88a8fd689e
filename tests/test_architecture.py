"""The import table of docs/architecture.md, enforced: who may know whom, who may write, who may read the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("model", "config", "collector", "storage", "alerts", "limits", "backtest", "dashboard", "daemon", "cli")

ALLOWED = {
    "model": set(),
    "config": {"model"},
    "collector": {"model", "config", "storage.api"},
    "storage": {"model", "config"},
    "alerts": {"model", "config", "storage.api"},
    "limits": {"model", "config", "storage.api", "collector.cgroupfs"},
    "backtest": {"model", "config", "collector", "storage", "alerts", "limits", "daemon"},
    "dashboard": {"model", "config", "storage.api"},
    "daemon": {"model", "config", "collector", "storage", "alerts", "limits", "dashboard", "backtest"},
    "cli": {"daemon", "backtest", "config", "model", "storage.api"},
}
THIRD_PARTY = {
    "sqlite3": {"storage"},
    "influxdb_client": {"storage"},
    "flask": {"dashboard"},
    "plotly": {"dashboard"},
    "psutil": {"collector"},
    "inotify_simple": {"collector"},
    "docker": {"collector", "limits"},
    "waitress": {"daemon"},
    "rich": {"cli"},
    "authlib": {"dashboard"},
    "joserfc": {"dashboard"},
    "subprocess": set(),
}
ONE_SUBJECT = {"storage/api.py", "model/outside.py"}
"""Longer than 300 lines with reason: all contracts, and all outside forms, in one place each."""
CLOCK = {"time", "time_ns", "monotonic", "monotonic_ns", "now", "utcnow", "today"}
CLOCK_PLACES = ("daemon/", "collector/sampler.py", "storage/sqlite/", "storage/influx/")


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    faults = []
    for name in imports(ast.parse(path.read_text())):
        top = name.split(".")[0]
        if top in ROOMS and top != room and not any(f"{name}.".startswith(f"{a}.") for a in ALLOWED[room]):
            faults.append(f"{room} may not import {name}")
        if top in THIRD_PARTY and room not in THIRD_PARTY[top]:
            faults.append(f"{top} belongs to {sorted(THIRD_PARTY[top]) or 'no shipped room'}")
        if room == "model" and "." not in name and top not in ROOMS and top in THIRD_PARTY:
            faults.append(f"model is standard library only: {name}")
    assert not faults


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_clock_is_read_only_where_time_enters(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    if place.startswith(CLOCK_PLACES):
        return
    calls = [
        f"line {node.lineno}: {ast.unparse(node.func)}()"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"time", "datetime", "date"}
    ]
    assert not calls, "take now as an argument"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_broad_except_outside_steps_and_workers(path: Path) -> None:
    if str(path.relative_to(ROOT)) in ("daemon/steps.py", "daemon/worker.py"):
        return
    broad = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    ]
    assert not broad, f"lines {broad}: catch what you expect"


def writes(tree: ast.AST) -> Iterator[int]:
    """Lines that open a file for writing, or write to one by path or descriptor."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        text = ast.unparse(node)
        opens = name == "open" and any(m in text for m in ("'w", "'a", "'r+", "'x", "O_WRONLY", "O_RDWR", "O_CREAT"))
        if opens or name in {"write_text", "write_bytes", "pwrite", "pwritev"}:
            yield node.lineno


@pytest.mark.parametrize("room", ["collector", "limits", "alerts", "dashboard", "model"])
def test_only_the_cgroup_actuator_writes_files(room: str) -> None:
    """Rooms that see cgroup paths write no file at all; the one exception is the actuator."""
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / room).rglob("*.py"))
        if (lines := list(writes(ast.parse(path.read_text()))))
    }
    found.pop("limits/actuator/cgroupfs.py", None)
    assert not found


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_fit_a_sitting(path: Path) -> None:
    if str(path.relative_to(ROOT)) in ONE_SUBJECT:
        return
    lines = path.read_text().count("\n")
    assert lines <= 300, f"{lines} lines: a room of its own is due"
