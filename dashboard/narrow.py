"""Figures for a screen: only those that were asked for, and no finer than the store would keep them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import ceil, isfinite, log10

from model.metrics import spec_of

Digits = tuple[tuple[str, int], ...]


@cache
def digits_of(metrics: tuple[str, ...]) -> Digits:
    """Metric and how many decimals it has: those of its resolution in the catalogue."""
    found = []
    for name in metrics:
        spec = spec_of(name)
        found.append((name, max(0, ceil(-log10(spec.resolution) - 1e-9)) if spec is not None else 6))
    return tuple(found)


def narrowed(values: Mapping[str, float], wanted: Digits) -> dict[str, float | int | None]:
    """The wanted figures that are there, rounded; None where one is no number."""
    return {
        name: (round(value, digits) if digits else round(value)) if isfinite(value) else None
        for name, digits in wanted
        if (value := values.get(name)) is not None
    }


def wanted_of(metrics: Sequence[str]) -> Digits:
    """What :func:`narrowed` takes, for names in any order and number."""
    return digits_of(tuple(sorted(set(metrics))))
