"""Parsers: good, missing, garbage, truncated, newer kernel. Nothing but Malformed ever leaves them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.cgroupfs import knobs, v1, v2
from collector.cgroupfs.parse import MAX_CPUS, Fields, Keyed, io_stat, network_devices, number, one, pressure
from collector.cgroupfs.source import Source
from collector.discovery.paths import cgroup_of_process
from collector.hostparse import device_names, disk_counters, load_and_tasks, real_mounts
from model.errors import Malformed
from model.limits import UNLIMITED
from model.reading import IoDevice

SOURCES: list[Source] = [
    source
    for choice in (
        v1.cpu_usage(),
        (v1.cpu_times(100),),
        v1.cpu_throttling(),
        *v1.memory(),
        *v1.io(v1.BlockIo()),
        v1.pids(),
        *v2.cpu(),
        (v2.cpu_times(),),
        *v2.pressures(),
        *v2.memory(),
        *v2.io(),
        v2.pids(),
        v1.cpu_limits(),
        v1.cpuset_limits(),
        v1.memory_limits(),
        v1.pids_limits(),
        v2.cpu_limits(),
        v2.cpuset_limits(),
        v2.memory_limits(),
        v2.pids_limits(),
    )
    for source in choice
]
NET = "Inter-|   Receive  |  Transmit\n face |bytes packets\n"


def parsed(parse: Callable[[bytes, Fields], None], text: str) -> dict[str, object]:
    fields = Fields()
    parse(text.encode(), fields)
    return dict(fields)


def keyed() -> Keyed:
    return Keyed({"usage_usec": ("cpu_usage_ns", 1000), "nr_periods": "cpu_periods"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("usage_usec 5\nnr_periods 7\n", {"cpu_usage_ns": 5000, "cpu_periods": 7}),
        ("usage_usec 5\n", {"cpu_usage_ns": 5000}),
        ("brand_new 9\nusage_usec 5\nnewer 1\nnr_periods 7\nnewest 3\n", {"cpu_usage_ns": 5000, "cpu_periods": 7}),
        ("", {}),
    ],
)
def test_keyed_takes_what_it_knows(text: str, expected: dict[str, int]) -> None:
    assert parsed(keyed(), text) == expected


def test_keyed_learns_each_layout_and_checks_its_keys() -> None:
    parse = keyed()
    assert parsed(parse, "usage_usec 1\nnr_periods 2\n") == {"cpu_usage_ns": 1000, "cpu_periods": 2}
    # as many words, other places: the learnt positions do not hold
    assert parsed(parse, "nr_periods 3\nusage_usec 4\n") == {"cpu_usage_ns": 4000, "cpu_periods": 3}
    assert parsed(parse, "usage_usec 5\nnr_periods 6\n") == {"cpu_usage_ns": 5000, "cpu_periods": 6}


def test_keyed_does_not_scale_a_value_of_the_tick_before() -> None:
    parse, fields = keyed(), Fields()
    parse(b"usage_usec 5\nnr_periods 7\n", fields)
    parse(b"nr_periods 8\n", fields)
    assert fields == {"cpu_usage_ns": 5000, "cpu_periods": 8}


@pytest.mark.parametrize("text", ["usage_usec\n", "usage_usec x\n", "something else\n", "usage_usec 5\nnr_per"])
def test_keyed_refuses_what_is_not_its_file(text: str) -> None:
    with pytest.raises(Malformed):
        parsed(keyed(), text)


def test_oom_control_of_an_old_kernel_has_no_count() -> None:
    (oom_control,) = [c[0] for c in v1.memory() if c[0].files == ("memory.oom_control",)]
    assert parsed(oom_control.parse, "oom_kill_disable 0\nunder_oom 0\n") == {}
    assert parsed(oom_control.parse, "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n") == {"memory_oom_kills": 4}


@pytest.mark.parametrize("text", ["", "x", "-5", "1 2", "1_000", "0x10", "9" * 40])
def test_a_number_is_a_number(text: str) -> None:
    with pytest.raises(Malformed):
        number(text.encode())


def test_pressure() -> None:
    line = "avg10=1.00 avg60=0.10 avg300=0.01 total="
    both = f"some {line}12\nfull {line}7\n"
    assert parsed(pressure("cpu"), both) == {"cpu_pressure_some_us": 12, "cpu_pressure_full_us": 7}
    assert parsed(pressure("cpu"), f"some {line}12\n") == {"cpu_pressure_some_us": 12}
    for text in ("", "some", f"full {line}1\n", f"some {line}x\n", f"some {line}1\nfull avg10=0.00\n"):
        with pytest.raises(Malformed):
            parsed(pressure("cpu"), text)


def test_io_stat() -> None:
    text = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0 cost.usage=9\n7:0 \n"
    assert parsed(io_stat, text) == {"io_devices": (IoDevice("8:0", 1, 2, 3, 4),)}
    assert parsed(io_stat, "") == {"io_devices": ()}
    for bad in ("sda rbytes=1\n", "8:0 rbytes=1 wbytes=2\n", "8:0 rbytes=x wbytes=2 rios=3 wios=4\n"):
        with pytest.raises(Malformed):
            parsed(io_stat, bad)


def blkio_devices(counted: bool, amounts: str, counts: str) -> object:
    block = v1.BlockIo(counted)
    fields = Fields()
    block.bytes_file(amounts.encode(), fields)
    block.operations_file(counts.encode(), fields)
    return fields.get("io_devices")


def test_blkio() -> None:
    amounts = "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\n8:16 Read 5\nTotal 35\n"
    counts = "8:0 Read 1\n8:0 Write 2\nTotal 3\n"
    assert blkio_devices(True, amounts, counts) == (IoDevice("8:0", 10, 20, 1, 2), IoDevice("8:16", 5, 0, 0, 0))
    with pytest.raises(Malformed):
        blkio_devices(True, "8:0 Read\n", counts)


def test_blkio_that_is_not_counted_is_absent_and_not_zero() -> None:
    assert blkio_devices(True, "Total 0\n", "Total 0\n") == ()
    assert blkio_devices(False, "Total 0\n", "Total 0\n") is None
    assert blkio_devices(False, "8:0 Read 1\nTotal 1\n", "8:0 Read 1\nTotal 1\n") == (IoDevice("8:0", 1, 0, 1, 0),)


def test_network_devices() -> None:
    text = NET + "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0:100 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\n"
    (interface,) = network_devices(text.encode())
    assert (interface.name, interface.receive_bytes, interface.receive_packets) == ("eth0", 100, 2)
    assert (interface.receive_errors, interface.receive_drops) == (3, 4)
    assert (interface.transmit_bytes, interface.transmit_packets) == (50, 6)
    assert (interface.transmit_errors, interface.transmit_drops) == (7, 8)
    assert network_devices(NET.encode()) == ()
    for bad in ("eth0 1 2\n", "eth0: 1 2 3\n", "eth0: a 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"):
        with pytest.raises(Malformed):
            network_devices((NET + bad).encode())


@pytest.mark.parametrize(
    ("text", "quota", "period"), [("20000 100000\n", 20000, 100000), ("max 100000\n", UNLIMITED, 100000)]
)
def test_cpu_max(text: str, quota: object, period: int) -> None:
    assert knobs.parse_cpu_max(text.encode()) == (quota, period)


@pytest.mark.parametrize("text", ["", "max", "20000 0", "x 100000", "1 2 3"])
def test_cpu_max_refuses(text: str) -> None:
    with pytest.raises(Malformed):
        knobs.parse_cpu_max(text.encode())


def test_unlimited_has_one_meaning_on_both_versions() -> None:
    assert knobs.parse_quota(b"-1\n") is UNLIMITED
    assert knobs.parse_quota(b"20000\n") == 20000
    assert knobs.parse_bytes_limit(b"9223372036854771712\n") is UNLIMITED
    assert knobs.parse_bytes_limit(b"max\n") is UNLIMITED
    assert knobs.parse_bytes_limit(b"67108864\n") == 67108864


def complaint(parse: Callable[[], object]) -> str:
    """What Malformed said, or nothing; any other error is let through and fails the test."""
    try:
        parse()
    except Malformed as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: f"{s.controller}/{s.files[0]}")
@settings(max_examples=40)
@given(text=st.one_of(st.binary(max_size=200), st.from_regex(rb"([a-z_]{1,12}[ =:]-?[0-9]{0,4}\n?){0,6}")))
def test_no_text_brings_a_parser_down(source: Source, text: bytes) -> None:
    assert "\n" not in complaint(lambda: source.parse(text, Fields()))


@given(text=st.text(max_size=200))
def test_no_text_of_proc_brings_a_parser_down(text: str) -> None:
    assert "\n" not in complaint(lambda: load_and_tasks(text))
    assert "\n" not in complaint(lambda: disk_counters(text, ("vda",)))
    assert "\n" not in complaint(lambda: real_mounts(text))
    assert "\n" not in complaint(lambda: device_names(text))
    assert "\n" not in complaint(lambda: cgroup_of_process(text, "memory", lambda path: path.startswith("/")))


@given(text=st.binary(max_size=300))
def test_no_text_brings_net_dev_down(text: bytes) -> None:
    assert "\n" not in complaint(lambda: network_devices(text))


@pytest.mark.parametrize("text", ["nan 0 0 1/2 3", "inf 0 0 1/2 3", "1.0 0 0 x 3", ""])
def test_a_load_is_a_number(text: str) -> None:
    with pytest.raises(Malformed):
        load_and_tasks(text)


def test_a_text_cut_off_anywhere_is_malformed_or_a_part_of_the_truth() -> None:
    whole = "usage_usec 12345\nuser_usec 678\nsystem_usec 90\nnr_periods 3\nnr_throttled 2\nthrottled_usec 1\n"
    (source,) = v2.cpu()[0]
    everything = parsed(source.parse, whole)
    for length in range(len(whole)):
        try:
            part = parsed(source.parse, whole[:length])
        except Malformed:
            continue
        complete = whole[:length].rpartition("\n")[0]
        assert len(part) <= len(everything)
        assert {k: part[k] for k in list(part)[:-1]}.items() <= everything.items(), complete


def test_one_scales() -> None:
    assert parsed(one("pids"), "12\n") == {"pids": 12}


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0\n", {0}), ("0-3,8\n", {0, 1, 2, 3, 8}), ("1,3\n", {1, 3}), ("\n", None), ("7-7", {7})],
)
def test_a_list_of_processors(text: str, cpus: set[int] | None) -> None:
    assert knobs.parse_cpus(text.encode()) == cpus


@pytest.mark.parametrize("text", ["3-1", "a", "0-", "-1", "1,,2", f"0-{MAX_CPUS}", "0:1"])
def test_a_list_of_processors_that_is_none(text: str) -> None:
    with pytest.raises(Malformed):
        knobs.parse_cpus(text.encode())
