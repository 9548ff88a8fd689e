"""A question to the backtest: how one container would have fared under other policies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One container's own history from ``since_ms`` up to ``until_ms`` (ms since the epoch), replayed.

    ``cpu_start``, ``memory_start``: the limits that it begins with, in cores and bytes; None: without a limit.
    ``cpu_min`` … ``memory_max``: bounds of our policies; a least of None is the limit at the start, for what the owner
    gave is not taken back unless allowed. ``cores``: of the host. ``policies`` and ``seeds`` as of the command line.
    """

    container_id: str
    name: str
    since_ms: int
    until_ms: int
    policies: tuple[str, ...]
    seeds: int
    cpu_start: float | None
    memory_start: float | None
    cpu_min: float | None
    cpu_max: float
    memory_min: float | None
    memory_max: float | None
    shrink_memory: bool
    cores: float
    v2: bool
