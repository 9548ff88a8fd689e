"""Contract of SeriesWriter and SeriesReader, over every implementation that both writes and reads."""

from __future__ import annotations

import time
from random import Random

import pytest

from model.event import Event
from model.metrics import METRICS
from storage.api import SeriesColumn, SeriesQuery
from tests.storage.conftest import Store
from tests.storage.hosts import snapshot, target

CPU = "cpu_usage_cores"
A, B = "a" * 64, "b" * 64
HOUR_S = 3600
START_MS = ((int(time.time()) // HOUR_S - 2) * HOUR_S + 800) * 1000
"""Not long ago: servers look back for hosts and containers, but not for ever. Off the grid of minutes and hours."""


def at(second: int) -> int:
    return START_MS + second * 1000


def fill(store: Store, seconds: int, *, missing: frozenset[int] = frozenset(), start: int = 0) -> None:
    """Second ``i``: ``i`` hundredths of a core."""
    for i in range(start, start + seconds):
        if i not in missing:
            store.writer.append(snapshot(at(i), {A: {CPU: i / 100, "memory_usage_bytes": 4096.0 * i}}))


def one(store: Store, query: SeriesQuery) -> SeriesColumn:
    (column,) = store.reader.query(query).series
    return column


def test_seconds_come_back_as_they_were(store: Store) -> None:
    fill(store, 700)
    result = store.reader.query(SeriesQuery((CPU,), at(0), at(700)))
    (column,) = result.series
    assert (result.t0_ms, result.step_ms) == (at(0), 1000)
    assert column.avg == [i / 100 for i in range(700)]
    assert column.avg is column.min is column.max
    assert (column.host, column.container, column.name, column.metric, column.unit) == ("web-1", A, A, CPU, "cores")


def test_the_range_is_half_open_and_gaps_are_none(store: Store) -> None:
    fill(store, 20, missing=frozenset({12, 13}))
    column = one(store, SeriesQuery((CPU,), at(10), at(15)))
    assert column.avg == [0.10, 0.11, None, None, 0.14]
    assert one(store, SeriesQuery((CPU,), at(10) + 1, at(12))).avg == [0.11]
    assert one(store, SeriesQuery((CPU,), at(18), at(25))).avg == [0.18, 0.19, None, None, None, None, None]


@pytest.mark.parametrize("step_s", [2, 7, 10, 15, 30, 60, 120, 3600])
def test_buckets_are_aligned_and_hold_mean_minimum_and_maximum(store: Store, step_s: int) -> None:
    missing = frozenset(Random(step_s).sample(range(900), 200)) | frozenset(range(300, 340))
    fill(store, 900, missing=missing)
    result = store.reader.query(SeriesQuery((CPU,), at(0), at(900), step_ms=step_s * 1000))
    (column,) = result.series
    assert result.step_ms == step_s * 1000
    assert result.t0_ms % result.step_ms == 0
    assert result.t0_ms <= at(0) < result.t0_ms + result.step_ms
    for i, (mean, low, high) in enumerate(zip(column.avg, column.min, column.max, strict=True)):
        start = result.t0_ms + i * result.step_ms
        there = [s / 100 for s in range(900) if s not in missing and start <= at(s) < start + result.step_ms]
        if not there:
            assert (mean, low, high) == (None, None, None)
        else:
            assert mean == pytest.approx(sum(there) / len(there), abs=1e-9)
            assert (low, high) == (min(there), max(there))


def test_points_choose_a_step_of_at_least_a_second(store: Store) -> None:
    fill(store, 60)
    result = store.reader.query(SeriesQuery((CPU,), at(0), at(60), points=1000))
    assert result.step_ms == 1000
    assert len(result.series[0].avg) == 60
    result = store.reader.query(SeriesQuery((CPU,), at(0), at(60), points=20))
    assert result.step_ms == 3000
    assert len(store.reader.query(SeriesQuery((CPU,), at(-86400), at(60), points=500)).series[0].avg) <= 501


def test_a_number_of_things_is_summed(store: Store) -> None:
    for i in range(120):
        store.writer.append(snapshot(at(i), {A: {"memory_oom_kills": float(i % 60 == 7)}}))
    column = one(store, SeriesQuery(("memory_oom_kills",), at(0), at(120), step_ms=120_000))
    assert sum(v for v in column.avg if v is not None) == 2
    assert column.avg == column.max


def test_a_metric_that_comes_and_goes(store: Store) -> None:
    for i in range(400):
        values = {CPU: 1.0} | ({"cpu_limit_cores": 0.5} if i % 3 == 0 else {})
        store.writer.append(snapshot(at(i), {A: values}))
    column = one(store, SeriesQuery(("cpu_limit_cores",), at(0), at(400)))
    assert column.avg == [0.5 if i % 3 == 0 else None for i in range(400)]


def test_targets_are_chosen_by_container_service_group_and_host(store: Store) -> None:
    targets = {A: target(A, "web", group="shop"), B: target(B, "db", group="data")}
    store.writer.append(snapshot(at(0), {A: {CPU: 1.0}, B: {CPU: 2.0}}, targets=targets, host_values={CPU: 3.0}))

    def found(**query: object) -> list[str]:
        full = SeriesQuery((CPU,), at(0), at(1), **query)  # type: ignore[arg-type]
        return [column.name for column in store.reader.query(full).series]

    assert found() == ["db", "web"]
    assert found(containers=(A,)) == ["web"]
    assert found(services=("shop/db",)) == ["db"]
    assert found(groups=("shop",)) == ["web"]
    assert found(groups=("shop",), containers=(B,)) == ["db", "web"]
    assert found(host="web-1") == ["db", "web"]
    assert found(host="elsewhere") == []
    assert found(containers=("nobody",)) == []
    host = one(store, SeriesQuery((CPU,), at(0), at(1), of_host=True))
    assert (host.container, host.name, host.avg) == ("", "web-1", [3.0])


def test_every_mount_of_a_metric_with_instances(store: Store) -> None:
    disks = {"host_disk_used_ratio{/}": 0.25, "host_disk_used_ratio{/a b}": 0.5}
    store.writer.append(snapshot(at(0), {}, host_values=disks))
    both = store.reader.query(SeriesQuery(("host_disk_used_ratio",), at(0), at(1), of_host=True)).series
    assert sorted((c.metric, c.avg[0]) for c in both) == sorted(disks.items())
    assert one(store, SeriesQuery(("host_disk_used_ratio{/}",), at(0), at(1), of_host=True)).avg == [0.25]


def test_a_service_joins_over_recreates(store: Store) -> None:
    first, second = target(A, "web"), target(B, "web")
    for i in range(10):
        key, who = (A, first) if i < 5 else (B, second)
        store.writer.append(snapshot(at(i), {key: {CPU: i / 10}}, targets={key: who}))
    joined = one(store, SeriesQuery((CPU,), at(0), at(10), services=("shop/web",), join_service=True))
    assert joined.container == B
    assert joined.avg == [i / 10 for i in range(10)]
    apart = store.reader.query(SeriesQuery((CPU,), at(0), at(10), services=("shop/web",))).series
    assert {c.container for c in apart} == {A, B}


def test_an_empty_answer(store: Store) -> None:
    assert store.reader.query(SeriesQuery((CPU,), at(0), at(10))).series == ()
    assert store.reader.span() is None
    assert store.reader.hosts() == ()
    assert store.reader.containers() == ()
    assert store.reader.events() == ()
    fill(store, 10)
    assert store.reader.query(SeriesQuery(("pids", "no_such_metric"), at(0), at(10))).series == ()
    assert store.reader.query(SeriesQuery((CPU,), at(5), at(5))).series == ()
    assert store.reader.query(SeriesQuery((CPU,), at(500), at(600))).series == ()


def test_containers_with_their_last_values(store: Store) -> None:
    fill(store, 5)
    store.writer.append(snapshot(at(5), {B: {CPU: 0.5, "pids": 7.0}}, targets={B: target(B, "db", image="pg:16")}))
    known = {c.id: c for c in store.reader.containers()}
    assert (known[A].first_ms, known[A].last_ms, known[A].latest[CPU]) == (at(0), at(4), 0.04)
    assert (known[B].name, known[B].image, known[B].service, known[B].runtime) == ("db", "pg:16", "shop/db", "docker")
    assert known[B].latest == {CPU: 0.5, "pids": 7.0}
    assert [c.id for c in store.reader.containers(seen_since_ms=at(5))] == [B]
    some = {c.id: c for c in store.reader.containers(metrics=(CPU,))}
    assert {key: (c.last_ms, c.latest[CPU]) for key, c in some.items()} == {
        key: (c.last_ms, c.latest[CPU]) for key, c in known.items()
    }
    assert store.reader.hosts() == ("web-1",)
    assert store.reader.span() == (at(0), at(5))


def test_a_renamed_container_keeps_its_series(store: Store) -> None:
    store.writer.append(snapshot(at(0), {A: {CPU: 0.1}}, targets={A: target(A, "old")}))
    store.writer.append(snapshot(at(1), {A: {CPU: 0.2}}, targets={A: target(A, "new")}))
    column = one(store, SeriesQuery((CPU,), at(0), at(2)))
    assert (column.name, column.avg) == ("new", [0.1, 0.2])


def test_events_grow_in_order(store: Store) -> None:
    died = Event(at(0), "stop", "web-1", A, "web", "shop/web", {"exit_code": 137, "oom_killed": True, "note": None})
    store.writer.append(snapshot(at(0), {A: {CPU: 0.1}}, events=(died,)))
    store.writer.record([Event(at(3), "limit_change", "web-1", B, "db"), Event(at(4), "start", "web-1", A, "web")])
    events = store.reader.events()
    assert [e.kind for e in events] == ["stop", "limit_change", "start"]
    assert [e.id for e in events] == sorted({e.id for e in events})
    assert events[0] == Event(died.at_ms, "stop", "web-1", A, "web", "shop/web", died.detail, events[0].id)
    assert [e.kind for e in store.reader.events(since_ms=at(3), until_ms=at(4))] == ["limit_change"]
    assert [e.kind for e in store.reader.events(container_id=A)] == ["stop", "start"]
    assert [e.kind for e in store.reader.events(kinds=("start", "stop"))] == ["stop", "start"]
    assert [e.kind for e in store.reader.events(after_id=events[0].id, limit=1)] == ["limit_change"]


def test_every_metric_is_exact_at_its_resolution(store: Store) -> None:
    random = Random(4)
    rows = []
    for i in range(330):
        values = {m.name: round(random.random() * 50_000_000_000) * m.resolution for m in METRICS}
        rows.append({name: round(v, 4) for name, v in values.items()})
        store.writer.append(snapshot(at(i), {A: rows[-1]}))
    result = store.reader.query(SeriesQuery(tuple(m.name for m in METRICS), at(0), at(330)))
    assert {c.metric for c in result.series} == {m.name for m in METRICS}
    for column in result.series:
        assert column.avg == [row[column.metric] for row in rows], column.metric


def test_the_same_tick_twice_is_one(store: Store) -> None:
    fill(store, 3)
    fill(store, 1, start=2)
    assert one(store, SeriesQuery((CPU,), at(0), at(3))).avg == [0.0, 0.01, 0.02]


def test_a_slower_interval(store: Store) -> None:
    for i in range(0, 600, 5):
        store.writer.append(snapshot(at(i), {A: {CPU: i / 100}}, interval_s=5.0))
    result = store.reader.query(SeriesQuery((CPU,), at(0), at(600)))
    assert result.step_ms == 5000
    assert result.series[0].avg == [i / 100 for i in range(0, 600, 5)]
    minute = one(store, SeriesQuery((CPU,), at(0), at(600), step_ms=60_000))
    assert minute.avg[1] == pytest.approx(sum(range(40, 100, 5)) / 12 / 100)
