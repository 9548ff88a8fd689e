"""Findings over time: the same bottleneck keeps its name and its beginning from tick to tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.finding import Finding
from model.identity import fingerprint

PAUSE_MS = 3000
"""A finding that is away for no longer is still the same, and is still shown."""

Key = tuple[str, str, str]


class Tracker:
    """Gives findings their ``id`` and ``since_ms``. Called by the tick thread alone, once a tick."""

    def __init__(self) -> None:
        self._going_on: dict[Key, tuple[Finding, int]] = {}

    def track(self, findings: Sequence[Finding], now_ms: int) -> tuple[Finding, ...]:
        """The findings with stable names, and those that paused for at most :data:`PAUSE_MS`, as they were last."""
        present = {}
        for finding in findings:
            key = key_of(finding)
            known = self._going_on.get(key)
            if known is None:
                named = replace(finding, id=fingerprint((*key, str(finding.since_ms))))
            else:
                named = replace(finding, id=known[0].id, since_ms=known[0].since_ms)
            present[key] = (named, now_ms)
        for key, (finding, seen_ms) in self._going_on.items():
            if key not in present and now_ms - seen_ms <= PAUSE_MS:
                present[key] = (finding, seen_ms)
        self._going_on = present
        return tuple(finding for finding, _ in present.values())


def key_of(finding: Finding) -> Key:
    """What makes two findings the same one: detector, container, and what its first evidence measures."""
    return finding.detector, finding.container_id, finding.evidence[0].metric if finding.evidence else ""
