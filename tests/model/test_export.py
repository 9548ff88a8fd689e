"""Exported ranges: every form tells the same points, hostile names stay harmless."""

from __future__ import annotations

import csv
import json

import pytest

from model.export import exported, tag, unrunnable
from storage.api import SeriesColumn

RAW: list[float | None] = [1.5, None, 2.0]
COLUMNS = (
    SeriesColumn("web-1", "a" * 64, "shop a", "cpu_usage_cores", "cores", RAW, RAW, RAW),
    SeriesColumn("web-1", "a" * 64, "shop a", "pids", "1", [3.0, None, None], [2.0, None, None], [4.0, None, None]),
    SeriesColumn("web-1", "", "", "host_disk_used_ratio{/}", "ratio", [None, 0.5, None], RAW, RAW),
)


def text(form: str) -> str:
    return "".join(exported(form, 1_700_000_000_000, 1000, COLUMNS))  # type: ignore[arg-type]


def test_csv() -> None:
    rows = list(csv.reader(text("csv").splitlines()))
    assert rows[0] == ["time", "shop a cpu_usage_cores", "shop a pids", "web-1 host_disk_used_ratio{/}"]
    assert [row[1:] for row in rows[1:]] == [["1.5", "3.0", ""], ["", "", "0.5"], ["2.0", "", ""]]
    assert rows[1][0].startswith("2023-11-14T22:13:20")


def test_json_lines() -> None:
    lines = [json.loads(line) for line in text("jsonl").splitlines()]
    assert [line["values"] for line in lines] == [
        {"cpu_usage_cores": 1.5, "pids": 3.0},
        {"host_disk_used_ratio{/}": 0.5},
        {"cpu_usage_cores": 2.0},
    ]
    assert lines[0]["min"]["pids"] == 2.0
    assert lines[0]["max"]["pids"] == 4.0
    assert "min" not in lines[2]


def test_line_protocol() -> None:
    assert text("line-protocol").splitlines() == [
        "container,container=shop\\ a,host=web-1 cpu_usage_cores=1.5,pids=3.0 1700000000000",
        "host,host=web-1 host_disk_used_ratio{/}=0.5 1700000001000",
        "container,container=shop\\ a,host=web-1 cpu_usage_cores=2.0 1700000002000",
    ]


def test_nothing_is_a_header_or_no_line() -> None:
    assert list(exported("csv", 0, 1000, ())) == ["time\n"]
    assert list(exported("jsonl", 0, 1000, ())) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("plain", "plain")],
)
def test_names_are_never_run(name: str, shown: str) -> None:
    assert unrunnable(name) == shown


def test_a_tag_ends_where_it_should() -> None:
    assert tag("a b,c=d\ne\\") == "a\\ b\\,c\\=d e/"
    assert tag("") == "-"
