"""Line protocol: exact at the catalogue's resolution, and safe whatever the names are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.event import Event
from model.metrics import METRICS, MetricSpec
from model.sample import Sample
from storage.influx.fields import clean, key
from storage.influx.line import INFO_EVERY_MS, LineEncoder
from tests.storage.hosts import START_MS, snapshot, target
from tests.support.line_protocol import Point, parse


def points(lines: list[str], measurement: str) -> list[Point]:
    return [point for point in map(parse, lines) if point.measurement == measurement]


def test_one_tick_is_a_line_a_container_and_one_of_the_host() -> None:
    tick = snapshot(
        START_MS,
        {"a" * 64: {"cpu_usage_cores": 0.25, "pids": 3}},
        host_values={"host_load_1m": 1.25, "host_disk_used_ratio{/data}": 0.5},
    )
    lines = LineEncoder().snapshot(tick)
    (container,) = points(lines, "container")
    assert container.tags == {"container": "a" * 64, "host": "web-1", "service": "shop/" + "a" * 64}
    assert container.fields == {"cpu_usage_cores": 0.25, "pids": 3.0}
    assert container.at_ms == START_MS
    (host,) = points(lines, "host")
    assert host.tags == {"host": "web-1"}
    assert host.fields == {"host_load_1m": 1.25, "host_disk_used_ratio{/data}": 0.5}


@pytest.mark.parametrize("spec", METRICS, ids=lambda m: m.name)
def test_every_metric_is_exact_at_its_resolution(spec: MetricSpec) -> None:
    name, resolution = spec.name, spec.resolution
    for steps in (0, 1, 7, 123_456_789):
        value = steps * resolution
        (point,) = points(LineEncoder().snapshot(snapshot(START_MS, {"c": {name: value}})), "container")
        assert round(float(point.fields[name]) / resolution) == steps


def test_what_is_not_a_finite_number_is_left_out() -> None:
    values = {
        "cpu_usage_cores": math.nan,
        "cpu_user_cores": math.inf,
        "cpu_system_cores": -math.inf,
        "memory_usage_bytes": None,
        "pids": 4,
    }
    lines = LineEncoder().snapshot(snapshot(START_MS, {"c": values, "d": {"pids": math.nan}}))  # type: ignore[dict-item]
    (point,) = points(lines, "container")
    assert point.fields == {"pids": 4.0}


def test_huge_values_whose_sum_overflows_are_all_kept() -> None:
    (point,) = points(LineEncoder().snapshot(snapshot(START_MS, {"c": {"x": 1e308, "y": 1e308}})), "container")
    assert point.fields == {"x": 1e308, "y": 1e308}


def test_identity_is_written_at_first_sight_every_minute_and_on_change() -> None:
    encoder = LineEncoder()
    written: list[tuple[int, str, object]] = []
    for second in range(181):
        image = "app:2" if second >= 100 else "app:1"
        who = target("c" * 64, "web", image=image)
        tick = snapshot(START_MS + second * 1000, {who.key: {"pids": 1}}, targets={who.key: who})
        for point in map(parse, encoder.snapshot(tick)):
            if point.measurement in ("container_info", "container_began"):
                written.append((second, point.measurement, point.fields["image"]))
    info = [(s, image) for s, m, image in written if m == "container_info"]
    assert info == [(0, "app:1"), (60, "app:1"), (100, "app:2"), (160, "app:2")]
    assert [(s, image) for s, m, image in written if m == "container_began"] == [(0, "app:1"), (100, "app:2")]


def test_identity_comes_again_soon_after_the_clock_went_back() -> None:
    encoder = LineEncoder()
    encoder.snapshot(snapshot(START_MS, {"c": {"pids": 1}}))
    lines = encoder.snapshot(snapshot(START_MS - 10 * INFO_EVERY_MS, {"c": {"pids": 1}}))
    assert points(lines, "container_info")
    assert points(lines, "host_info")


def test_a_name_that_is_recreated_stays_one_series() -> None:
    encoder = LineEncoder()
    old, new = target("1" * 64, "web"), target("2" * 64, "web")
    first = points(encoder.snapshot(snapshot(START_MS, {old.key: {"pids": 1}}, targets={old.key: old})), "container")
    lines = encoder.snapshot(snapshot(START_MS + 1000, {new.key: {"pids": 2}}, targets={new.key: new}))
    assert points(lines, "container")[0].tags == first[0].tags
    assert points(lines, "container_began")[0].fields["id"] == "2" * 64


def test_two_containers_with_one_name_at_the_same_time_do_not_mix() -> None:
    docker = target("1" * 64, "web")
    podman = replace(target("2" * 64, "web"), id=replace(target("2" * 64).id, runtime="podman"))
    tick = snapshot(
        START_MS, {docker.key: {"pids": 1}, podman.key: {"pids": 2}}, targets={docker.key: docker, podman.key: podman}
    )
    lines = LineEncoder().snapshot(tick)
    assert {p.tags["container"]: p.fields["pids"] for p in points(lines, "container")} == {
        "web": 1.0,
        f"web~{'2' * 12}": 2.0,
    }
    assert {p.fields["name"] for p in points(lines, "container_info")} == {"web"}


def test_a_service_is_always_a_tag() -> None:
    bare = target("c", "web", service=None)
    (point,) = points(LineEncoder().snapshot(snapshot(START_MS, {"c": {"pids": 1}}, targets={"c": bare})), "container")
    assert point.tags["service"] == "web"


def test_events_of_one_millisecond_are_told_apart() -> None:
    event = Event(START_MS, "alert", "web-1", "c" * 64, "web", "shop/web", {"rule": 'a "quoted"\nrule'}, id=7)
    encoder = LineEncoder()
    tick = replace(snapshot(START_MS, {}), events=(event,))
    (first,) = points(encoder.snapshot(tick), "event")
    (second,) = points(encoder.events([event]), "event")
    (later,) = points(encoder.events([replace(event, at_ms=START_MS + 1)]), "event")
    assert [p.tags["n"] for p in (first, second, later)] == ["0", "1", "0"]
    assert first.fields["detail"] == '{"rule":"a \\"quoted\\"\\nrule"}'
    assert first.fields["event_id"] == 7.0
    assert first.fields["id"] == "c" * 64


def test_a_detail_that_is_no_json_or_too_long_costs_only_itself() -> None:
    odd = Event(START_MS, "stop", "h", "c", "web", None, {"x": object()})
    long = Event(START_MS, "stop", "h", "c", "web", None, {"x": "y" * 100_000})
    found = points(LineEncoder().events([odd, long]), "event")
    assert [p.fields["detail"] for p in found] == ["{}", '{"cut":true}']


HOSTILE = st.text(st.characters(codec=None), max_size=80)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_name_breaks_a_line(name: str, host: str, mount: str) -> None:
    who = target("c" * 64, name, service=name, image=name, group=host)
    tick = snapshot(
        START_MS,
        {who.key: {"pids": 1, f"host_disk_used_ratio{{{mount}}}": 0.5}},
        host=host,
        targets={who.key: who},
        events=(Event(START_MS, "start", host, who.key, name, name, {"m": mount}),),
    )
    lines = LineEncoder().snapshot(tick)
    text = "\n".join(lines).encode()
    assert len(text.decode().splitlines()) == len(lines)
    (point,) = points(lines, "container")
    assert set(point.tags) == {"container", "host", "service"}
    assert len(point.fields) == 2
    assert points(lines, "container_info")[0].fields["id"] == "c" * 64


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a b,c=d", r"a\ b\,c\=d"),
        (r"dev-disk-by\x2duuid.swap", r"dev-disk-by\x2duuid.swap"),
        ("ends\\", "ends/"),
        ("a\\,b", "a/\\,b"),
        ("line\nbreak\x00", "line?break?"),
        ("", "-"),
        ("\udcff", "?"),
        ("münster", "münster"),
    ],
)
def test_tag_values(text: str, tag: str) -> None:
    assert key(text) == tag


def test_names_are_cut_on_a_character() -> None:
    assert clean("ü" * 2000) == "ü" * 512


def test_names_with_a_percent_sign_are_no_format() -> None:
    (point,) = points(LineEncoder().snapshot(snapshot(START_MS, {"c": {"100%s": 1.5}})), "container")
    assert point.fields == {"100%s": 1.5}


def test_a_target_that_left_is_forgotten() -> None:
    encoder = LineEncoder()
    for number in range(50):
        encoder.snapshot(snapshot(START_MS + number * 1000, {f"id-{number}": {"pids": 1}}))
    again = encoder.snapshot(snapshot(START_MS + 50_000, {"id-0": {"pids": 1}}))
    assert points(again, "container_began")


def test_a_sample_without_target_is_skipped() -> None:
    tick = replace(snapshot(START_MS, {"c": {"pids": 1}}), samples={"x": Sample({"pids": 1})})
    assert points(LineEncoder().snapshot(tick), "container") == []
