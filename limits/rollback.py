"""After memory was taken back: is it missed? Then the limit of before is put back at once. Pure.

Lowering is an experiment: its effect is watched for five minutes, a failed one is followed by a longer and longer
rest, and three failed ones within a day end it for that day. Signals: Documentation/accounting/psi.rst,
admin-guide/cgroup-v2.rst (``workingset_refault_*``), as in Weiner et al., *TMO*, ASPLOS 2022.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

RULE: Final = "memory_rollback"
WATCH_MS: Final = 300_000
REST_MS: Final = 900_000
DAY_MS: Final = 86_400_000
MOST_ROLLBACKS: Final = 3
FULL: Final = 0.01
"""Share of ten seconds in which nothing of the container ran for lack of memory."""
TIMES: Final = 3.0
FAULTS_LEAST: Final = 100.0
"""Per second: fewer faults than this are no sign of anything."""
USUAL_TAU_S: Final = 60.0
RATES: Final = {
    "memory_refaults_per_second": "pages thrown out are read again",
    "memory_major_faults_per_second": "pages have to be read from disk",
}


@dataclass(slots=True)
class Lowering:
    """One that was made: the limit of before, when, and the usual rates at that time."""

    before: float
    at_ms: int
    usual: Mapping[str, float]
    stalls: deque[float] = field(default_factory=lambda: deque(maxlen=10))


@dataclass(slots=True)
class Lowerings:
    """What is remembered of one container's lowerings. ``rolled_back``: when each of the failed ones was undone."""

    last: Lowering | None = None
    usual: dict[str, float] = field(default_factory=dict)
    rolled_back: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    given_up_ms: int = 0
    """When a probe below the limit hurt, and nothing was lowered at all."""

    def see(self, values: Mapping[str, float], elapsed_s: float) -> None:
        """One second of the usual rates; while an effect is watched they stay as they were."""
        if self.last is None:
            for name in RATES:
                rate = values.get(name)
                if rate is not None:
                    usual = self.usual.setdefault(name, rate)
                    self.usual[name] = usual + (rate - usual) * min(1.0, elapsed_s / USUAL_TAU_S)

    def made(self, before: float, now_ms: int) -> None:
        """A limit was lowered. While an earlier lowering is watched, its limit is the one to go back to."""
        kept = self.last.before if self.last is not None else before
        self.last = Lowering(max(kept, before), now_ms, dict(self.usual))

    def undone(self, now_ms: int) -> None:
        self.rolled_back.append(now_ms)
        self.last = None

    def hurts(self, values: Mapping[str, float], now_ms: int, *, killed: bool) -> str | None:
        """What shows that the last lowering took too much; None: nothing, or it is long ago."""
        last = self.last
        if last is None:
            return None
        if now_ms - last.at_ms > WATCH_MS:
            self.last = None
            return None
        return harm(values, last.usual, last.stalls, killed=killed)

    def lately(self, now_ms: int) -> int:
        return sum(1 for at in self.rolled_back if now_ms - at < DAY_MS)

    def frozen(self, now_ms: int) -> bool:
        """Three failed within a day: nothing more is taken from it until one of them is older."""
        return self.lately(now_ms) >= MOST_ROLLBACKS

    def may_lower(self, now_ms: int) -> bool:
        """A quarter of an hour after the first failure, twice that after the second, up to a day."""
        if self.given_up_ms and now_ms - self.given_up_ms < REST_MS:
            return False
        failed = self.lately(now_ms)
        if not failed:
            return True
        rest = min(REST_MS * 2 ** (failed - 1), DAY_MS)
        return failed < MOST_ROLLBACKS and now_ms - self.rolled_back[-1] >= rest


def harm(
    values: Mapping[str, float], usual: Mapping[str, float], stalls: deque[float], *, killed: bool = False
) -> str | None:
    """Does this second show that memory is missed? ``stalls``: the last seconds' PSI ``full``, extended here."""
    if killed:
        return "it was killed for lack of memory"
    if values.get("health", 1.0) < 1:
        return "its health check fails"
    stalls.append(values.get("memory_pressure_full_ratio", 0.0))
    full = sum(stalls) / (stalls.maxlen or len(stalls))
    if full >= FULL:
        return f"nothing of it ran in {full:.0%} of the time for lack of memory"
    for name, words in RATES.items():
        rate = values.get(name, 0.0)
        if rate > FAULTS_LEAST and rate > TIMES * usual.get(name, 0.0):
            return f"{words}: {rate:.0f} a second"
    return None
