"""The bench runner: the form that other programs read, and the judgement."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from tools.bench import __main__ as runner
from tools.bench.cgroups import at_work, made, names
from tools.bench.floor import Floor, files_read, numbered
from tools.bench.load import Host
from tools.bench.result import Measured, Spec, judged, table, together
from tools.bench.rooms import ROOMS


@pytest.mark.parametrize(
    ("op", "bar", "value", "ok"),
    [
        ("<=", 2.0, 2.0, True),
        ("<=", 2.0, 2.1, False),
        (">=", 2.0, 1.9, False),
        (">=", 2.0, 2.0, True),
        ("<=", None, 9, True),
    ],
)
def test_a_bar_is_met_or_missed(op: str, bar: float | None, value: float, ok: bool) -> None:
    row = judged(Spec("x", "ms", "X", op=op, bar=bar), Measured(value, 4.0))
    assert row["ok"] is ok
    assert row["ratio"] == pytest.approx(value / 4)
    assert set(row) == {"name", "value", "unit", "op", "bar", "ok", "baseline", "ratio"}


def test_the_table_says_which_bar_was_missed() -> None:
    rows = [judged(Spec("slow", "ms", "X", bar=1.0), Measured(2.0)), judged(Spec("shown", "ms", "X"), Measured(3.0))]
    lines = table(rows).splitlines()
    assert lines[1].split() == ["slow", "2", "ms", "<=", "1", "MISSED"]
    assert lines[2].split() == ["shown", "3", "ms"]


def test_names_are_unique_and_whole() -> None:
    specs = [s for room in ROOMS for s in importlib.import_module(f"tools.bench.{room}").RESULTS]
    assert len({s.name for s in specs}) == len(specs)
    assert all(s.help and s.unit for s in specs)


def test_made_up_hosts_are_repeatable_and_alive() -> None:
    one, other = Host(20, 40), Host(20, 40)
    first = one.tick(1000)
    assert first.samples == other.tick(1000).samples
    second = one.tick(2000)
    values = [v for s in second.samples.values() for v in s.values.values()]
    assert len(values) == 20 * 40
    assert all(math.isfinite(v) and v >= 0 for v in values)
    assert second.samples != first.samples


def test_the_runner_writes_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Room:
        RESULTS = (Spec("a", "ms", "A", bar=1.0), Spec("b", "ms", "B"))
        PARTS: ClassVar = {"one": lambda: {"a": Measured(2.0)}, "other": lambda: {"b": Measured(3.0)}}

        @staticmethod
        def measure(chosen: Sequence[str] = ()) -> dict[str, Measured]:
            return together(Room.PARTS, chosen)

    monkeypatch.setattr(runner, "OUT", tmp_path / "build/bench.json")
    monkeypatch.setattr(runner, "ROOMS", ("collector",))
    monkeypatch.setattr(runner.importlib, "import_module", lambda _name: Room)
    assert runner.main([]) == 0
    monkeypatch.setenv("STRICT", "1")
    assert runner.main([]) == 1
    written = json.loads((tmp_path / "build/bench.json").read_text())
    assert written["results"] == [judged(Room.RESULTS[0], Measured(2.0)), judged(Room.RESULTS[1], Measured(3.0))]
    assert written["machine"]["cores"] >= 1
    assert "MISSED" in capsys.readouterr().out
    assert runner.main(["collector:other"]) == 0
    assert [row["name"] for row in json.loads((tmp_path / "build/bench.json").read_text())["results"]] == ["b"]
    assert runner.main(["nosuch"]) == 2
    assert runner.main(["collector:nosuch"]) == 2
    assert "one, other" in capsys.readouterr().err


@pytest.mark.root
def test_cgroups_of_benches_come_and_go(as_root: None, tmp_path: Path) -> None:
    with made(2) as parent:
        folders = [
            f for top in Path("/sys/fs/cgroup").iterdir() for f in (top.parent / top.name / parent[1:]).glob("*/")
        ]
        folders += list(Path(f"/sys/fs/cgroup{parent}").glob("*/"))
        files = [str(f / "cgroup.procs") for f in folders]
        assert len(files) >= 2
        with Floor([files, files * 3], tmp_path) as floor:
            assert floor.pass_s(0) > 0
            assert floor.pass_s(1) > 0
        told = ("cpuacct.usage", "cpu.stat")  # of v1, of v2
        usage = next(f / name for name in told for f in folders if f.name == names(1)[0] and (f / name).exists())
        with at_work(parent, names(2)) as work:
            before = usage.read_text()
            work()
            assert usage.read_text() != before
    assert not [f for f in folders if f.exists()]


def test_a_file_that_is_read_again_is_named_by_its_place() -> None:
    assert numbered([["a", "b"], ["b", "c", "b"]]) == [(0, "a"), (0, "b"), (1, "=1"), (1, "c"), (1, "=1")]


def test_reads_are_noted_by_path(tmp_path: Path) -> None:
    import os

    path = tmp_path / "x"
    path.write_text("abc")
    with path.open("rb") as stream:
        assert files_read(lambda: os.pread(stream.fileno(), 2, 0)) == [str(path)]
