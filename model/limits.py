"""What bounds a container. ``None``: unknown. :data:`UNLIMITED`: nothing bounds it. A number: that much."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal


class Unlimited(Enum):
    """A type with one value, so that "no bound" is never mixed up with "unknown" or a huge number."""

    UNLIMITED = "unlimited"


UNLIMITED: Final = Unlimited.UNLIMITED
Cores = float | Literal[Unlimited.UNLIMITED] | None
Bytes = int | Literal[Unlimited.UNLIMITED] | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force on one cgroup, as the kernel shows them.

    ``cpu_weight`` is on cgroup v2's scale 1..10000 (100 is the default) whatever the host's version.
    ``memory_swap_bytes`` is swap alone (v2 ``memory.swap.max``; v1 ``memsw`` minus memory).
    ``cpus``: the numbers of the processors it may run on.
    """

    cpu_cores: float | Unlimited | None = None
    cpu_quota_us: int | Unlimited | None = None
    cpu_period_us: int | None = None
    cpu_weight: int | None = None
    memory_bytes: int | Unlimited | None = None
    memory_high_bytes: int | Unlimited | None = None
    memory_low_bytes: int | None = None
    memory_swap_bytes: int | Unlimited | None = None
    pids: int | Unlimited | None = None
    cpus: frozenset[int] | None = None


def bounded(value: float | Unlimited | None) -> float | None:
    """The bound as a number; None where it is unlimited or unknown."""
    return None if value is None or value is UNLIMITED else value
