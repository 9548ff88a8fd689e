"""Docker's own fields, both ways: the update that is sent, and the one that puts the original back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits.actuator.docker import reason_of
from limits.actuator.native import MEMORY_NONE, cores_of, fields_for, knobs_of, memory_of, native_of, restoring
from limits.sizes import MIB
from model.change import Knobs
from model.limits import UNLIMITED


def native(**fields: int) -> dict[str, int]:
    return dict(native_of(fields))


@pytest.mark.parametrize(
    ("found", "wanted", "fields"),
    [
        (native(NanoCpus=200_000_000), Knobs(cpu_cores=0.63), {"NanoCpus": 630_000_000}),
        (native(CpuQuota=20_000), Knobs(cpu_cores=0.63), {"CpuQuota": 63_000}),
        (native(CpuQuota=10_000, CpuPeriod=50_000), Knobs(cpu_cores=0.5), {"CpuQuota": 25_000, "CpuPeriod": 50_000}),
        (native(), Knobs(cpu_cores=0.5), {"CpuQuota": 50_000}),
        (native(Memory=64 * MIB, MemorySwap=128 * MIB), Knobs(memory_bytes=100 * MIB),
         {"Memory": 100 * MIB, "MemorySwap": 164 * MIB}),
        (native(Memory=64 * MIB, MemorySwap=64 * MIB), Knobs(memory_bytes=100 * MIB),
         {"Memory": 100 * MIB, "MemorySwap": 100 * MIB}),
        (native(Memory=64 * MIB, MemorySwap=-1), Knobs(memory_bytes=100 * MIB),
         {"Memory": 100 * MIB, "MemorySwap": -1}),
        (native(), Knobs(memory_bytes=100 * MIB), {"Memory": 100 * MIB, "MemorySwap": 200 * MIB}),
        (native(), Knobs(unlimited=("cpu_cores", "memory_bytes")),
         {"CpuQuota": -1, "Memory": MEMORY_NONE, "MemorySwap": MEMORY_NONE}),
    ],
)  # fmt: skip
def test_updates(found: dict[str, int], wanted: Knobs, fields: dict[str, int]) -> None:
    assert fields_for(found, wanted, v2=False) == fields


@pytest.mark.parametrize(("v2", "shares"), [(False, 2048), (True, 5220)])
def test_weight_is_shares_of_either_version(v2: bool, shares: int) -> None:
    assert fields_for(native(), Knobs(cpu_weight=200), v2=v2) == {"CpuShares": shares}


all_natives = st.one_of(
    st.builds(lambda n: native(NanoCpus=n * 10_000_000), st.integers(1, 1600)),
    st.builds(
        lambda q, p: native(CpuQuota=q, CpuPeriod=p), st.integers(1000, 10**6), st.sampled_from([0, 50_000, 100_000])
    ),
).flatmap(
    lambda cpu: st.builds(
        lambda m, s, w: {**cpu, "Memory": m * MIB, "MemorySwap": -1 if s < 0 else (m + s) * MIB, "CpuShares": w},
        st.integers(6, 10**5),
        st.integers(-1, 10**4),
        st.sampled_from([0, 2, 512, 4096]),
    )
)


@given(all_natives, st.floats(0.02, 64), st.integers(6 * MIB, 1 << 40))
def test_change_and_restore_is_the_same_bits(found: dict[str, int], cores: float, memory: int) -> None:
    wanted = Knobs(cpu_cores=cores, memory_bytes=memory)
    changed = {**found, **fields_for(found, wanted, v2=False)}
    assert cores_of(changed) == pytest.approx(cores, abs=0.001)
    assert memory_of(changed) == memory
    assert not (changed["NanoCpus"] > 0 and changed["CpuQuota"] > 0), "Docker takes one or the other"
    assert changed["MemorySwap"] == -1 or changed["MemorySwap"] >= memory
    assert {**changed, **restoring(found, wanted, v2=False)} == found


def test_what_a_host_config_may_hold() -> None:
    assert native_of({"NanoCpus": None, "CpuQuota": "x", "Memory": True, "CpuShares": 5, "Other": 1}) == native(
        CpuShares=5
    )
    assert knobs_of(native()) == Knobs(unlimited=("cpu_cores", "memory_bytes"))
    assert memory_of(native(Memory=MEMORY_NONE)) is UNLIMITED


def test_reasons_are_one_plain_line() -> None:
    runc = (
        "Cannot update container abc: runc did not terminate successfully: exit status 1: unable to set memory limit "
        "to 33554432 (current usage: 42348544, peak usage: 42610688)\n: unknown"
    )
    assert reason_of(runc) == "it uses 40.39 MiB: the kernel refused a memory limit of 32 MiB"
    assert reason_of("a\n\x1b[31mb") == "Docker refused: a \\x1b[31mb"
    assert len(reason_of("x" * 10_000)) < 400
