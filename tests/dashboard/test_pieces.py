"""A large answer is put together from small ones, takes its turn, and is the same answer."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from config.schema import StoreSettings
from dashboard.api import pieces, series
from dashboard.api.pieces import aligned, answered, parted, targets_of, totals
from dashboard.errors import Problem
from dashboard.turns import Desk, Turns
from storage.api import SeriesQuery, SeriesReader
from storage.factory import open_series_reader, open_series_writer
from tests.dashboard.conftest import Site
from tests.dashboard.scripted import ID_A, NOW_MS
from tests.storage.hosts import START_MS, snapshot
from tests.support.wait import wait_until

SECONDS = 60
METRICS = ("cpu_usage_cores", "pids", "memory_usage_bytes")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SeriesReader]:
    """A minute of seven containers, one of which ends halfway."""
    path = tmp_path / "series.db"
    with closing(open_series_writer(path, StoreSettings(), "web-1")) as writer:
        for i in range(SECONDS):
            names = [f"c{n}" for n in range(7 if i < 30 else 6)]
            values = {
                name: {"cpu_usage_cores": i / 100 + n, "pids": float(i % 9), "memory_usage_bytes": 4096.0 * i}
                for n, name in enumerate(names)
            }
            writer.append(snapshot(START_MS + i * 1000, values))
    with closing(open_series_reader(path)) as opened:
        yield opened


@pytest.mark.parametrize("width", [{}, {"step_ms": 10_000}, {"points": 7}])
@pytest.mark.parametrize("who", [{}, {"containers": ("c2", "c6")}, {"of_host": True}])
@pytest.mark.parametrize("most", [1, 100, 10_000])
def test_the_pieces_are_the_whole(
    reader: SeriesReader, monkeypatch: pytest.MonkeyPatch, width: dict[str, int], who: dict[str, tuple[str]], most: int
) -> None:
    monkeypatch.setattr(pieces, "PIECE_VALUES", most)
    query = SeriesQuery(METRICS, START_MS, START_MS + SECONDS * 1000, **width, **who)  # type: ignore[arg-type]
    whole = reader.query(query)
    found = list(aligned(answered(reader, query, large=True)))
    assert {(r.t0_ms, r.step_ms) for r in found} == {(whole.t0_ms, whole.step_ms)}
    columns = [column for result in found for column in result.series]
    by_name = {(column.container, column.metric): column for column in whole.series}
    assert {(c.container, c.metric): c for c in columns} == by_name
    assert len(columns) == len(by_name)
    if most == 1 and not who:
        assert len(found) == 7 * len(METRICS)


def test_a_sum_over_pieces(reader: SeriesReader, monkeypatch: pytest.MonkeyPatch) -> None:
    query = SeriesQuery(METRICS, START_MS, START_MS + SECONDS * 1000)
    at_once = totals(iter((reader.query(query),)))
    monkeypatch.setattr(pieces, "PIECE_VALUES", 1)
    by_piece = totals(aligned(answered(reader, query, large=True)))
    assert [c.metric for c in by_piece.series] == [c.metric for c in at_once.series]
    for one, other in zip(by_piece.series, at_once.series, strict=True):
        assert list(one.avg) == pytest.approx(list(other.avg))


def test_a_service_is_not_torn_apart(reader: SeriesReader) -> None:
    query = SeriesQuery(METRICS, START_MS, START_MS + 1000, services=("shop/api",), join_service=True)
    assert targets_of(reader, query) is None
    assert {piece.services for piece in parted(query, None)} == {("shop/api",)}


def test_a_large_answer_comes_from_a_file(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "PIECE_VALUES", 1000)
    path = f"/api/v1/series?metrics=cpu_usage_cores,pids&container=api&since={NOW_MS - 80_000_000}&until={NOW_MS}"
    with site.get(path) as answer:
        assert answer.is_streamed
        body = answer.get_data()
    assert len(body) == int(answer.headers["Content-Length"]) > 1 << 20
    columns = msgspec.json.decode(body)["series"]
    assert [len(column["avg"]) for column in columns] == [80_000] * 2
    first = (NOW_MS - 80_000_000) // 1000
    assert columns[0]["avg"][:3] == [float(i % 60) for i in range(first, first + 3)]
    with site.get(path, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.get_data()) == body
        assert packed.headers["ETag"] == answer.headers["ETag"]
    with site.get(path, headers={"If-None-Match": answer.headers["ETag"]}) as same:
        assert same.status_code == 304
    assert columns[0]["container"] == ID_A


def test_no_room_for_a_large_answer_is_said(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(series, "PIECE_VALUES", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    answer = site.get(f"/api/v1/series?metrics=pids&container=api&since={NOW_MS - 99_000_000}&until={NOW_MS}")
    assert answer.status_code == 503
    assert "TMPDIR" in answer.json["detail"]


def test_turns_are_taken_and_those_who_are_too_many_come_again() -> None:
    turns, entered, leave = Turns(1, 1), threading.Event(), threading.Event()
    order: list[str] = []

    def hold() -> None:
        with turns.one():
            entered.set()
            leave.wait(30)
            order.append("first")

    def follow() -> None:
        with turns.one():
            order.append("second")

    first, second = threading.Thread(target=hold), threading.Thread(target=follow)
    first.start()
    assert entered.wait(30)
    second.start()
    wait_until(lambda: turns._waiting == 1, 30, "the second waits")
    with pytest.raises(Problem) as refused, turns.one():
        pass
    assert refused.value.status == 503
    leave.set()
    first.join()
    second.join()
    assert order == ["first", "second"]
    with turns.one():
        pass


def test_a_small_question_does_not_wait_for_a_large_one() -> None:
    desk = Desk(remote=False)
    with desk.large.one(), desk.small.one():
        pass
