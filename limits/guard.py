"""The last word before a write: what may be changed at all, and how far. Pure.

Nothing here knows why a change is wished; a person, a rule and a law pass the same door.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf, isfinite
from typing import Final, NamedTuple

from limits.sizes import CORES_LEAST, MEMORY_LEAST, MIB, say_bytes, say_cores
from model.change import CpuControl, Mode, Policy, Verdict, WorkClass
from model.limits import Bytes, Cores, Unlimited, bounded
from model.target import Target

CPU_RESERVE: Final = 0.2
"""Cores of the host that no container's automatic quota may reach."""
MEMORY_STEP: Final = 512 * MIB
V2_MARGIN: Final = 0.05
"""Above what is in use, when lowering on v2: memory.max below it kills within 50 ms."""
V2_MARGIN_LEAST: Final = 8 * MIB
CPU_TOLERANCE: Final = 0.0051
"""Two quotas this near are the same: systemd rounds up to the hundredth of a core."""
MEMORY_TOLERANCE: Final = 4096
"""The kernel rounds limits down to whole pages."""


RUNTIMES: Final = ("docker", "podman", "containerd", "systemd")


class Ruling(NamedTuple):
    """``value`` is what may be written; with REFUSED it means nothing. ``wrong``: the value itself is
    impossible (HTTP 422), not the moment (409)."""

    verdict: Verdict
    value: float
    reason: str = ""
    wrong: bool = False


def allowed(value: float) -> Ruling:
    return Ruling(Verdict.ALLOWED, value)


def refused(reason: str, *, wrong: bool = False) -> Ruling:
    return Ruling(Verdict.REFUSED, 0.0, reason, wrong)


def is_volatile(target: Target) -> bool:
    """Does nobody but the kernel keep a limit that we set? Docker does; Podman 4 does not save what its API changes,
    and containerd and systemd are not asked at all."""
    return target.id.runtime != "docker"


def excluded(target: Target, own_ids: Collection[str] = ()) -> str | None:
    """Why nobody, by hand or not, changes this container through us; None: it may be."""
    if target.managed_by:
        return f"{target.managed_by} owns its limits and would put them back: change them there"
    if target.id.runtime not in RUNTIMES:
        return f"it is run by {target.id.runtime}: limits of {', '.join(RUNTIMES)} are changed only"
    if target.id.runtime == "systemd" and target.name.startswith("wharfinger"):
        return "it is wharfinger's own service"
    if target.key in own_ids:
        return "it is wharfinger's own container"
    if target.state == "removed":
        return "it is gone"
    return None


def kept_off(target: Target, policy: Policy, own_ids: Collection[str] = ()) -> str | None:
    """Why the controller leaves this container alone; None: it may change it."""
    if policy.mode is not Mode.AUTO:
        return f"its policy is {policy.mode.value}"
    if target.state != "running":
        return f"it is {target.state}"
    return excluded(target, own_ids)


def unlimited(knob: str, value: float | Unlimited | None) -> str | None:
    """Why an automatic change of this knob is out of the question; None: there is a limit to change."""
    if value is None:
        return f"its {knob} limit is not known"
    if isinstance(value, Unlimited):
        return f"it has no {knob} limit, and one that it never had is not added"
    return None


def by_weight_only(knob: str, policy: Policy) -> str | None:
    """Why no quota is written; None: one may be, or it is not about the CPU."""
    if knob == "cpu" and policy.cpu_control is CpuControl.WEIGHT:
        return "its CPU is shared by weight only: a quota is its owner's to set"
    return None


def cpu_bounds(policy: Policy, floor: float, cpu_count: int) -> tuple[float, float]:
    """Least and most cores that the controller may give. ``floor``: the owner's own limit.

    The floor holds unless the owner names a minimum or the class is dense; a maximum below it
    lowers nothing.
    """
    lowest = policy.cpu_min if policy.cpu_min is not None else floor
    if policy.cpu_min is None and policy.work_class is WorkClass.DENSE:
        lowest = min(floor, 2 * CORES_LEAST)
    most = min(policy.cpu_max if policy.cpu_max is not None else inf, max(CORES_LEAST, cpu_count - CPU_RESERVE))
    return max(lowest, CORES_LEAST), max(most, floor, lowest)


def memory_bounds(policy: Policy, floor: float) -> tuple[float, float]:
    """Least and most bytes that the controller may give; the same rules."""
    lowest = float(policy.memory_min) if policy.memory_min is not None else floor
    most = float(policy.memory_max) if policy.memory_max is not None else inf
    return max(lowest, MEMORY_LEAST), max(most, floor, lowest)


def permit_cpu(wanted: float, now: Cores, bounds: tuple[float, float]) -> Ruling:
    """An automatic change of the quota."""
    fault = unlimited("CPU", now)
    current = bounded(now)
    if fault or current is None:
        return refused(fault or "its CPU limit is not known")
    value = min(max(wanted, bounds[0]), bounds[1])
    if same_cpu(value, current):
        return refused(f"{say_cores(current)} is as far as its bounds allow")
    return allowed(value) if value == wanted else Ruling(Verdict.CLAMPED, value, "held at its bounds")


def permit_memory(
    wanted: float, now: Bytes, bounds: tuple[float, float], in_use: float | None, headroom: float
) -> Ruling:
    """An automatic change of the memory limit: never below what is in use plus headroom, raised by at
    most the larger of its double and 512 MiB in one step."""
    fault = unlimited("memory", now)
    current = bounded(now)
    if fault or current is None:
        return refused(fault or "its memory limit is not known")
    if in_use is None:
        return refused("what it uses is not known")
    value = min(max(wanted, bounds[0]), bounds[1], max(2 * current, current + MEMORY_STEP))
    if value < current:
        value = max(value, min(current, in_use + headroom))
    value = float(int(value) // 4096 * 4096)
    if abs(value - current) <= MEMORY_TOLERANCE:
        return refused(f"{say_bytes(current)} is as far as its bounds allow")
    if value < in_use:
        return refused(f"it uses {say_bytes(in_use)}")
    return allowed(value) if abs(value - wanted) <= 4096 else Ruling(Verdict.CLAMPED, value, "held at its bounds")


def permit_cpu_by_hand(wanted: float, cpu_count: int) -> Ruling:
    """A person's CPU limit: what Docker takes."""
    if not isfinite(wanted) or not CORES_LEAST <= wanted <= cpu_count:
        return refused(f"cpu_cores must be between {CORES_LEAST} and {cpu_count}, the cores of this host", wrong=True)
    return allowed(wanted)


def permit_weight_by_hand(wanted: int) -> Ruling:
    """A person's CPU weight, on cgroup v2's scale."""
    if not 1 <= wanted <= 10000:
        return refused("cpu_weight must be between 1 and 10000 (100 is usual)", wrong=True)
    return allowed(wanted)


def permit_memory_by_hand(wanted: float, now: Bytes, in_use: float | None, *, v2: bool) -> Ruling:
    """A person's memory limit: never below what is in use, and on v2 a margin above it, because there the
    kernel answers with a kill instead of EBUSY."""
    if not isfinite(wanted) or not MEMORY_LEAST <= wanted < 1 << 62:
        return refused(
            f"memory_bytes must be at least {say_bytes(MEMORY_LEAST)}; a memory limit cannot be removed, since "
            "Docker cannot: recreate the container for that",
            wrong=True,
        )
    current = bounded(now)
    if current is not None and wanted >= current:
        return allowed(wanted)
    if in_use is None:
        return refused("what it uses now cannot be read, and a limit below that would kill it: try again")
    least = in_use + (max(V2_MARGIN * in_use, V2_MARGIN_LEAST) if v2 else 0)
    if wanted < least:
        room = f" (with a margin: {say_bytes(least)})" if v2 else ""
        return refused(f"it uses {say_bytes(in_use)} now{room}: a limit of {say_bytes(wanted)} would harm it")
    return allowed(wanted)


def permit_lifting(native: Mapping[str, int], cpu_count: int) -> Ruling:
    """A person's wish for no CPU limit: only where Docker can put the limit back afterwards. ``NanoCpus`` beside a
    lifted quota is saved, but not enforced after a restart of the container (moby daemon/daemon_unix.go)."""
    if native["NanoCpus"] > 0:
        return refused(
            "its limit was given with --cpus, which Docker could not put back after it was lifted: set "
            f"{cpu_count} cores instead, all that this host has"
        )
    return allowed(0.0)


def same_cpu(one: float, other: float) -> bool:
    return abs(one - other) <= max(CPU_TOLERANCE, 0.001 * other)


def same_memory(one: float, other: float) -> bool:
    return abs(one - other) <= MEMORY_TOLERANCE


def same(knob: str, one: float, other: float) -> bool:
    """Are two values of ``cpu`` or ``memory`` the same, as the kernel and systemd round them?"""
    return same_cpu(one, other) if knob == "cpu" else same_memory(one, other)
