"""Between our knobs and Docker's HostConfig fields, so that an undo restores bit for bit. Pure.

Facts (moby daemon/update_linux.go, container/container_unix.go): NanoCpus and CpuQuota exclude each other,
so the field that a container has is the field that is written; Memory above the present MemorySwap is
refused unless both are sent; 0 means "not given", so that a memory limit cannot be removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from collector.cgroupfs.knobs import PERIOD_US, quota_us, runtime_shares_of_weight, shares_of_weight, weight_of_shares
from limits.actuator.base import NATIVE_FIELDS, Native
from model.change import Knobs
from model.limits import Bytes, Cores, Limits, Unlimited

NANO: Final = 1_000_000_000
MEMORY_NONE: Final = (1 << 63) - 4096
"""The kernel's "no limit": Docker cannot remove a limit, but it can set this one."""


def native_of(host_config: Mapping[str, object]) -> Native:
    """The fields of a HostConfig that count; what is absent, null or no number is 0."""
    found = {}
    for name in NATIVE_FIELDS:
        value = host_config.get(name)
        found[name] = value if isinstance(value, int) and not isinstance(value, bool) else 0
    return found


def cores_of(native: Native) -> Cores:
    """CPU limit that the runtime has saved."""
    if native["NanoCpus"] > 0:
        return native["NanoCpus"] / NANO
    if native["CpuQuota"] > 0:
        return native["CpuQuota"] / (native["CpuPeriod"] or PERIOD_US)
    return Unlimited.UNLIMITED


def memory_of(native: Native) -> Bytes:
    """Memory limit that the runtime has saved."""
    return native["Memory"] if 0 < native["Memory"] < 1 << 62 else Unlimited.UNLIMITED


def knobs(cpu: Cores = None, memory: Bytes = None, weight: int | None = None) -> Knobs:
    """Knobs with ``unlimited`` named; None: not known or not touched."""
    none = [name for name, value in (("cpu_cores", cpu), ("memory_bytes", memory)) if isinstance(value, Unlimited)]
    return Knobs(
        cpu_cores=None if isinstance(cpu, Unlimited) else cpu,
        memory_bytes=None if isinstance(memory, Unlimited) else memory,
        cpu_weight=weight,
        unlimited=tuple(none),
    )


def knobs_of(native: Native) -> Knobs:
    """What the runtime has saved, as knobs."""
    shares = native["CpuShares"]
    return knobs(cores_of(native), memory_of(native), weight_of_shares(shares) if shares else None)


def knobs_of_limits(limits: Limits, touched: Knobs) -> Knobs:
    """What the kernel enforces, of the knobs that ``touched`` names."""
    return knobs(
        limits.cpu_cores if touches(touched, "cpu_cores") else None,
        limits.memory_bytes if touches(touched, "memory_bytes") else None,
        limits.cpu_weight if touched.cpu_weight is not None else None,
    )


def touches(some: Knobs, name: str) -> bool:
    """Does it hold a value, or "unlimited", of this knob (``cpu_cores``, ``memory_bytes``, ``cpu_weight``)?"""
    return getattr(some, name) is not None or name in some.unlimited


def fields_for(native: Native, wanted: Knobs, *, v2: bool) -> dict[str, int]:
    """The update that gives a container ``wanted``, in the form it already has. "unlimited" is written too."""
    fields: dict[str, int] = {}
    if wanted.cpu_cores is not None:
        fields |= cpu_fields(native, wanted.cpu_cores)
    elif "cpu_cores" in wanted.unlimited:
        fields |= {"CpuQuota": -1}
    if wanted.memory_bytes is not None:
        fields |= memory_fields(native, wanted.memory_bytes)
    elif "memory_bytes" in wanted.unlimited:
        fields |= {"Memory": MEMORY_NONE, "MemorySwap": MEMORY_NONE}
    if wanted.cpu_weight is not None:
        weight = wanted.cpu_weight
        fields["CpuShares"] = runtime_shares_of_weight(weight) if v2 else shares_of_weight(weight)
    return fields


def cpu_fields(native: Native, cores: float) -> dict[str, int]:
    """NanoCpus or CpuQuota, whichever the container has; an unlimited one gets CpuQuota, since NanoCpus
    could never be taken away again."""
    if native["NanoCpus"] > 0:
        return {"NanoCpus": round(cores * NANO)}
    period = native["CpuPeriod"]
    fields = {"CpuQuota": quota_us(cores, period or PERIOD_US)}
    return fields | {"CpuPeriod": period} if period else fields


def memory_fields(native: Native, limit: int) -> dict[str, int]:
    """Memory and MemorySwap together, keeping the swap that the container had."""
    memory, both = native["Memory"], native["MemorySwap"]
    if memory <= 0 or both >= MEMORY_NONE:
        swap = limit * 2
    elif both <= 0:
        swap = -1
    else:
        swap = limit + max(0, both - memory)
    return {"Memory": limit, "MemorySwap": swap}


def restoring(original: Native, touched: Knobs, *, v2: bool) -> dict[str, int]:
    """The update that brings the knobs ``touched`` back to the original's own fields."""
    fields: dict[str, int] = {}
    if touches(touched, "cpu_cores"):
        if original["NanoCpus"] > 0:
            fields["NanoCpus"] = original["NanoCpus"]
        else:
            fields["CpuQuota"] = original["CpuQuota"] or -1
            if original["CpuPeriod"]:
                fields["CpuPeriod"] = original["CpuPeriod"]
    if touches(touched, "memory_bytes"):
        limited = original["Memory"] > 0
        fields["Memory"] = original["Memory"] if limited else MEMORY_NONE
        fields["MemorySwap"] = (original["MemorySwap"] or -1) if limited else MEMORY_NONE
    if touched.cpu_weight is not None:
        usual = runtime_shares_of_weight(100) if v2 else shares_of_weight(100)
        fields["CpuShares"] = original["CpuShares"] or usual
    return fields
