"""A quiet host of twenty idle containers, recorded for forty minutes and looped with jitter; and whom it wakes.

The recording (``testdata/quiet_host.json.gz``) was made by the real sampler, once a second, on a machine with two
processors that were busy with other work: five containers that sleep, six web servers with a health check every 15 s,
five that compress 3 MB once a minute under a quota of 0.2 cores, four that write a line every 5 s.

``python -m tests.alerts.quiet 7`` tells seven days of it second by second to every detector and the default rules, in
some twenty minutes, and says who was notified; the suite tells an hour so, and a week in ticks of a minute.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from alerts.detectors.all import build
from alerts.engine import Engine
from alerts.findings import Tracker
from alerts.rules import load
from config.schema import AlertSettings
from model.limits import UNLIMITED, Limits
from model.metrics import spec_of
from model.sample import Snapshot
from storage.memory import MemoryState
from storage.recent import RecentMemory
from tests.alerts.story import Story, a_receiver, target

RECORDING = Path(__file__).parent / "testdata" / "quiet_host.json.gz"
LOUDNESS = (0.95, 1.0, 1.05)
LOST = 0.001
"""So many of a container's seconds are missing."""
FLOWS = ("cpu_usage_cores", "_per_second", "_pressure_")
"""Parts of the names of metrics that the jitter makes larger or smaller; levels and counts stay as they were."""
Columns = dict[str, list[float | None]]


def column(metric: str, runs: list[object]) -> list[float | None]:
    """Run-length coded differences of whole multiples of the metric's resolution → values."""
    spec, level, values = spec_of(metric), 0, []
    assert spec is not None
    for run in runs:
        step, count = run if isinstance(run, list) else (run, 1)
        for step_now in repeat(step, count):
            level += step_now or 0
            values.append(None if step_now is None else level * spec.resolution)
    return values


def columns(metrics: dict[str, list[object]]) -> Columns:
    return {metric: column(metric, runs) for metric, runs in metrics.items()}


def ticks_of(known: Columns, step: int) -> list[dict[str, float]]:
    """What a tick every ``step`` seconds sees: of each metric the average over the seconds since the one before."""
    length = len(next(iter(known.values())))
    seen: list[dict[str, float]] = []
    for begin in range(0, length - step + 1, step):
        parts = {metric: [v for v in values[begin : begin + step] if v is not None] for metric, values in known.items()}
        seen.append({metric: sum(part) / len(part) for metric, part in parts.items() if part})
    return seen


def louder(values: dict[str, float], factor: float) -> dict[str, float]:
    """The same with its flows scaled."""
    scaled = {m: v * factor if any(part in m for part in FLOWS) else v for m, v in values.items()}
    return {m: min(1.0, v) if m.endswith("_ratio") else v for m, v in scaled.items()}


class QuietHost:
    """The recorded host, told again and again; each container's loop begins elsewhere and may be louder."""

    def __init__(self, seed: int, interval_s: int) -> None:
        document = json.loads(gzip.decompress(RECORDING.read_bytes()))
        self.draw, self.story = random.Random(seed), Story(interval_s)
        self.host = ticks_of(columns(document["host"]), interval_s)
        self.seen: dict[str, list[list[dict[str, float]]]] = {}
        self.story.targets = {}
        for i, (name, known) in enumerate(document["containers"].items()):
            key, limits = f"{i + 1:064x}", known["limits"]
            ticks = ticks_of(columns(known["metrics"]), interval_s)
            self.seen[key] = [[louder(values, factor) for values in ticks] for factor in LOUDNESS]
            self.story.targets[key] = target(key, name, group=None, service=name, health=known["health"])
            self.story.limits[key] = Limits(
                cpu_cores=limits["cpu_cores"] or UNLIMITED, memory_bytes=limits["memory_bytes"] or UNLIMITED
            )

    def ticks(self, length_s: int) -> Iterator[Snapshot]:
        """So long, tick by tick."""
        loop = len(self.host)
        for i in range(length_s // round(self.story.interval_s)):
            if i % loop == 0:
                phase = {key: self.draw.randrange(loop) for key in self.seen}
            self.story.host_values = self.host[i % loop]
            self.story.recent.snapshots.clear()
            yield self.story.tick(
                {
                    key: self.draw.choice(seen)[(i + phase[key]) % loop]
                    for key, seen in self.seen.items()
                    if self.draw.random() >= LOST
                }
            )


def notified(host: QuietHost, length_s: int) -> list[tuple[str, str, str]]:
    """(rule, container, what it says) of each alert that a receiver for everything from warning on was told of."""
    recent, state, detectors, tracker = RecentMemory(), MemoryState(), build(), Tracker()
    engine = Engine(load(AlertSettings(rules=[])), (a_receiver(),), state, recent, "harbour")
    for snapshot in host.ticks(length_s):
        recent.append(snapshot)
        found = [finding for detector in detectors for finding in detector.detect(snapshot, recent)]
        engine.evaluate(snapshot, tracker.track(found, snapshot.at_ms), snapshot.at_ms)
    loud = [(t.alert.rule, t.alert.name, t.alert.summary) for t in state.alert_history(since_ms=0) if t.notify]
    if not loud and state.undelivered():
        raise RuntimeError(f"a message without a transition: {state.undelivered()}")
    return loud


def main(arguments: list[str]) -> int:
    days, seed = float(arguments[0]) if arguments else 7.0, int(arguments[1]) if len(arguments) > 1 else 7
    began, length_s = time.monotonic(), round(days * 86_400)
    loud = notified(QuietHost(seed, 1), length_s)
    took_s = time.monotonic() - began
    print(f"{length_s} seconds of 20 quiet containers in {took_s:.0f} s: {len(loud)} notifications")
    for rule, name, summary in loud[:20]:
        print(f"  {rule} of {name}: {summary}")
    return int(bool(loud))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
