"""The guard and the budget: no value leaves its bounds, no memory limit goes below what is in use."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import guard
from limits.budget import HostRoom, due_soon
from limits.sizes import MEMORY_LEAST, MIB
from model.change import Mode, Policy, Verdict, WorkClass
from model.limits import UNLIMITED
from model.target import Target, TargetId

GIB = 1024 * MIB
cores = st.floats(0.01, 256)
sizes = st.integers(MEMORY_LEAST, 1 << 40)
wild = st.floats(allow_nan=False, allow_infinity=False, min_value=0)


def target(**fields: object) -> Target:
    return Target(TargetId("docker", "a" * 64, 1), "/docker/a", "web", **fields)  # type: ignore[arg-type]


@given(wild, cores, cores, st.none() | cores, st.none() | cores, st.sampled_from(WorkClass), st.integers(1, 256))
def test_no_quota_leaves_its_bounds(
    wanted: float, now: float, floor: float, least: float | None, most: float | None, kind: WorkClass, count: int
) -> None:
    policy = Policy(Mode.AUTO, kind, cpu_min=least, cpu_max=most)
    bounds = guard.cpu_bounds(policy, floor, count)
    ruling = guard.permit_cpu(wanted, now, bounds)
    if ruling.verdict is Verdict.REFUSED:
        return
    assert bounds[0] <= ruling.value <= bounds[1]
    if least is None and kind is not WorkClass.DENSE:
        assert ruling.value >= floor, "never below the owner's own limit"
    ceiling = max(min(most or inf, max(0.01, count - 0.2)), floor, least or 0)
    assert ruling.value <= ceiling


@given(wild, sizes, sizes, st.none() | sizes, st.none() | sizes, sizes, st.integers(0, 1 << 38))
def test_no_memory_limit_goes_below_what_is_in_use(
    wanted: float, now: int, floor: int, least: int | None, most: int | None, used: int, headroom: int
) -> None:
    bounds = guard.memory_bounds(Policy(Mode.AUTO, memory_min=least, memory_max=most), floor)
    ruling = guard.permit_memory(wanted, now, bounds, used, headroom)
    if ruling.verdict is Verdict.REFUSED:
        return
    assert ruling.value >= used
    assert ruling.value <= max(2 * now, now + guard.MEMORY_STEP), "one step is not too long"
    assert ruling.value <= max(bounds[1], min(now, used + headroom)), "what is in use is over a maximum"
    assert ruling.value % 4096 == 0
    if ruling.value < now:
        assert ruling.value >= min(now, used + headroom) - 4096


@given(wild, sizes, st.integers(0, 1 << 40), st.booleans())
def test_by_hand_neither(wanted: float, now: int, used: int, v2: bool) -> None:
    ruling = guard.permit_memory_by_hand(wanted, now, used, v2=v2)
    if ruling.verdict is Verdict.ALLOWED and wanted < now:
        assert wanted >= used
        if v2:
            assert wanted >= used + min(guard.V2_MARGIN_LEAST, 8 * MIB)


def test_unlimited_and_unknown_are_not_changed() -> None:
    assert guard.permit_cpu(1.0, UNLIMITED, (0.1, 4)).verdict is Verdict.REFUSED
    assert guard.permit_cpu(1.0, None, (0.1, 4)).verdict is Verdict.REFUSED
    assert guard.permit_memory(GIB, UNLIMITED, (0, inf), 1, 1).verdict is Verdict.REFUSED
    assert guard.permit_memory(GIB, 64 * MIB, (0, inf), None, 1).verdict is Verdict.REFUSED
    assert guard.permit_memory_by_hand(32 * MIB, 64 * MIB, None, v2=False).verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("policy", "floor", "count", "bounds"),
    [
        (Policy(), 0.5, 4, (0.5, 3.8)),
        (Policy(cpu_max=2), 0.5, 4, (0.5, 2)),
        (Policy(cpu_max=0.2), 0.5, 4, (0.5, 0.5)),
        (Policy(cpu_min=0.1), 0.5, 4, (0.1, 3.8)),
        (Policy(cpu_min=1), 0.5, 4, (1, 3.8)),
        (Policy(work_class=WorkClass.DENSE), 0.5, 4, (0.02, 3.8)),
        (Policy(), 2.0, 2, (2.0, 2.0)),
        (Policy(), 0.5, 1, (0.5, 0.8)),
    ],
)
def test_bounds_of_cpu(policy: Policy, floor: float, count: int, bounds: tuple[float, float]) -> None:
    assert guard.cpu_bounds(policy, floor, count) == pytest.approx(bounds)


def test_who_is_left_alone() -> None:
    auto = Policy(Mode.AUTO)
    assert guard.kept_off(target(), auto) is None
    assert guard.kept_off(target(), Policy()) == "its policy is observe"
    assert "paused" in str(guard.kept_off(target(state="paused"), auto))
    assert "swarm owns" in str(guard.excluded(target(managed_by="swarm")))
    assert "own container" in str(guard.excluded(target(), ("a" * 64,)))
    assert "gone" in str(guard.excluded(target(state="removed")))


@pytest.mark.parametrize(
    ("usage", "pressure", "granted"),
    [(1.0, 0.9, True), (1.9, 0.1, True), (1.9, 0.5, False), (1.9, None, False), (None, 0.1, True), (None, None, False)],
)
def test_room_for_cpu(usage: float | None, pressure: float | None, granted: bool) -> None:
    room = HostRoom(2)
    values = {"cpu_usage_cores": usage, "cpu_pressure_some_ratio": pressure}
    room.see({key: value for key, value in values.items() if value is not None}, 1.0)
    assert (room.refuses_cpu() is None) is granted


def test_pressure_is_that_of_ten_seconds() -> None:
    room = HostRoom(2)
    for second in range(12):
        room.see({"cpu_usage_cores": 2.0, "cpu_pressure_some_ratio": 0.0 if second < 10 else 0.9}, 1.0)
    assert room.pressure == pytest.approx(0.171, abs=0.01)
    assert room.refuses_cpu() is None


def memory_room(total: float, available: float) -> HostRoom:
    room = HostRoom(2)
    room.see({"host_memory_total_bytes": total, "host_memory_available_bytes": available}, 1.0)
    return room


def test_room_for_memory() -> None:
    room = memory_room(16 * GIB, 12 * GIB)
    assert room.refuses_memory("a", 1 * GIB, {"a": 2 * GIB}, {}, {}, {}) is None
    assert "more than all containers" in str(room.refuses_memory("a", 15 * GIB, {"a": 2 * GIB}, {}, {}, {}))
    used, slopes = {"a": 2 * GIB, "b": 3 * GIB}, {"b": 1 * GIB}
    refusal = str(room.refuses_memory("a", 3 * GIB, used, slopes, {}, {"a": "web", "b": "db"}))
    assert "spoken for" in refusal
    assert refusal.endswith("the kernel would most likely kill db, the largest")
    assert room.refuses_memory("a", 3 * GIB, used, slopes, {"b": 4 * GIB}, {}) is None, (
        "b cannot take more than its limit"
    )
    assert HostRoom(2).refuses_memory("a", 1, {}, {}, {}, {}) == "the host's own memory is not known yet"


@given(
    st.dictionaries(st.text(max_size=3), st.floats(0, 8 * GIB), max_size=8),
    st.dictionaries(st.text(max_size=3), st.floats(0, GIB), max_size=8),
    st.floats(0, 8 * GIB),
)
def test_a_granted_raise_keeps_the_invariant(used: dict[str, float], slopes: dict[str, float], others: float) -> None:
    total = 16.0 * GIB
    room = memory_room(total, max(0.0, total - sum(used.values()) - others))
    if room.refuses_memory("a", 1.0 * GIB, used, slopes, {}, {}) is None:
        due = due_soon(used, slopes, {"a": 1.0 * GIB})
        assert due <= room.memory_for_containers(sum(used.values())) <= total - max(0.05 * total, 512 * MIB)
