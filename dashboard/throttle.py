"""Token buckets that slow down guessing of passwords: per address and name, and per address."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from math import ceil
from typing import Final

KEPT: Final = 4096
PAIR: Final = (5.0, 1 / 10_000)
ADDRESS: Final = (20.0, 1 / 5_000)
"""Attempts at once, and how many come back per ms."""


class Throttle:
    """Buckets by key; the least recently used is forgotten first, so memory is bounded. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str, name: str, now_ms: int) -> int:
        """Take one attempt; 0, or the seconds to wait (nothing was taken then)."""
        keys = self._keys(address, name)
        with self._lock:
            levels = [(key, *rate, self._level(key, rate, now_ms)) for key, rate in keys]
            waits = [(1 - level) / refill for _, _, refill, level in levels if level < 1]
            if waits:
                return ceil(max(waits) / 1000)
            for key, _, _, level in levels:
                self._buckets[key] = (level - 1, now_ms)
                self._buckets.move_to_end(key)
            while len(self._buckets) > KEPT:
                self._buckets.popitem(last=False)
        return 0

    def give_back(self, address: str, name: str) -> None:
        """The attempt was right: it does not count."""
        with self._lock:
            for key, (burst, _) in self._keys(address, name):
                if key in self._buckets:
                    level, at_ms = self._buckets[key]
                    self._buckets[key] = (min(burst, level + 1), at_ms)

    def _level(self, key: str, rate: tuple[float, float], now_ms: int) -> float:
        burst, refill = rate
        level, at_ms = self._buckets.get(key, (burst, now_ms))
        return min(burst, level + max(0, now_ms - at_ms) * refill)

    @staticmethod
    def _keys(address: str, name: str) -> tuple[tuple[str, tuple[float, float]], ...]:
        network = network_of(address)
        return ((f"{network} {name.casefold()[:64]}", PAIR), (network, ADDRESS))


def network_of(address: str) -> str:
    """An IPv6 user owns a whole /64, so that is what is counted; IPv4 counts by address. Pure."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if parsed.version == 6 else str(parsed)
