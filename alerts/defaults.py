"""The rules that are there without being written: one a detector, all on."""

from __future__ import annotations

from typing import Final

from model.alert import Condition, Rule, Severity

LIMIT_CHANGED: Final = "LimitChanged"
"""Name of the alert that tells of a limit changed, refused or put back. No rule may have it."""

DEFAULT_RULES: Final[tuple[Rule, ...]] = (
    # Long enough that a start-up does not call; a limit changed for it is told at once (alerts/state.py).
    Rule("CpuThrottled", Severity.WARNING, Condition(detector="cpu_throttled"), for_s=10.0, keep_firing_for_s=60.0),
    Rule("CpuContended", Severity.WARNING, Condition(detector="cpu_contended"), for_s=30.0, keep_firing_for_s=120.0),
    Rule(
        "MemoryNearLimit", Severity.WARNING, Condition(detector="memory_near_limit"), for_s=5.0, keep_firing_for_s=60.0
    ),
    Rule("MemoryOomKilled", Severity.CRITICAL, Condition(detector="memory_oom_killed"), keep_firing_for_s=240.0),
)
