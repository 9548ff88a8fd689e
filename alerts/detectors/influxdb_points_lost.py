"""The push to InfluxDB loses points: its spool is full, or the server refuses some lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import told
from alerts.words import say_duration
from model.alert import Severity
from model.finding import Evidence, Finding
from model.sample import Snapshot
from storage.api import Recent


@dataclass(frozen=True, slots=True)
class Losses:
    """Since the agent's start: lines that left the spool unsent, and lines that the server will never take.
    ``full``: the spool is at its cap, and what comes in pushes the oldest out."""

    dropped: int = 0
    refused: int = 0
    full: bool = False


@dataclass(frozen=True, slots=True)
class InfluxdbPointsLost:
    """One finding about the host while the spool is full, and for ``window_s`` after lines were lost. ``losses`` is
    asked once a tick, by the tick's thread; without a push there are none."""

    losses: Callable[[], Losses] = Losses
    name: str = "influxdb_points_lost"
    window_s: float = 600.0
    step_s: float = 10.0
    known: deque[tuple[int, Losses]] = field(default_factory=deque)

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        del recent
        lost = self.losses()
        before = self._before(snapshot.at_ms, lost)
        dropped, refused = lost.dropped - before.dropped, lost.refused - before.refused
        said, evidence, advice = [], [], []
        if lost.full or dropped:
            text = f"{dropped} lines that waited for it were dropped in {say_duration(self.window_s)}"
            said.append(f"the spool is full, and {text}" if lost.full else text)
            evidence.append(Evidence("wharfinger_spool_dropped_lines_total", float(dropped), 0.0, self.window_s, "1"))
            advice.append(
                "Bring InfluxDB back ('wharfinger health' says what it answers), or raise "
                "store.influxdb.spool_max_bytes; the embedded store has these seconds."
            )
        if refused:
            said.append(f"the server refused {refused} lines in {say_duration(self.window_s)}")
            evidence.append(
                Evidence("wharfinger_influxdb_lines_rejected_total", float(refused), 0.0, self.window_s, "1"),
            )
            advice.append("The file spool/dead_letters.lp in the data folder holds the reason and the lines.")
        if not said:
            return []
        return [
            told(
                snapshot,
                None,
                self.name,
                Severity.WARNING,
                summary=f"The push to InfluxDB loses points: {'; '.join(said)}.",
                evidence=evidence,
                advice=" ".join(advice),
            )
        ]

    def _before(self, at_ms: int, lost: Losses) -> Losses:
        """What was lost a window ago; nothing, where the agent is younger."""
        known = self.known
        if not known:
            known.append((at_ms, Losses()))
        if at_ms < known[-1][0]:
            known.clear()
        if not known or at_ms - known[-1][0] >= self.step_s * 1000:
            known.append((at_ms, lost))
        while len(known) > 1 and at_ms - known[1][0] >= self.window_s * 1000:
            known.popleft()
        return known[0][1]
