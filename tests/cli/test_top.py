"""``top``: rows worst first, hostile names harmless, one screen that fits, one look for programs."""

from __future__ import annotations

import argparse
import io
import json

import pytest

from cli import top
from cli.toprows import host_line, rows_of
from model.alert import Severity
from model.change import Policy
from model.errors import AgentAway
from model.finding import Finding
from model.limits import Limits
from model.live import Frame
from model.target import Target, TargetId


def target(name: str, number: int) -> Target:
    key = f"{number:064x}"
    return Target(TargetId("docker", key, number), f"/docker/{key}", name, image="busybox", group="shop")


def frame(count: int = 4) -> Frame:
    targets = {t.key: t for t in (target(f"job-{n}" if n else "bad\x1b[31m\u202ename", n + 1) for n in range(count))}
    keys = list(targets)
    values = {
        key: {
            "cpu_usage_cores": n * 0.25,
            "memory_working_set_bytes": (count - n) * 1048576.0,
            "io_pressure_some_ratio": 0.3,
        }
        for n, key in enumerate(keys)
    }
    finding = Finding(
        "f", 1000, 0, "web-1", keys[1], targets[keys[1]].name, "cpu_throttled", Severity.WARNING, "Held back.", (), ""
    )
    return Frame(
        1_700_000_000_000, 1.0, "web-1", "v2",
        {"cpu_usage_cores": 1.5, "host_cpu_count": 2.0, "host_memory_total_bytes": 4e9,
         "host_memory_available_bytes": 1e9},
        targets, values, {keys[0]: Limits(cpu_cores=0.5)}, {keys[0]: Policy()}, (finding,), (), (), (), (), (),
    )  # fmt: skip


def test_the_worst_is_first_then_the_largest() -> None:
    assert [row.name for row in rows_of(frame(), "worst")][:2] == ["job-1", "job-3"]
    assert rows_of(frame(), "cpu")[0].name == "job-3"
    assert [row.name for row in rows_of(frame(), "memory")][1] == "job-1"
    assert [row.name for row in rows_of(frame(), "name", "JOB-2")] == ["job-2"]


def test_a_cell_is_harmless_and_the_unknown_is_empty() -> None:
    cells = next(row for row in rows_of(frame(), "name") if row.name.startswith("bad")).cells
    assert cells[0] == r"bad\x1b[31m\u202ename"
    assert cells[1:4] == ("0.00", "0.50", "")
    assert cells[7] == "30 % io"
    assert "CPU 1.50 of 2 cores" in host_line(frame())


@pytest.mark.parametrize(("width", "height"), [(200, 40), (80, 10), (40, 5)])
def test_a_screen_fits_and_says_what_it_leaves_out(width: int, height: int) -> None:
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(top.drawn(frame(60), "worst", "", width, height, 0.2))
    lines = out.getvalue().splitlines()
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert "more; " in lines[-1]
    console.print(top.drawn(frame(2), "worst", "", width, height, 12.4))
    assert "stale 12 s" in out.getvalue()


class Link:
    """A link that has one frame, or none."""

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame

    def follow(self, _now_ms: int) -> float:
        return 3600.0

    def wait(self, _after_ms: int, _timeout_s: float) -> Frame | None:
        return self._frame

    def close(self) -> None:
        pass


def look(monkeypatch: pytest.MonkeyPatch, there: Frame | None, *words: str) -> int:
    parser = argparse.ArgumentParser()
    top.arguments(parser)
    monkeypatch.setattr("daemon.link_client.LinkClient", lambda _path: Link(there))
    args = parser.parse_args(words)
    args.config = None
    return top.run(args)


def test_one_look_for_programs_and_for_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert look(monkeypatch, frame(), "--json") == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert (items[0]["name"], items[0]["severity"], items[0]["finding"]) == ("job-1", "warning", "Held back.")
    assert look(monkeypatch, frame(), "--filter", "nothing") == 0
    assert capsys.readouterr().out == "no container matches\n"


def test_an_agent_that_is_away_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AgentAway, match="is it running"):
        look(monkeypatch, None, "--once")
