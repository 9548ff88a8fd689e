"""Numbers as people read them: one rule a unit, the same in findings, alerts and messages. Pure."""

from __future__ import annotations

from math import ceil

from model.metrics import spec_of

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
HANDY = 4 * 1024 * 1024


def handy_bytes(value: float) -> float:
    """The next multiple of 4 MiB: what is proposed as a memory limit. Pure."""
    return float(ceil(value / HANDY) * HANDY)


def say_bytes(value: float) -> str:
    """Binary units, three digits, switching at 1000: ``742 MiB``, ``1.95 GiB``."""
    size, unit = float(value), 0
    while abs(size) >= 999.5 and unit < len(BINARY) - 1:
        size, unit = size / 1024, unit + 1
    if unit == 0:
        return f"{size:.0f} B"
    digits = 2 if abs(size) < 9.995 else 1 if abs(size) < 99.95 else 0
    return f"{size:.{digits}f} {BINARY[unit]}"


def say_duration(seconds: float) -> str:
    """``12 s``, ``10 min``, ``3 h 12 min``, ``4 d``."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 1440)} d"


def say_ratio(value: float) -> str:
    """A share in whole percent; between nothing and half a percent: ``below 1 %``."""
    return "below 1 %" if 0 < value < 0.005 else f"{value * 100:.0f} %"


def say_cores(value: float) -> str:
    """Cores with two decimals: ``1.48 cores``."""
    return f"{value:.2f} cores"


def say(value: float, unit: str) -> str:
    """A value of the catalogue's ``unit`` with its unit."""
    if unit == "cores":
        return say_cores(value)
    if unit == "ratio":
        return say_ratio(value)
    if unit == "bytes":
        return say_bytes(value)
    if unit == "bytes/s":
        return f"{say_bytes(value)}/s"
    if unit == "s":
        return say_duration(value)
    number = f"{value:.2f}".rstrip("0").rstrip(".")
    return {"1/s": f"{number}/s", "s/s": f"{number} s/s"}.get(unit, number)


def unit_of(metric: str | None) -> str:
    """The catalogue's unit of a metric; ``1`` for one that it does not know."""
    spec = spec_of(metric) if metric else None
    return spec.unit if spec else "1"


def plain(text: str, length: int) -> str:
    """One line without control characters, cut to ``length``: for text that a stranger wrote."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
