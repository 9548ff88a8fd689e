"""Something that happened at one moment: annotations of the charts and the record of short lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EVENT_KINDS = ("start", "stop", "oom", "restart", "health", "limit_change", "alert")


@dataclass(frozen=True, slots=True)
class Event:
    """``kind`` is one of :data:`EVENT_KINDS`; ``detail`` holds JSON values only.

    A stop's detail: ``exit_code, lived_s, cpu_seconds, memory_peak_bytes, oom_killed`` (each may be null).
    ``id`` grows with time and is unique on its host (0: not yet stored).
    """

    at_ms: int
    kind: str
    host: str
    container_id: str
    name: str
    service: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    id: int = 0
