"""Names and values in line protocol: every name safe, every number a float. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from model.metrics import spec_of
from storage.influx.rollups import PARTS

TAG_BYTES: Final = 1024
"""A series key may hold 65,535 bytes in all; no name needs more than this."""
TEXT_BYTES: Final = 16_384
"""A string field of 64 kB and more is refused by some servers."""
NOBODY: Final = "-"
"""Stands for an empty tag value, which the protocol does not have."""

WHOLE: Final = ("bytes", "1")
"""Units that count something: where the resolution is one, there are no fractions of it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPING = re.compile(r"\\(?=[,= \\]|$)")
_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT = str.maketrans({"\\": r"\\", '"': r"\""})


def clean(text: str, limit: int = TAG_BYTES) -> str:
    """Hostile text without control characters and lone surrogates, cut to ``limit`` bytes of UTF-8."""
    raw = _CONTROL.sub("?", text).encode("utf-8", "replace")
    return raw[:limit].decode("utf-8", "ignore")


def key(text: str) -> str:
    """A tag value or field name. A backslash that would be read as an escape becomes a slash."""
    return _ESCAPING.sub("/", clean(text) or NOBODY).translate(_TAG)


def text_field(text: str) -> str:
    """A string field with its quotes."""
    return f'"{clean(text, TEXT_BYTES).translate(_TEXT)}"'


def tags(**values: str) -> str:
    """``,name=value`` sorted by name, as the server likes it."""
    return "".join(f",{name}={key(values[name])}" for name in sorted(values))


def decimals(metric: str) -> int | None:
    """Digits behind the point that the metric's resolution has; None: not of the catalogue, print it whole."""
    spec = spec_of(metric)
    return None if spec is None else {1.0: 0, 0.01: 2, 0.001: 3, 0.0001: 4}.get(spec.resolution)


def form_of(metric: str) -> str:
    """How a value is printed; without a suffix every number is a float to InfluxDB. What is
    whole in itself is printed so, at half the cost of rounding it."""
    spec = spec_of(metric)
    if spec is not None and spec.unit in WHOLE and spec.resolution == 1.0:
        return "%d"
    digits = decimals(metric)
    return "%r" if digits is None else f"%.{digits}f"


def template(names: Sequence[str]) -> str:
    """``cpu_usage_cores=%.4f,pids=%d…``."""
    return ",".join(f"{key(name).replace('%', '%%')}={form_of(name)}" for name in names)


def rollup_template(names: Sequence[str]) -> str:
    """The same for a :class:`storage.influx.rollups.Part`: all sums, all numbers, all minima, all maxima."""
    forms = [(name, form_of(name)) for name in names]
    parts = []
    for suffix in PARTS:
        for name, form in forms:
            parts.append(f"{key(f'{name}_{suffix}').replace('%', '%%')}={'%d' if suffix == 'n' else form}")
    return ",".join(parts)


def plain(values: Mapping[str, float]) -> Mapping[str, float]:
    """Without what is not a finite number."""
    try:
        if isfinite(sum(values.values())):
            return values
    except TypeError:
        pass
    return {k: v for k, v in values.items() if isinstance(v, (int, float)) and isfinite(v)}
