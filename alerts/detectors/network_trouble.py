"""Packets are lost or broken on the container's own interfaces.

Kernel: Documentation/networking/statistics.rst (rx_dropped, tx_dropped, rx_errors, tx_errors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import Suspects, above, average, fact, told
from alerts.words import say_duration, say_ratio
from model.alert import Severity
from model.finding import Evidence, Finding
from model.sample import Snapshot
from storage.api import Recent

SIDES = (("receive", "on their way in"), ("transmit", "on their way out"))
ERRORS = "network_errors_per_second"


@dataclass(frozen=True, slots=True)
class NetworkTrouble:
    """A finding while, over ``window_s``, ``drops`` packets a second and ``drops_ratio`` of all are dropped in one
    direction, or there are ``errors`` a second."""

    name: str = "network_trouble"
    window_s: float = 60.0
    drops: float = 5.0
    drops_ratio: float = 0.01
    errors: float = 1.0
    suspects: Suspects = field(
        default_factory=lambda: Suspects(
            above("network_receive_drops_per_second", 5.0, 60.0),
            above("network_transmit_drops_per_second", 5.0, 60.0),
            above(ERRORS, 1.0, 60.0),
        )
    )

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        found = []
        for key, target in self.suspects.of(snapshot, recent):
            said, facts = [], []
            for side, way in SIDES:
                lost = self._lost(key, side, snapshot, recent)
                if lost is not None:
                    said.append(f"{lost[0]:.0f} packets a second ({say_ratio(lost[1])}) are dropped {way}")
                    facts.append(lost[2])
            errors = average(recent, key, ERRORS, self.window_s, snapshot.interval_s)
            if errors is not None and errors >= self.errors:
                said.append(f"{errors:.0f} a second are broken")
                facts.append(fact(ERRORS, errors, self.errors, self.window_s))
            if said:
                found.append(
                    told(
                        snapshot,
                        target,
                        self.name,
                        Severity.WARNING,
                        summary=f"Loses packets. Over {say_duration(self.window_s)}: {', '.join(said)}.",
                        evidence=facts,
                        advice=(
                            "It may not read fast enough (see whether it is short of CPU), send more than its queue "
                            "holds, or get what it has no use for; look at the interface with 'ip -s link'."
                        ),
                    )
                )
        return found

    def _lost(self, key: str, side: str, snapshot: Snapshot, recent: Recent) -> tuple[float, float, Evidence] | None:
        """Drops a second, their share of all packets, and the evidence; None below the thresholds."""
        metric = f"network_{side}_drops_per_second"
        drops = average(recent, key, metric, self.window_s, snapshot.interval_s)
        if drops is None or drops < self.drops:
            return None
        packets = average(recent, key, f"network_{side}_packets_per_second", self.window_s, snapshot.interval_s)
        share = drops / (drops + (packets or 0.0))
        return (drops, share, fact(metric, drops, self.drops, self.window_s)) if share >= self.drops_ratio else None
