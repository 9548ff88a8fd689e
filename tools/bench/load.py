"""Made-up snapshots for benches: hosts as they are, most containers idle, some busy, all of it repeatable."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from pathlib import Path

from model.limits import Limits
from model.metrics import CONTAINER_METRICS
from model.sample import Sample, Snapshot
from model.target import Target, TargetId

IDLE, CYCLIC, BUSY = "idle", "cyclic", "busy"
SCALE = {"cores": 2.0, "ratio": 1.0, "bytes": 2e9, "bytes/s": 5e6, "1/s": 2000.0, "s/s": 0.5, "1": 40.0, "s": 86400.0}
FLEET = Path(__file__).resolve().parent.parent.parent / "dashboard/static/js/lib/fleet.js"
SHOWN = tuple(name for name in re.findall(r"^  '(\w+)',$", FLEET.read_text(), re.M) if not name.startswith("host_"))
"""What the overview's table asks of each container."""
STEADY = ("limit", "weight", "restarts", "health", "peak", "high_bytes")


def targets(count: int) -> dict[str, Target]:
    """``count`` containers with full ids."""
    made = (f"{i:064x}" for i in range(1, count + 1))
    return {
        key: Target(TargetId("docker", key, i + 1), f"/docker/{key}", f"app-{i}", image="app:1", service=f"app-{i}")
        for i, key in enumerate(made)
    }


class Host:
    """A host whose containers live: call :meth:`tick` once a second.

    ``mix``: shares of idle, cyclic and busy containers. Values are rounded as kernels count: bytes are pages.
    """

    def __init__(
        self, containers: int, metrics: int, mix: tuple[float, float, float] = (0.6, 0.25, 0.15), seed: int = 1
    ) -> None:
        self._random = random.Random(seed)
        self.targets = targets(containers)
        self._specs = CONTAINER_METRICS[:metrics]
        kinds = self._random.choices((IDLE, CYCLIC, BUSY), mix, k=containers)
        self._kinds = dict(zip(self.targets, kinds, strict=True))
        self._values = {key: {s.name: self._first(s.unit) for s in self._specs} for key in self.targets}
        self._limits = {key: Limits() for key in self.targets}

    def _first(self, unit: str) -> float:
        value = SCALE.get(unit, 1.0) * self._random.random() ** 3
        return float(round(value / 4096) * 4096) if unit == "bytes" else value

    def tick(self, at_ms: int) -> Snapshot:
        """The next second."""
        draw = self._random.random
        wave = 0.5 + 0.5 * math.sin(at_ms / 1000 / 300)
        samples = {}
        for key, values in self._values.items():
            kind = self._kinds[key]
            for spec in self._specs:
                if any(word in spec.name for word in STEADY) or (kind == IDLE and draw() < 0.95):
                    continue
                scale = SCALE.get(spec.unit, 1.0)
                if spec.unit == "bytes":
                    step = scale * (0.002 if kind == BUSY else 0.0002) * (draw() - 0.5)
                    values[spec.name] = max(0.0, values[spec.name] + round(step / 4096) * 4096)
                elif kind == IDLE:
                    values[spec.name] = 0.0 if draw() < 0.7 else scale * 0.001 * draw()
                else:
                    values[spec.name] = scale * (wave * 0.3 if kind == CYCLIC else 0.5) * (0.9 + 0.2 * draw())
            samples[key] = Sample(dict(values))
        return Snapshot(at_ms, 1.0, "bench", "v2", Sample({}), self.targets, samples, self._limits)


def seconds(start_ms: int, count: int) -> Iterator[int]:
    return iter(range(start_ms, start_ms + count * 1000, 1000))
