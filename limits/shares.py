"""Who gets how much when not all can have what they want: weighted max-min fairness. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """What one container wants, the least that it must have, and its weight (> 0) against the others."""

    wants: float
    least: float
    weight: float


def fair_shares(claims: Mapping[str, Claim], capacity: float) -> dict[str, float]:
    """Water-filling (Bertsekas & Gallager, *Data Networks*, 6.5.2): nobody gets more than he wants, and whoever
    gets less has as much for his weight as anybody. The least of each is given first, even beyond ``capacity``."""
    shares = {key: min(claim.least, max(claim.wants, claim.least)) for key, claim in claims.items()}
    left, open_ = capacity - sum(shares.values()), dict(claims)
    while open_ and left > 1e-9:
        level = water_level(open_, shares, left)
        full = {key: claim for key, claim in open_.items() if claim.wants <= level * claim.weight}
        if not full:
            for key, claim in open_.items():
                shares[key] = max(shares[key], level * claim.weight)
            break
        for key, claim in full.items():
            left -= max(0.0, claim.wants - shares[key])
            shares[key] = max(shares[key], claim.wants)
            del open_[key]
    return shares


def water_level(claims: Mapping[str, Claim], shares: Mapping[str, float], left: float) -> float:
    """Cores per weight up to which ``left`` fills the claims, each from the share that it has already."""
    ranked = sorted((shares[key] / claim.weight, claim.weight) for key, claim in claims.items())
    level, weight = ranked[0][0], 0.0
    for start, more in ranked:
        step = (start - level) * weight
        if step > left:
            break
        left, level, weight = left - step, start, weight + more
    return level + left / weight


def weight_of(priority: int, cpu_weight: int | None) -> float:
    """Weight of a container: its CPU weight (100 is usual), a priority of 1 counts as double, -1 as half, and so on
    linearly."""
    factor = 1.0 + priority if priority >= 0 else 1.0 / (1.0 - priority)
    return factor * (cpu_weight or 100)
