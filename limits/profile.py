"""What a service needs, learnt over all its containers: histograms in which the past fades, kept over restarts and
recreates. Pure but for :class:`Profiles`, which holds them by service.

As Kubernetes' VPA (``pkg/recommender/util/histogram.go``) keeps them: exponential buckets, each a twentieth wider than
the one before, and weights that halve in a day. What goes in is not usage but need: once a minute the most that the
CPU law wished, and the largest working set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor, isfinite, log
from typing import Any, Final

from limits.sizes import MIB

KEPT: Final = "limits.profiles"
RATIO: Final = 1.05
HALF_LIFE_MS: Final = 86_400_000
FORGOTTEN_MS: Final = 30 * 86_400_000
"""A service that was not seen for so long is forgotten."""
SURE_MINUTES: Final = 24 * 60.0
KNOWN_MINUTES: Final = 60.0
"""From so many minutes on a new container starts with what its service needs."""
FIRST: Final = {"cpu": 0.01, "memory": float(MIB)}
SHARE: Final = {"cpu": 0.95, "memory": 1.0}
"""Part of the minutes whose need is met: CPU that lacks in the others delays, memory that lacks kills."""


@dataclass(slots=True)
class Histogram:
    """Weights by bucket; ``first`` is the end of the lowest. Weights are those of ``at_ms``."""

    first: float
    at_ms: int = 0
    weights: dict[int, float] = field(default_factory=dict)

    def add(self, value: float, now_ms: int, weight: float = 1.0) -> None:
        self.fade(now_ms)
        bucket = max(0, floor(log(max(value, self.first) / self.first) / log(RATIO)))
        self.weights[bucket] = self.weights.get(bucket, 0.0) + weight

    def fade(self, now_ms: int) -> None:
        """Let what is there grow older."""
        if self.weights and now_ms > self.at_ms:
            part = 2 ** ((self.at_ms - now_ms) / HALF_LIFE_MS)
            self.weights = {bucket: weight * part for bucket, weight in self.weights.items() if weight * part > 1e-4}
        self.at_ms = max(self.at_ms, now_ms)

    @property
    def total(self) -> float:
        return sum(self.weights.values())

    def value_at(self, share: float) -> float | None:
        """Upper end of the bucket below which this share lies; None while it is empty."""
        wanted, seen = share * self.total * (1 - 1e-9), 0.0
        for bucket in sorted(self.weights):
            seen += self.weights[bucket]
            if seen >= wanted:
                return float(self.first * RATIO ** (bucket + 1))
        return None

    def share_above(self, value: float) -> float:
        """Share of the weight in buckets that end above a value; 0 while it is empty."""
        above = sum(weight for bucket, weight in self.weights.items() if self.first * RATIO ** (bucket + 1) > value)
        return above / self.total if self.weights else 0.0


@dataclass(slots=True)
class Profile:
    """One service. ``kill_floor``: as in :class:`limits.track.Track`, shared by its containers."""

    needs: dict[str, Histogram] = field(
        default_factory=lambda: {knob: Histogram(first) for knob, first in FIRST.items()}
    )
    seen_ms: int = 0
    minutes: float = 0.0
    """Container-minutes learnt, which do not fade: how much is known."""
    kill_floor: tuple[float, int, int] = (0.0, 0, 0)

    def learn(self, needs: Mapping[str, float], now_ms: int) -> None:
        """One container's minute."""
        for knob, value in needs.items():
            if isfinite(value) and value > 0:
                self.needs[knob].add(value, now_ms)
        self.seen_ms, self.minutes = now_ms, self.minutes + 1

    def start_with(self, knob: str) -> float | None:
        """What a new container is given; None while too little is known."""
        return self.needs[knob].value_at(SHARE[knob]) if self.minutes >= KNOWN_MINUTES else None

    def confidence(self) -> float:
        return min(1.0, self.minutes / SURE_MINUTES)


@dataclass(slots=True)
class Minute:
    """What one container needed most in the present minute; 0: nothing is known of that."""

    number: int = 0
    cpu: float = 0.0
    memory: float = 0.0

    def see(self, cpu: float, memory: float, profile: Profile, now_ms: int) -> None:
        """One tick; a full minute goes into the profile."""
        number = now_ms // 60_000
        if number != self.number:
            if self.cpu or self.memory:
                profile.learn({"cpu": self.cpu, "memory": self.memory}, now_ms)
            self.number, self.cpu, self.memory = number, 0.0, 0.0
        self.cpu = max(self.cpu, cpu)
        self.memory = max(self.memory, memory)


class Profiles:
    """Profiles by service; under the desk's lock."""

    def __init__(self) -> None:
        self._by_service: dict[str, Profile] = {}

    def of(self, service: str) -> Profile:
        return self._by_service.setdefault(service, Profile())

    def kept(self, now_ms: int) -> dict[str, Any]:
        """JSON values for the store; what is forgotten is left out."""
        self._by_service = {
            name: one for name, one in self._by_service.items() if one.minutes and now_ms - one.seen_ms < FORGOTTEN_MS
        } | {name: one for name, one in self._by_service.items() if not one.minutes}
        return {
            name: {
                "seen_ms": one.seen_ms,
                "minutes": one.minutes,
                "kill_floor": list(one.kill_floor),
                "needs": {
                    knob: {"at_ms": found.at_ms, "weights": {str(b): round(w, 4) for b, w in found.weights.items()}}
                    for knob, found in one.needs.items()
                },
            }
            for name, one in self._by_service.items()
            if one.minutes
        }

    def load(self, kept: object) -> None:
        """Take over what was kept; what cannot be read is begun anew."""
        for name, row in kept.items() if isinstance(kept, Mapping) else ():
            try:
                self._by_service[str(name)] = profile_of(row)
            except (KeyError, TypeError, ValueError):
                continue


def profile_of(row: Mapping[str, Any]) -> Profile:
    """One service as it was kept. Raises KeyError, TypeError, ValueError where it is none."""
    needs = {}
    for knob, first in FIRST.items():
        found = row["needs"][knob]
        weights = {int(bucket): float(weight) for bucket, weight in found["weights"].items()}
        needs[knob] = Histogram(first, int(found["at_ms"]), weights)
    least, until, lasts = row["kill_floor"]
    return Profile(needs, int(row["seen_ms"]), float(row["minutes"]), (float(least), int(until), int(lasts)))
