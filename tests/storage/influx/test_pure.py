"""The pure parts of reading: query texts, lives behind names, columns, answers that are no answers."""

from __future__ import annotations

import json
from urllib.parse import quote

import msgspec
import pytest

from model.errors import StoreError
from storage.grid import Grid
from storage.influx import influxql as ql
from storage.influx.columns import Columns, Owner, Who
from storage.influx.dialect import Reply
from storage.influx.events import events_of
from storage.influx.known import known_containers
from storage.influx.lives import FOREVER, INFO, Lives, lives
from storage.influx.reader import stretches
from storage.influx.server import Table, tables

TAGS = {"host": "h", "container": "web", "service": "web"}


def info(*found: tuple[int, str]) -> Table:
    """Identity rows of one series: (time, id)."""
    return Table(TAGS, ("time", *INFO), [[at, key, "web", "docker", "image", ""] for at, key in found])


def test_a_query_is_quoted_everywhere() -> None:
    text = ql.select('mean("x")', 'a"b', 1, 2, where=ql.equal(host="h'h\\"), group_by=("host",), step_ms=10)
    assert text == (
        'SELECT mean("x") FROM "a\\"b" WHERE time >= 1ms AND time < 2ms AND ("host" = \'h\\\'h\\\\\') '
        'GROUP BY time(10ms), "host" fill(none)'
    )
    assert ql.select("*", "m", 1, 2, tail="LIMIT 1") == 'SELECT * FROM "m" WHERE time >= 1ms AND time < 2ms LIMIT 1'


def test_conditions_are_cut_to_what_a_url_holds() -> None:
    conditions = [ql.equal(container=f"name-{n}") for n in range(500)]
    pieces = list(ql.any_of(conditions))
    assert len(pieces) > 1
    assert all(len(quote(piece)) <= ql.URL_CHARS for piece in pieces)
    assert sum(piece.count("name-") for piece in pieces) == 500
    assert list(ql.any_of([])) == []
    assert list(ql.any_of(["x" * 9000])) == [f"({'x' * 9000})"]


def test_a_life_begins_where_the_name_changed_hands() -> None:
    found = lives([info((50, "a"))], [info((100, "b"), (200, "b"), (300, "a"))])
    assert [(life.id, life.start_ms, life.end_ms) for life in found] == [
        ("a", 50, 100),
        ("b", 100, 300),
        ("a", 300, FOREVER),
    ]
    assert (found[0].image, found[0].group) == ("image", None)


def test_rows_without_an_id_are_no_life() -> None:
    assert lives([Table(TAGS, ("time", *INFO), [[1, None, None, None, None, None]])], []) == ()


def test_the_life_at_a_time() -> None:
    look = Lives(lives([info((50, "a"))], [info((100, "b"))]))
    ids = [life.id if (life := look.at("h", "web", at)) else None for at in (0, 50, 99, 100, 10**15)]
    assert ids == ["a", "a", "a", "b", "b"]
    assert look.at("h", "other", 1) is None


def test_rows_go_to_their_owner_and_into_the_grid() -> None:
    columns = Columns(Grid(1000, 1000, 4, raw=True), bucketed=False)
    old, new = Who("h", "old", "web"), Who("h", "new", "web")
    table = Table(TAGS, ("time", "pids"), [[0, 9], [1000, 1], [2000, 2], [3000, None], [4000, 4], [5000, 9]])
    columns.add(table, ("pids",), [Owner(old, 0, 2000), Owner(new, 2000, FOREVER)])
    result = {c.container: list(c.avg) for c in columns.result()}
    assert result == {"old": [1, None, None, None], "new": [None, 2, None, 4]}


def test_a_mixed_bucket_goes_to_whom_it_was_longer() -> None:
    columns = Columns(Grid(0, 10_000, 2, raw=False), bucketed=True)
    old, new = Who("h", "old", "web"), Who("h", "new", "web")
    table = Table(TAGS, ("time", "sum0", "n0", "min0", "max0"), [[0, 1, 1, 1, 1], [10_000, 4, 2, 1, 3]])
    columns.add(table, ("pids",), [Owner(old, 0, 14_000), Owner(new, 14_000, FOREVER)])
    result = {c.container: (list(c.avg), list(c.min), list(c.max)) for c in columns.result()}
    assert result == {"old": ([1, None],) * 3, "new": ([None, 2], [None, 1], [None, 3])}


def test_rows_of_one_bucket_from_several_answers_add_up() -> None:
    columns = Columns(Grid(0, 60_000, 1, raw=False), bucketed=True)
    owner = Owner(Who("h", "a", "web"), 0, FOREVER)
    for row in ([0, 10, 4, 1, 4], [0, 20, 2, 9, 11], [0, None, None, None, None]):
        columns.add(Table(TAGS, ("time", "sum0", "n0", "min0", "max0"), [row]), ("pids",), [owner])
    (found,) = columns.result()
    assert (list(found.avg), list(found.min), list(found.max)) == ([5], [1], [11])


def test_each_stretch_of_time_comes_from_the_widest_roll_up_that_is_whole() -> None:
    now, hour = 1_000_000 * 3_600_000, 3_600_000
    whole = now - 25 * hour
    assert list(stretches(whole - 48 * hour, whole, 7_000, now)) == [(whole - 48 * hour, whole, (0,))]
    assert list(stretches(whole, now, None, now)) == [(whole, now, (0,))]
    assert list(stretches(whole - hour, whole, hour, now)) == [
        (whole - hour, whole, (hour, 60_000, 10_000, 0)),
    ]
    recent = list(stretches(now - hour, now, 10_000, now))
    assert recent == [(now - hour, now - 30_000, (10_000, 0)), (now - 30_000, now, (0,))]
    day = list(stretches(now - 96 * hour, now, 24 * hour, now))
    edge = (now - hour - 15_000) // (24 * hour) * 24 * hour
    assert day[0] == (now - 96 * hour, edge, (hour, 60_000, 10_000, 0))
    assert [a for a, _, _ in day[1:]] == [b for _, b, _ in day[:-1]]
    assert day[-1][1] == now
    assert all(a % (24 * hour) == 0 for a, _, _ in day[1:])


def test_a_container_without_a_second_in_the_range_is_not_listed() -> None:
    found = lives([info((50, "a"))], [])
    assert known_containers(found, [], 1000) == ()
    row = Table(TAGS, ("time", "pids", "note"), [[2000, 3, "text"]])
    (known,) = known_containers(found, [row], 1000)
    assert (known.last_ms, known.latest) == (2000, {"pids": 3.0})


def test_of_two_last_rows_the_later_counts() -> None:
    rows = [Table(TAGS, ("time", "pids"), [[at, at]]) for at in (3000, 2000)]
    (known,) = known_containers(lives([info((50, "a"))], []), rows, 0)
    assert known.latest == {"pids": 3000.0}


@pytest.mark.parametrize("detail", [None, 5, "", "{", "[1]"])
def test_an_event_with_a_broken_detail_is_still_an_event(detail: object) -> None:
    table = Table({}, ("time", "kind", "detail", "n"), [[5, "start", detail, "x"]])
    (event,) = events_of([table], 0, 10)
    assert (event.kind, event.detail, event.id) == ("start", {}, 5000)


def reply(body: object, *, packed: bool = False, status: int = 200) -> Reply:
    raw = msgspec.msgpack.encode(body) if packed else json.dumps(body).encode()
    return Reply(status, {"content-type": "application/x-msgpack" if packed else "application/json"}, raw)


@pytest.mark.parametrize("packed", [True, False])
def test_answers_packed_or_not(packed: bool) -> None:
    series = [{"name": "m", "tags": {"host": "h"}, "columns": ["time", "x"], "values": [[1, 2.5]]}]
    (table,) = tables(reply({"results": [{"statement_id": 0, "series": series}]}, packed=packed))
    assert (table.tags, table.columns, table.rows) == ({"host": "h"}, ("time", "x"), [[1, 2.5]])


def test_an_answer_without_series_is_empty() -> None:
    assert tables(reply({"results": [{"statement_id": 0}]})) == ()
    assert tables(reply({"results": [{"error": "database not found: x"}]})) == ()


@pytest.mark.parametrize(
    "body", [{"results": [{"error": "it broke"}]}, {"error": "it broke"}, [1], "text", {"results": [5]}]
)
def test_an_answer_that_is_none_is_one_clear_line(body: object) -> None:
    with pytest.raises(StoreError, match="InfluxDB"):
        tables(reply(body))
    with pytest.raises(StoreError, match="InfluxDB"):
        tables(Reply(200, {}, b"<html>"))
