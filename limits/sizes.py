"""Sizes, cores and times as people write them, both ways. Pure.

Parsers raise ``ValueError`` whose text finishes the sentence "<value> …": what is wrong and what to write.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import isfinite

MIB = 1024 * 1024
MEMORY_LEAST = 6 * MIB
"""Docker refuses a memory limit below this (moby, daemon/daemon_unix.go: linuxMinMemory)."""
CORES_LEAST = 0.01
"""Docker refuses fewer; the kernel's least quota is 1 ms of a 100 ms period."""

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([bkmgt]?)(?:i?b)?", re.ASCII)
_SHIFT = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d)?", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_bytes(text: str) -> int:
    """``512m``, ``1.5g``, ``64MiB``, ``1048576`` → bytes; powers of 1024, as Docker counts."""
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("is not a size: write a number with b, k, m or g, such as 512m")
    size = float(match[1]) * (1 << _SHIFT[match[2]])
    if not 0 < size < 1 << 62:
        raise ValueError("is out of range: write a size such as 512m")
    return int(size)


def parse_memory(text: str) -> int:
    """A size that may be a container's memory limit."""
    size = parse_bytes(text)
    if size < MEMORY_LEAST:
        raise ValueError("is below Docker's least memory limit of 6m: write 6m or more")
    return size


def parse_cores(text: str) -> float:
    """``1.5`` → 1.5 cores."""
    try:
        cores = float(text)
    except ValueError:
        cores = float("nan")
    if not isfinite(cores) or not CORES_LEAST <= cores <= 4096:
        raise ValueError("is not a number of cores: write a number from 0.01 on, such as 1.5")
    return cores


def parse_seconds(text: str) -> float:
    """``30s``, ``5m``, ``24h``, ``2d`` → seconds."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("is not a duration: write a number with s, m, h or d, such as 24h")
    return float(match[1]) * _SECONDS[match[2] or ""]


def say_bytes(size: float) -> str:
    """Bytes for a sentence: ``64 MiB``, ``1.5 GiB``."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.4g} {unit}"
    return f"{size:.0f} B"


def say_cores(cores: float) -> str:
    """Cores for a sentence: ``0.20 cores``."""
    return f"{cores:.2f} cores"


def say_value(knob: str, value: float) -> str:
    """A value of ``cpu``, ``memory`` or ``weight`` for a sentence."""
    if knob == "memory":
        return say_bytes(value)
    return say_cores(value) if knob == "cpu" else f"weight {value:.0f}"


def say_clock(at_ms: int) -> str:
    """``14:02:10 UTC``."""
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%H:%M:%S} UTC"


def shown(text: object, longest: int = 60) -> str:
    """Foreign text in quotes, on one line and not too long."""
    form = ascii(text)
    return form if len(form) <= longest else f"{form[: longest - 2]}…'"
