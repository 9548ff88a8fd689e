"""The rules that are there without being written: one a detector, all on."""

from __future__ import annotations

from typing import Final

from model.alert import Condition, Rule, Severity

DEFAULT_RULES: Final[tuple[Rule, ...]] = (
    # Long enough that a start-up does not call; a limit changed for it is told at once (alerts/state.py).
    Rule("CpuThrottled", Severity.WARNING, Condition(detector="cpu_throttled"), for_s=10.0, keep_firing_for_s=60.0),
    Rule("CpuContended", Severity.WARNING, Condition(detector="cpu_contended"), for_s=30.0, keep_firing_for_s=120.0),
    Rule(
        "MemoryNearLimit", Severity.WARNING, Condition(detector="memory_near_limit"), for_s=5.0, keep_firing_for_s=60.0
    ),
    Rule("MemoryThrash", Severity.WARNING, Condition(detector="memory_thrash"), for_s=15.0, keep_firing_for_s=120.0),
    Rule("MemoryLeak", Severity.WARNING, Condition(detector="memory_leak"), for_s=30.0, keep_firing_for_s=1200.0),
    Rule("MemoryOomKilled", Severity.CRITICAL, Condition(detector="memory_oom_killed"), keep_firing_for_s=240.0),
    Rule("IoSaturated", Severity.WARNING, Condition(detector="io_saturated"), for_s=60.0, keep_firing_for_s=120.0),
    Rule("PidsNearLimit", Severity.WARNING, Condition(detector="pids_near_limit"), for_s=5.0, keep_firing_for_s=60.0),
    Rule(
        "NetworkTrouble", Severity.WARNING, Condition(detector="network_trouble"), for_s=60.0, keep_firing_for_s=300.0
    ),
    Rule(
        "NoisyNeighbour", Severity.WARNING, Condition(detector="noisy_neighbour"), for_s=10.0, keep_firing_for_s=120.0
    ),
    Rule("RestartLoop", Severity.CRITICAL, Condition(detector="restart_loop"), keep_firing_for_s=60.0),
    Rule("Unhealthy", Severity.WARNING, Condition(detector="unhealthy"), for_s=10.0, keep_firing_for_s=60.0),
    Rule(
        "HostDiskFilling",
        Severity.WARNING,
        Condition(detector="host_disk_filling"),
        for_s=60.0,
        keep_firing_for_s=600.0,
    ),
    Rule(
        "InfluxdbPointsLost",
        Severity.WARNING,
        Condition(detector="influxdb_points_lost"),
        keep_firing_for_s=600.0,
    ),
    Rule("OverProvisioned", Severity.INFO, Condition(detector="over_provisioned"), keep_firing_for_s=3600.0),
    Rule(
        "UnlimitedOnCrowdedHost",
        Severity.WARNING,
        Condition(detector="unlimited_on_crowded_host"),
        for_s=60.0,
        keep_firing_for_s=300.0,
    ),
)
