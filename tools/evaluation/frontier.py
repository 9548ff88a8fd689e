"""Cores at equal throttling: our law's frontier read at another policy's points. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log

Point = tuple[float, float]
"""Throttled share, cores."""
LEAST = 1e-6


def cores_at(points: Sequence[Point], share: float) -> float | None:
    """Cores of a frontier at a throttled share, linear in its logarithm; None beyond its ends."""
    ranked = sorted((log(one + LEAST), cores) for one, cores in points)
    at = log(share + LEAST)
    for (x0, y0), (x1, y1) in pairwise(ranked):
        if x0 <= at <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return None


def ratios(own: Sequence[Point], others: Sequence[Point]) -> list[float]:
    """Our cores over the other's, for each of its points that our frontier covers."""
    found = [(cores_at(own, share), cores) for share, cores in others]
    return [mine / cores for mine, cores in found if mine is not None]
