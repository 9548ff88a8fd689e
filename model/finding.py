"""A bottleneck, explained: what holds whom, the evidence, and advice in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from model.alert import Severity


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured fact: ``value`` of ``metric`` over the last ``window_s`` seconds, against ``threshold``."""

    metric: str
    value: float
    threshold: float | None
    window_s: float
    unit: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A bottleneck that exists at ``at_ms`` and began at ``since_ms``.

    ``id`` stays the same as long as the finding goes on (detector, container, since);
    ``proposed`` is the value of ``knob`` that would end it, where there is one.
    """

    id: str
    at_ms: int
    since_ms: int
    host: str
    container_id: str
    """Empty for a finding about the host itself."""
    name: str
    detector: str
    severity: Severity
    summary: str
    evidence: tuple[Evidence, ...]
    advice: str
    knob: str | None = None
    """``cpu`` or ``memory`` where a limit is what holds the container."""
    proposed: float | None = None
    change_id: str | None = None
    deed: str | None = None
    """What was done about it, or why not, in one sentence."""
