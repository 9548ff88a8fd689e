"""The laws decide what they decided when their constants were frozen, and do what their sentences promise."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from limits.cpu_law import CpuLaw
from limits.memory_law import MemoryLaw
from limits.sizes import MIB

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "limits"


def golden(name: str) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Parameters (first line) and rows of one recorded run."""
    with (GOLDEN / name).open() as file:
        first = file.readline().lstrip("# ").split()
        parameters = {key: float(value) for key, _, value in (part.partition("=") for part in first)}
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return parameters, rows


@pytest.mark.parametrize("name", ["cpu_steps.csv", "cpu_bursts.csv", "cpu_noise.csv"])
def test_cpu_law_decides_as_recorded(name: str) -> None:
    parameters, rows = golden(name)
    law = CpuLaw(**parameters)
    for second, row in enumerate(rows):
        quota = law.tick(row["usage_cores"], row["throttled_ratio"])
        assert quota == pytest.approx(row["quota_cores"], abs=1e-5), f"second {second}"
        law.in_force(quota)
    assert len({row["quota_cores"] for row in rows}) > 5


@pytest.mark.parametrize("name", ["memory_grow.csv", "memory_bursts.csv", "memory_leak.csv"])
def test_memory_law_decides_as_recorded(name: str) -> None:
    parameters, rows = golden(name)
    law = MemoryLaw(
        parameters["limit_mib"] * MIB,
        parameters["headroom_mib"] * MIB,
        limit_max=parameters["limit_max_mib"] * MIB,
        lowering=True,
    )
    for second, row in enumerate(rows):
        limit = law.tick(row["used_mib"] * MIB, oom=row["oom"] > 0, stalled=row["stalled"] > 0)
        assert limit / MIB == pytest.approx(row["limit_mib"], abs=1e-3), f"second {second}"
        law.in_force(limit)


def test_pinned_container_is_raised_after_its_first_throttled_second() -> None:
    law = CpuLaw(0.05, 0.2, 1.8, 0.2)
    assert law.tick(0.2, 0.4) == pytest.approx(0.2)
    assert law.tick(0.2, 1.0) >= 0.4
    assert law.pinned


@pytest.mark.parametrize(("target", "seconds"), [(0.02, 1), (0.05, 1), (0.10, 2)])
def test_pinned_seconds_by_class(target: float, seconds: int) -> None:
    law = CpuLaw(target, 1.0, 4.0)
    wishes = [law.tick(1.0, 1.0) for _ in range(3)]
    assert next(i for i, wish in enumerate(wishes, 1) if wish > 1.0) == seconds


def test_ungranted_wishes_do_not_wind_up() -> None:
    """Watching only: what is proposed after an hour of throttling is what was proposed after a minute."""
    law = CpuLaw(0.05, 0.2, 64.0, 0.2)
    wishes = [law.tick(0.2, 1.0) for _ in range(3600)]
    assert wishes[-1] == pytest.approx(wishes[60], rel=0.05)


def test_cpu_law_takes_back_only_to_its_floor() -> None:
    law = CpuLaw(0.05, 0.5, 4.0, 0.5)
    for second in range(1200):
        law.in_force(law.tick(*((law.quota, 1.0) if second < 10 else (0.01, 0.0))))
        assert law.quota >= 0.5
    assert law.quota == pytest.approx(0.5)


def test_cpu_law_stays_within_its_bounds_when_they_change() -> None:
    law = CpuLaw(0.05, 1.0, 4.0, 0.1)
    law.bound(0.1, 1.5)
    assert law.tick(1.0, 1.0) <= 1.5
    law.bound(2.0, 1.5)
    assert law.tick(1.0, 1.0) == pytest.approx(2.0)


def test_an_idle_container_with_a_small_limit_stays_as_it_is() -> None:
    law = MemoryLaw(64 * MIB)
    assert {law.tick(1.2 * MIB + second % 3 * 4096) for second in range(3600)} == {64 * MIB}


@pytest.mark.parametrize("rate", [1, 5, 20])
def test_growth_at_a_bearable_rate_is_never_killed(rate: int) -> None:
    """The limit is always above what is in use, even though it is seen a second late."""
    law, used = MemoryLaw(64 * MIB), 2.0 * MIB
    while used < 2048 * MIB:
        law.in_force(law.tick(used))
        used += rate * MIB
        assert used < law.limit


def test_nothing_is_lowered_before_the_whole_window_was_seen() -> None:
    law = MemoryLaw(1024 * MIB, lowering=True, whole_window=True, peak_minutes=20)
    limits = []
    for _ in range(1500):
        law.in_force(law.tick(100 * MIB))
        limits.append(law.limit)
    assert set(limits[:1200]) == {1024 * MIB}
    assert limits[-1] < 1024 * MIB


def test_without_lowering_memory_only_rises() -> None:
    law = MemoryLaw(1024 * MIB)
    for second in range(3000):
        law.in_force(law.tick((500 if second < 10 else 5) * MIB))
        assert law.limit == 1024 * MIB


def test_a_contended_container_is_not_lowered_and_teaches_nothing() -> None:
    law, told = CpuLaw(0.05, 1.0, 4.0), CpuLaw(0.05, 1.0, 4.0)
    for _ in range(120):
        for one in (law, told):
            one.in_force(one.tick(0.7, 0.05))
    before = law.quota
    writes = {True: 0, False: 0}
    for second in range(60):
        usage = 0.7 if second % 4 < 2 else 0.2
        for one, contended in ((law, True), (told, False)):
            quota = one.tick(usage, 0.0, contended=contended)
            writes[contended] += quota != one.quota
            one.in_force(quota)
    assert law.quota >= before
    assert writes[True] == 0
    assert told.quota < before
    for _ in range(300):
        law.in_force(law.tick(0.2, 0.0))
    assert law.quota < before, "when the host is free again it follows"


def test_one_thread_is_not_fed_beyond_what_it_can_use() -> None:
    law = CpuLaw(0.02, 1.25, 8.0)
    for _ in range(300):
        law.in_force(law.tick(1.0, 0.0))
    assert law.quota <= 2.0
    held = law.quota
    law._log_c = 1.5
    law.in_force(law.tick(1.0, 0.0))
    assert law.single_threaded
    assert law.quota <= held
