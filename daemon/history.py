"""What detectors with a long memory are told of the hours before the agent began: from the store, once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from alerts.detectors.detector import Detector
from alerts.detectors.memory_leak import ANON, MemoryLeak
from alerts.detectors.over_provisioned import USAGE, WORKING_SET, OverProvisioned, Stretch
from daemon.worker import Job
from model.errors import WharfingerError
from storage.api import SeriesQuery, SeriesReader
from storage.factory import open_series_reader

log = logging.getLogger(__name__)

DONE_S = 86_400.0
STEP_MS, STEPS = 3_600_000, 7 * 24
"""What was used is asked for by the hour, of a week: few rows, and more than any detector must have seen."""


def seeding(detectors: Sequence[Detector], path: Path, host: str) -> Job:
    """A job that seeds the detectors at its first turn. A store that cannot be read leaves them without a past."""
    waiting = [detector for detector in detectors if isinstance(detector, MemoryLeak | OverProvisioned)]

    def job(at_ms: int) -> float:
        while waiting:
            detector = waiting.pop()
            try:
                reader = open_series_reader(path)
                try:
                    if isinstance(detector, MemoryLeak):
                        detector.seed(minima(reader, host, at_ms, round(detector.step_s * 1000), detector.steps))
                    else:
                        detector.seed(usage(reader, host, at_ms))
                finally:
                    reader.close()
            except WharfingerError as error:
                log.warning("%s begins without what it saw before the start: %s", detector.name, error)
        return DONE_S

    return job


def minima(
    reader: SeriesReader, host: str, now_ms: int, step_ms: int, steps: int
) -> dict[str, list[tuple[int, float]]]:
    """Container → (end of a step, least anonymous memory in it), whole steps alone, oldest first. Raises StoreError."""
    until_ms = now_ms // step_ms * step_ms
    query = SeriesQuery((ANON,), until_ms - steps * step_ms, until_ms, host=host, step_ms=step_ms)
    result = reader.query(query)
    return {
        column.container: [
            (result.t0_ms + (i + 1) * result.step_ms, least) for i, least in enumerate(column.min) if least is not None
        ]
        for column in result.series
    }


def usage(reader: SeriesReader, host: str, now_ms: int) -> dict[str, Mapping[str, Sequence[Stretch]]]:
    """Container → metric → what it used by the hour, whole hours alone, oldest first. Raises StoreError."""
    until_ms = now_ms // STEP_MS * STEP_MS
    query = SeriesQuery((USAGE, WORKING_SET), until_ms - STEPS * STEP_MS, until_ms, host=host, step_ms=STEP_MS)
    result = reader.query(query)
    found: dict[str, dict[str, Sequence[Stretch]]] = {}
    for column in result.series:
        found.setdefault(column.container, {})[column.metric] = [
            Stretch(result.t0_ms + i * result.step_ms, result.step_ms / 1000, least, mean, most)
            for i, (least, mean, most) in enumerate(zip(column.min, column.avg, column.max, strict=True))
            if least is not None and mean is not None and most is not None
        ]
    return dict(found)
