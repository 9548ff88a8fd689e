"""What the owner allows: defaults, own labels, API, caps; and the faults in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import LimitSettings
from limits.policy import FIELDS, checked_fields, effective
from limits.sizes import MIB, parse_bytes, parse_cores, parse_memory, parse_seconds, say_bytes, shown
from model.change import Mode, Policy, WorkClass
from model.errors import InvalidInput
from model.target import Target, TargetId


def policy(
    labels: dict[str, str] | None = None,
    fields: dict[str, object] | None = None,
    image: dict[str, str] | None = None,
    prefix: str = "wharfinger.",
    **settings: object,
) -> Policy:
    target = Target(TargetId("docker", "a" * 64, 1), "/docker/a", "web", labels=labels or {}, image_labels=image or {})
    return effective(LimitSettings(**settings), target, fields or {}, prefix)  # type: ignore[arg-type]


def test_the_default_is_to_watch() -> None:
    assert policy().mode is Mode.OBSERVE
    assert policy().work_class is WorkClass.BALANCED
    assert policy().faults == ()


def test_labels_override_settings_and_the_api_overrides_both() -> None:
    found = policy(
        {
            "wharfinger.limits": "auto",
            "wharfinger.class": "latency",
            "wharfinger.cpu.min": "0.5",
            "wharfinger.cpu.max": "2",
            "wharfinger.memory.min": "64m",
            "wharfinger.memory.max": "1.5g",
            "wharfinger.cpu.weight": "200",
            "wharfinger.priority": "-3",
        },
        {"cpu_max": 1.5, "class": "dense", "memory_max": "1g", "shrink_memory": True},
    )
    assert (found.mode, found.work_class) == (Mode.AUTO, WorkClass.DENSE)
    assert (found.cpu_min, found.cpu_max, found.memory_min, found.memory_max) == (0.5, 1.5, 64 * MIB, 1024 * MIB)
    assert (found.cpu_weight, found.priority, found.shrink_memory) == (200, -3, True)
    assert found.sources["mode"] == "label"
    assert found.sources["cpu_max"] == "api"
    assert found.faults == ()


def test_labels_that_the_image_brought_grant_nothing() -> None:
    labels = {"wharfinger.limits": "auto", "wharfinger.cpu.max": "2"}
    assert policy(labels, image={"wharfinger.limits": "auto"}).mode is Mode.OBSERVE
    assert policy(labels, image={"wharfinger.limits": "off"}).mode is Mode.AUTO


def test_the_prefix_is_a_setting() -> None:
    assert policy({"acme.limits": "auto"}, prefix="acme.").mode is Mode.AUTO
    assert policy({"acme.limits": "auto"}).mode is Mode.OBSERVE


def test_caps_of_the_host_are_over_every_label_and_the_api() -> None:
    found = policy({"wharfinger.cpu.max": "8", "wharfinger.cpu.min": "6"}, cpu_max=4.0, memory_max="2g")
    assert (found.cpu_min, found.cpu_max, found.memory_max) == (4.0, 4.0, 2048 * MIB)
    assert found.sources["cpu_max"] == "config"
    assert policy(fields={"memory_max": "4g"}, memory_max="2g").memory_max == 2048 * MIB
    assert policy({"wharfinger.cpu.max": "2"}, cpu_max=4.0).cpu_max == 2.0


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("limits", "yes", "'yes' is not a mode: write off, observe or auto."),
        ("class", "fast", "is not a class: write latency, balanced or dense."),
        ("cpu.max", "lots", "is not a number of cores: write a number from 0.01 on"),
        ("cpu.max", "-1", "is not a number of cores"),
        ("cpu.max", "nan", "is not a number of cores"),
        ("cpu.min", "inf", "is not a number of cores"),
        ("memory.max", "512q", "is not a size: write a number with b, k, m or g"),
        ("memory.max", "1m", "is below Docker's least memory limit of 6m"),
        ("memory.max", "-5m", "is not a size"),
        ("memory.min", "", "is not a size"),
        ("memory.max", "99999999999999999999g", "is out of range"),
        ("cpu.weight", "0", "is not a CPU weight"),
        ("priority", "high", "is not a priority"),
    ],
)
def test_a_bad_label_is_a_sentence_and_is_not_used(label: str, value: str, words: str) -> None:
    found = policy({f"wharfinger.{label}": value})
    (fault,) = found.faults
    assert fault.startswith(f"Label wharfinger.{label} = ")
    assert words in fault
    assert found == policy() or found.faults, "nothing else changes"
    assert (found.mode, found.cpu_max, found.memory_max, found.cpu_min) == (Mode.OBSERVE, None, None, None)


def test_a_misspelt_label_is_told_with_the_nearest() -> None:
    (fault,) = policy({"wharfinger.limit": "auto"}).faults
    assert fault.endswith("did you mean wharfinger.limits?")
    assert policy({"wharfinger.owner": "ann", "wharfinger.group": "shop"}).faults == ()


def test_a_minimum_above_the_maximum_is_not_used() -> None:
    found = policy({"wharfinger.cpu.min": "2", "wharfinger.cpu.max": "1"})
    assert (found.cpu_min, found.cpu_max) == (None, 1.0)
    assert "above its maximum" in found.faults[0]


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"mode": "on"}, "mode", "write off, observe or auto"),
        ({"mode": 1}, "mode", "wrong type"),
        ({"cpumax": 1}, "cpumax", "did you mean cpu_max?"),
        ({"cpu_max": "x"}, "cpu_max", "number of cores"),
        ({"cpu_max": True}, "cpu_max", "wrong type"),
        ({"cpu_max": float("nan")}, "cpu_max", "wrong type"),
        ({"memory_max": [1]}, "memory_max", "wrong type"),
        ({"memory_max": 100}, "memory_max", "6m"),
        ({"cpu_min": 2, "cpu_max": 1}, "cpu_min", "above cpu_max"),
        ({"shrink_memory": "maybe"}, "shrink_memory", "true or false"),
        ({"priority": 1.5}, "priority", "priority"),
    ],
)
def test_bad_api_fields_are_all_told(fields: dict[str, object], path: str, words: str) -> None:
    with pytest.raises(InvalidInput) as fault:
        checked_fields({**fields, "class": "none such"} if "cpu_min" not in fields else fields)
    found = {one.path: one.message for one in fault.value.faults}
    assert words in found[path]
    assert "cpu_min" in fields or "class" in found


def test_good_api_fields_are_kept_and_null_ones_left_out() -> None:
    fields = {"mode": "auto", "cpu_max": 1.5, "memory_max": 512 * MIB, "cpu_min": None, "shrink_memory": True}
    assert checked_fields(fields) == {key: value for key, value in fields.items() if value is not None}


@given(
    st.dictionaries(st.sampled_from(["limits", "class", "cpu.max", "memory.min", "priority"]), st.text(), max_size=5),
    st.dictionaries(
        st.sampled_from([*FIELDS, "x"]), st.none() | st.booleans() | st.text() | st.floats() | st.integers(), max_size=5
    ),
)
def test_nothing_that_is_written_anywhere_makes_it_raise(labels: dict[str, str], fields: dict[str, object]) -> None:
    found = policy({f"wharfinger.{key}": value for key, value in labels.items()}, fields)
    assert all("\n" not in fault and len(fault) < 300 for fault in found.faults)
    if found.memory_min is not None and found.memory_max is not None:
        assert found.memory_min <= found.memory_max


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512m", 512 * MIB),
        ("1.5g", 1536 * MIB),
        ("64MiB", 64 * MIB),
        ("1048576", MIB),
        ("2 GB", 2048 * MIB),
        ("8k", 8192),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


def test_other_words() -> None:
    assert parse_cores("1.5") == 1.5
    assert parse_memory("6m") == 6 * MIB
    assert (parse_seconds("24h"), parse_seconds("90"), parse_seconds("1.5m")) == (86400, 90, 90)
    assert (say_bytes(64 * MIB), say_bytes(1.5 * 1024 * MIB), say_bytes(12)) == ("64 MiB", "1.5 GiB", "12 B")
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) <= 60
    for bad in ("", "h", "1w", "-1s"):
        with pytest.raises(ValueError, match="is not a duration"):
            parse_seconds(bad)
