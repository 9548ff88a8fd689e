"""Roll-ups while seconds pass: exact at any depth, whole over restarts, and each point written once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from storage.influx.line import LineEncoder
from storage.influx.rollups import HOUR, SUFFIXES, Ladder, merged, part_of
from storage.influx.segment import unpack
from storage.influx.spool import DiskSpool
from storage.influx.unfinished import Unfinished
from tests.storage.hosts import START_MS, snapshot, target
from tests.support.line_protocol import parse

HOUR_MS = START_MS // HOUR * HOUR + HOUR
A, B = "a" * 64, "b" * 64
Numbers = tuple[float, float, float, float]


def seconds(count: int, missing: float = 0.2, seed: int = 1) -> list[tuple[int, Mapping[str, float]]]:
    """Some seconds are not there, and in some a metric is not."""
    draw = Random(seed)
    found = []
    for i in range(count):
        values = {"pids": float(draw.randrange(1000)), "cpu_usage_cores": draw.randrange(10_000) / 10_000}
        if draw.random() < 0.1:
            values.pop("pids")
        if draw.random() >= missing:
            found.append((HOUR_MS + i * 1000, values))
    return found


def by_hand(
    ticks: Sequence[tuple[int, Mapping[str, float]]], width: int, metric: str
) -> dict[int, tuple[float, int, float, float]]:
    buckets = defaultdict(list)
    for at, values in ticks:
        if metric in values:
            buckets[at // width].append(values[metric])
    return {key: (sum(v), len(v), min(v), max(v)) for key, v in buckets.items()}


def points_of(lines: Sequence[str], measurement: str, metric: str) -> dict[int, list[Numbers]]:
    """Points by time, each as (sum, n, min, max)."""
    found = defaultdict(list)
    for point in map(parse, lines):
        if point.measurement == measurement and f"{metric}_n" in point.fields:
            numbers = tuple(float(str(point.fields[f"{metric}_{p}"])) for p in ("sum", "n", "min", "max"))
            found[point.at_ms].append(numbers)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("width", list(SUFFIXES))
@pytest.mark.parametrize("metric", ["pids", "cpu_usage_cores"])
def test_every_bucket_is_what_its_seconds_were(width: int, metric: str) -> None:
    ticks = seconds(2 * 3600 + 77)
    encoder = LineEncoder()
    lines: list[str] = []
    for at, values in ticks:
        lines += encoder.snapshot(snapshot(at, {A: values}))
    lines += encoder.finish()
    found = points_of(lines, f"container{SUFFIXES[width]}", metric)
    assert all(len(rows) == 1 for rows in found.values())
    rolled = {at // width: rows[0] for at, rows in found.items()}
    expected = by_hand(ticks, width, metric)
    assert rolled.keys() == expected.keys()
    for key, numbers in expected.items():
        assert rolled[key] == pytest.approx(numbers, abs=1e-3)


def test_the_host_is_rolled_up_too() -> None:
    encoder = LineEncoder()
    name = "host_disk_used_ratio{/var lib}"
    lines: list[str] = []
    for i in range(11):
        lines += encoder.snapshot(snapshot(HOUR_MS + i * 1000, {}, host_values={name: 0.5}))
    assert points_of(lines, "host_10s", name) == {HOUR_MS: [(5.0, 10.0, 0.5, 0.5)]}


def test_a_container_that_ends_leaves_no_bucket_open() -> None:
    encoder = LineEncoder()
    encoder.snapshot(snapshot(HOUR_MS, {A: {"pids": 3}, B: {"pids": 1}}))
    lines = encoder.snapshot(snapshot(HOUR_MS + 1000, {B: {"pids": 1}}))
    for suffix in SUFFIXES.values():
        assert points_of(lines, f"container{suffix}", "pids") == {HOUR_MS: [(3.0, 1.0, 3.0, 3.0)]}


def test_a_clock_that_goes_back_closes_what_is_open_and_counts_each_second_once() -> None:
    ladder = Ladder("")
    one, two = (("pids",), (1.0,)), (("pids",), (2.0,))
    closed = [*ladder.add(HOUR_MS + 30_000, one), *ladder.add(HOUR_MS - 500, two), *ladder.finish()]
    for width in SUFFIXES:
        assert sorted(part.sums for w, part in closed if w == width) == [(1,), (2,)]


def test_parts_with_other_metrics_are_merged_by_name() -> None:
    one = part_of(5, [(("a", "b"), (1.0, 2.0)), (("b",), (4.0,))])
    two = part_of(9, [(("b", "c"), (-1.0, 7.0))])
    whole = merged([one, two])
    assert (whole.first_ms, whole.names) == (5, ("a", "b", "c"))
    assert (whole.counts, whole.sums, whole.lows, whole.highs) == (
        (1, 3, 1),
        (1.0, 5.0, 7.0),
        (1.0, -1.0, 7.0),
        (1.0, 4.0, 7.0),
    )


def drained(spool: DiskSpool) -> list[str]:
    lines: list[str] = []
    while (batch := spool.take(10_000)) is not None:
        lines += unpack(batch.packed).decode().splitlines()
        spool.done(batch)
    return lines


@pytest.mark.parametrize("end", ["close", "finish"])
def test_a_restart_loses_no_second_of_a_bucket(tmp_path: Path, end: str) -> None:
    lines: list[str] = []
    for first in range(0, 4200, 700):
        spool = DiskSpool(tmp_path, 1 << 30)
        for i in range(first, first + 700):
            spool.append(snapshot(HOUR_MS + i * 1000, {A: {"pids": 1}}))
        if end == "finish":
            spool.finish()
        lines += drained(spool)
        spool.close()
    spool = DiskSpool(tmp_path, 1 << 30)
    spool.append(snapshot(HOUR_MS + 4200 * 1000, {A: {"pids": 1}}))
    spool.finish()
    lines += drained(spool)
    spool.close()
    for width, suffix in SUFFIXES.items():
        numbers: dict[int, float] = defaultdict(float)
        for at, rows in points_of(lines, f"container{suffix}", "pids").items():
            assert len(rows) == 1, "a second point of the same time would replace the first"
            numbers[at // width] += rows[0][1]
        assert sum(numbers.values()) == 4201
        assert all(n == width / 1000 for n in list(numbers.values())[:-1])


def test_after_a_kill_the_hour_goes_on_from_what_was_noted(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path / "a", 1 << 30)
    for i in range(1500):
        spool.append(snapshot(HOUR_MS + i * 1000, {A: {"pids": 1}, B: {"pids": 1}}))
    noted = (tmp_path / "a" / "rollups.open").read_bytes()  # what a kill -9 leaves
    spool.close()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "rollups.open").write_bytes(noted)
    again = DiskSpool(tmp_path / "b", 1 << 30)
    for i in range(1500, 3601):
        again.append(snapshot(HOUR_MS + i * 1000, {A: {"pids": 1}}))
    lines = drained(again)
    again.close()
    gone, whole = sorted(points_of(lines, "container_1h", "pids")[HOUR_MS])
    assert whole[1] == 1201 + 2100
    assert gone[1] == 1201


@pytest.mark.parametrize("text", [b"", b"\x81", b"[1]", b"\x81\xa1a\x93\x01\x02\x03"])
def test_a_damaged_note_is_as_good_as_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "rollups.open"
    path.write_bytes(text)
    assert Unfinished(path).read() == {}


def test_a_container_under_another_name_begins_anew() -> None:
    encoder = LineEncoder()
    old, new = target(A, "web"), target(A, "web-2")
    encoder.snapshot(snapshot(HOUR_MS, {A: {"pids": 3}}, targets={A: old}))
    lines = encoder.snapshot(snapshot(HOUR_MS + 1000, {A: {"pids": 4}}, targets={A: new})) + encoder.finish()
    found = {
        (point.tags["container"], point.fields["pids_sum"])
        for point in map(parse, lines)
        if point.measurement == "container_1m"
    }
    assert {name for name, _ in found} == {"web", "web-2"}
