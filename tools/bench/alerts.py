"""What watching costs: every detector and 30 rules over 1,000 containers, a tick."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from alerts.detectors.all import build
from alerts.engine import Engine
from alerts.findings import Tracker
from alerts.rules import load
from config.schema import AlertSettings
from model.alert import Condition, Rule, Severity
from model.limits import Limits
from model.sample import Sample, Snapshot
from storage.memory import MemoryState
from storage.recent import RecentMemory
from tools.bench.load import Host, seconds
from tools.bench.result import Measured, Part, Spec, together

CONTAINERS = 1000
RULES = 30
WARM_TICKS, TICKS = 90, 30
START_MS = 1_700_000_000_000
GIB = 1024**3
METRICS: tuple[tuple[str, float], ...] = (
    ("cpu_usage_cores", 1.0),
    ("cpu_system_cores", 1.0),
    ("memory_working_set_bytes", 1.9e9),
    ("memory_anon_bytes", 1.9e9),
    ("pids", 20.0),
    ("io_read_bytes_per_second", 2.5e6),
    ("io_write_bytes_per_second", 2.5e6),
    ("memory_page_faults_per_second", 1000.0),
    ("network_receive_bytes_per_second", 2.5e6),
    ("network_transmit_bytes_per_second", 2.5e6),
)
"""What the busy containers do on average, within a tenth."""
FACTORS = {"avg": 1.02, "max": 1.0999, "p95": 1.095, "min": 0.95, "last": 1.099, "rate": 0.01}
"""Thresholds within what the busy ones do: each window has points on both sides, and few rules are true."""

RESULTS = (
    Spec("alerts_tick_ms_1000x30", "ms", "CPU of a tick: 1,000 containers, every detector, 30 metric rules", bar=50.0),
    Spec("alerts_detectors_ms_1000", "ms", "Of that, the detectors"),
    Spec("alerts_first_tick_ms_1000x30", "ms", "The first tick after a start"),
)


class Busy:
    """A host of many containers with limits; a few are throttled or near their memory limit."""

    def __init__(self, containers: int = CONTAINERS) -> None:
        self._host = Host(containers, 60)
        draw = random.Random(2)
        self._limits = {
            key: Limits(cpu_cores=draw.choice((0.5, 1.0, 2.0)), memory_bytes=draw.choice((2, 3, 4)) * GIB, pids=1000)
            for key in self._host.targets
        }
        self._throttled = set(draw.sample(sorted(self._host.targets), max(1, containers // 50)))

    def tick(self, at_ms: int) -> Snapshot:
        made = self._host.tick(at_ms)
        samples = {key: Sample(self._plausible(key, dict(sample.values))) for key, sample in made.samples.items()}
        host = {"host_cpu_count": 64.0, "cpu_usage_cores": 40.0, "host_memory_total_bytes": 512.0 * GIB}
        return replace(made, samples=samples, limits=self._limits, host_sample=Sample(host))

    def _plausible(self, key: str, values: dict[str, float]) -> dict[str, float]:
        """Rare troubles are rare: without them every container would have every finding."""
        throttled = key in self._throttled
        for name in values:
            if "pressure" in name or "throttled" in name:
                values[name] *= 0.6 if throttled else 0.05
            elif any(word in name for word in ("oom", "drops", "errors", "refaults", "major_faults", "_events_")):
                values[name] = 0.0
        values |= {"health": 1.0, "restarts": 0.0, "pids_limit": 1000.0}
        return values


def rules() -> tuple[Rule, ...]:
    """The default rules and 30 of a metric each, over every function."""
    functions = tuple(FACTORS)
    made = []
    for i in range(RULES):
        metric, threshold = METRICS[i % len(METRICS)]
        function = functions[(i // len(METRICS) + i) % len(functions)]
        condition = Condition(metric, None, function, ">", threshold * FACTORS[function], 60.0)
        made.append(Rule(f"Bench{i}", Severity.WARNING, condition, for_s=30.0))
    return (*load(AlertSettings(rules=[])), *made)


def tick() -> dict[str, Measured]:
    """The middle of 30 ticks after one and a half minutes."""
    busy, recent, detectors, tracker = Busy(), RecentMemory(), build(), Tracker()
    engine = Engine(rules(), (), MemoryState(), recent, "bench")
    detecting, whole = [], []
    for at_ms in seconds(START_MS, WARM_TICKS + TICKS):
        snapshot = busy.tick(at_ms)
        recent.append(snapshot)
        before = time.thread_time()
        found = [finding for detector in detectors for finding in detector.detect(snapshot, recent)]
        told = tracker.track(found, at_ms)
        detecting.append((time.thread_time() - before) * 1000)
        engine.evaluate(snapshot, told, at_ms)
        whole.append((time.thread_time() - before) * 1000)
    return {
        "alerts_tick_ms_1000x30": Measured(median(whole[WARM_TICKS:])),
        "alerts_detectors_ms_1000": Measured(median(detecting[WARM_TICKS:])),
        "alerts_first_tick_ms_1000x30": Measured(whole[0]),
    }


PARTS: Mapping[str, Part] = {"tick": tick}


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    return together(PARTS, chosen)
