"""What detectors with a long memory are told of the hours before the agent began: from the store, once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from alerts.detectors.detector import Detector
from alerts.detectors.memory_leak import ANON, MemoryLeak
from daemon.worker import Job
from model.errors import WharfingerError
from storage.api import SeriesQuery, SeriesReader
from storage.factory import open_series_reader

log = logging.getLogger(__name__)

DONE_S = 86_400.0


def seeding(detectors: Sequence[Detector], path: Path, host: str) -> Job:
    """A job that seeds the detectors at its first turn. A store that cannot be read leaves them without a past."""
    waiting = [detector for detector in detectors if isinstance(detector, MemoryLeak)]

    def job(at_ms: int) -> float:
        while waiting:
            detector = waiting.pop()
            try:
                reader = open_series_reader(path)
                try:
                    detector.seed(minima(reader, host, at_ms, round(detector.step_s * 1000), detector.steps))
                finally:
                    reader.close()
            except WharfingerError as error:
                log.warning("detectors begin without the hours before the start: %s", error)
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
