"""Traces: the public sets to scale, the contract's CSV with every fault named, and this host's own history."""

from __future__ import annotations

import gzip
from array import array
from pathlib import Path

import pytest

from backtest import history
from backtest.trace import FOLDER, HEADER, Trace, filled, load, of_points, parse, public
from model.errors import NotThere, UsageError
from storage.api import SeriesColumn, SeriesQuery, SeriesResult

HEAD = ",".join(HEADER) + "\n"


def test_demand_is_linear_between_points_and_held_where_they_are_a_second_apart() -> None:
    assert list(filled([(0, 1.0), (4, 3.0)], 6)) == [1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
    assert list(filled([(0, 1.0), (0.5, 2.0), (1, 5.0)], 3)) == [1.0, 5.0, 5.0]


@pytest.mark.parametrize(("name", "containers"), [("rps", 4), ("nab", 10), ("vasim", 2)])
def test_the_public_sets_are_there_to_scale(name: str, containers: int) -> None:
    traces = public(name)
    assert len(traces) == containers
    for trace in traces:
        assert trace.cpu is not None
        assert min(trace.cpu) >= 0
        if name != "nab":
            assert sum(trace.cpu) / len(trace) == pytest.approx(0.5, rel=0.01)
    assert "licence" in (FOLDER / "README.md").read_text()


def test_a_file_of_a_public_set_is_read_in_its_own_form() -> None:
    (trace,) = load(str(FOLDER / "vasim/c_12104.csv.gz"))
    assert trace.name == "vasim/c_12104"


def test_csv_of_the_contract(tmp_path: Path) -> None:
    text = HEAD + "10,web,0.5,\n10,db,,1048576\n12,web,1.5,\n12,db,0.2,1048576\n"
    path = tmp_path / "own.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    db, web = load(str(path))
    assert (db.name, web.name) == ("db", "web")
    assert list(web.cpu or ()) == [0.5, 1.0, 1.5]
    assert web.memory is None
    assert list(db.memory or ()) == [1048576.0] * 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header"),
        ("a,b\n", "header"),
        (HEAD, "no demand"),
        (HEAD + "x,web,1,\n", "line 2"),
        (HEAD + "0,web\n", "line 2"),
        (HEAD + "0,web,-1,\n", "no demand"),
        (HEAD + "0,web,nan,\n", "no demand"),
        (HEAD + "5,web,1,\n4,web,1,\n", "earlier"),
        (HEAD + "0,web,1,\n99999999,web,1,\n", "days"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse(text, "own.csv")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="rps, nab, vasim"):
        load("no-such")
    broken = tmp_path / "x.csv.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(UsageError, match="cannot be read"):
        load(str(broken))


def test_a_window_of_a_trace() -> None:
    trace = Trace("web", array("d", range(10)), None).window(3, 4)
    assert (trace.name, list(trace.cpu or ())) == ("web@3", [3.0, 4.0, 5.0, 6.0])


def test_sides_that_begin_apart_share_one_clock() -> None:
    trace = of_points("web", [(2.0, 1.0)], [(0.0, 5.0), (3.0, 5.0)])
    assert list(trace.cpu or ()) == [1.0] * 4
    assert len(trace.memory or ()) == 4


class Kept:
    """A series reader with one answer."""

    def __init__(self, *columns: SeriesColumn) -> None:
        self.columns = columns

    def query(self, query: SeriesQuery) -> SeriesResult:
        assert query.step_ms == 1000
        return SeriesResult(query.since_ms, 1000, self.columns)


def column(name: str, metric: str, values: list[float | None]) -> SeriesColumn:
    return SeriesColumn("quay", name * 8, name, metric, "", values, values, values)


def test_history_becomes_traces_and_gaps_are_bridged() -> None:
    cpu: list[float | None] = [0.2] * 30 + [None] * 10 + [0.2] * 30
    kept = Kept(
        column("web", "cpu_usage_cores", cpu),
        column("web", "memory_working_set_bytes", [1e6] * 70),
        column("new", "cpu_usage_cores", [0.1] * 5),
        column("gone", "cpu_usage_cores", [None] * 70),
    )
    (trace,) = history.from_store(kept, 0, 70_000)  # type: ignore[arg-type]
    assert trace.name == "web"
    assert list(trace.cpu or ()) == pytest.approx([0.2] * 70)
    assert len(trace.memory or ()) == 70
    with pytest.raises(NotThere, match="choose a longer range"):
        history.from_store(Kept(), 0, 70_000)  # type: ignore[arg-type]
