"""The evaluation's own arithmetic, its page and its picture; its runs are ``make evaluation``."""

from __future__ import annotations

import pytest

from backtest.report import METRICS, Row
from tools.evaluation.airbag import table
from tools.evaluation.cells import CAPTAIN, TARGETS, Cell, cells, traces_of
from tools.evaluation.frontier import cores_at, ratios
from tools.evaluation.page import page, spread
from tools.evaluation.picture import picture


def test_a_frontier_is_read_between_its_points_and_not_beyond() -> None:
    points = [(0.01, 2.0), (0.1, 1.0)]
    assert cores_at(points, 0.01) == pytest.approx(2.0)
    assert cores_at(points, 0.0316) == pytest.approx(1.5, abs=0.01)
    assert cores_at(points, 0.2) is None
    assert cores_at(points, 0.001) is None
    assert ratios(points, [(0.01, 4.0), (0.5, 1.0)]) == [pytest.approx(0.5)]


def test_every_run_is_named_once_and_has_its_traces() -> None:
    todo = cells(2)
    assert len(set(todo)) == len(todo)
    assert {cell.seed for cell in todo} == {1, 2}
    assert len(traces_of(Cell("rps", "cron", 0.6, "static", 1))) == 4
    assert {len(trace) for trace in traces_of(Cell("nab", "none", 0.6, "static", 1))} == {4 * 3600}
    assert len(traces_of(Cell("vasim", "none", 0.6, "static", 1))) == 8


def row(share: float, cores: float) -> Row:
    return dict.fromkeys(METRICS, 0.0) | {"throttled_period_ratio": share, "cpu_allocation_cores": cores}


def test_the_page_has_losses_and_gains_alike() -> None:
    rows = {Cell("rps", "none", 0.6, f"law-{t}", 1): row(float(t) / 2, 2 - float(t)) for t in TARGETS}
    rows |= {Cell("rps", "none", 0.6, name, 1): row(0.05, 1.5) for name in CAPTAIN}
    rows[Cell("memory", "none", 0.6, "balanced", 1, "v2")] = row(0.0, 0.0)
    text = page(rows, 1)
    assert "| rps, cv 0.6 | 1.2" in text
    assert "| balanced (v2) | 0.00 |" in text
    assert "| captain-.05 | 5.00 | 1.500 |" in text
    svg = picture(rows)
    assert svg.startswith("<svg")
    assert "polyline" in svg


def test_what_grew_in_the_guest_stands_on_the_page_where_it_was_run_kills_included() -> None:
    lived = {"rate": 20, "kills": 0, "running": True, "seconds": 12.0}
    killed = {"rate": 20, "kills": 1, "running": False, "seconds": None}
    rows = table({"cgroupfs": [lived, {**lived, "seconds": 14.0}, killed], "systemd": [{**lived, "rate": 150}]})
    assert rows[2:] == [
        "| cgroupfs | 20 | 3 | 1 | 2 | 14.0 (12.0–14.0) |",
        "| systemd | 150 | 1 | 0 | 1 | 12.0 (12.0–12.0) |",
    ]
    assert table({}) == []
    cells_ = {Cell("memory", "none", 0.6, "balanced", 1, "v2"): row(0.0, 0.0)}
    assert "outgrows the tick" not in page(cells_, 1)
    assert rows[2] in page(cells_, 1, rows)


def test_a_spread_shows_the_least_and_the_most() -> None:
    assert spread([], "{:.1f}") == "–"
    assert spread([1.0, 1.0], "{:.1f}") == "1.0"
    assert spread([1.0, 3.0], "{:.1f}") == "2.0 (1.0–3.0)"
