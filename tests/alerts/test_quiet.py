"""A quiet host wakes nobody: twenty idle containers, half an hour, with the jitter that idle containers have."""

from __future__ import annotations

import random

import pytest

from alerts.detectors.all import build
from alerts.engine import Engine
from alerts.findings import Tracker
from alerts.rules import load
from config.schema import AlertSettings
from model.limits import UNLIMITED, Limits
from storage.memory import MemoryState
from storage.recent import RecentMemory
from tests.alerts.story import MIB, Story, a_receiver, target

KEYS = [f"{i:064x}" for i in range(1, 21)]
SECONDS = 1800


def idle_second(draw: random.Random, place: int, second: int) -> dict[str, float]:
    """One second of a container that does next to nothing: a health check twice a minute, a cron job now and then."""
    check = (second + 3 * place) % 30 == 0
    cron = (second + 97 * place) % 600 < 3
    cores = draw.random() * 0.002 + (0.08 if check else 0.0) + (0.6 if cron else 0.0)
    memory = (20 + place + 3 * draw.random() + (10 if cron else 0)) * MIB
    busy = cron or check
    return {
        "cpu_usage_cores": cores,
        "cpu_throttled_periods_ratio": 0.67 if check and place % 3 == 0 else 0.0,
        "cpu_pressure_some_ratio": 0.3 * draw.random() if busy else 0.002 * draw.random(),
        "memory_working_set_bytes": memory,
        "memory_anon_bytes": 0.6 * memory,
        "memory_pressure_full_ratio": 0.0,
        "memory_refaults_per_second": 40.0 * draw.random() if cron else 0.0,
        "memory_oom_kills": 0.0,
        "io_pressure_full_ratio": 0.2 * draw.random() if cron else 0.0,
        "io_pressure_some_ratio": 0.3 * draw.random() if cron else 0.0,
        "io_read_bytes_per_second": 2e6 * draw.random() if cron else 0.0,
        "io_write_bytes_per_second": 4096.0 if check else 0.0,
        "pids": 3.0 + (2 if busy else 0),
        "pids_limit": 100.0,
        "network_receive_packets_per_second": 2.0 * draw.random(),
        "network_receive_drops_per_second": 1.0 if draw.random() < 0.01 else 0.0,
        "network_errors_per_second": 0.0,
        "restarts": 0.0,
        "health": 1.0,
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_is_notified(seed: int) -> None:
    story, draw, recent, state = Story(), random.Random(seed), RecentMemory(), MemoryState()
    story.targets = {key: target(key, f"idle-{i}", health="healthy") for i, key in enumerate(KEYS)}
    story.limits = {
        key: Limits(cpu_cores=0.5 if i % 2 else UNLIMITED, memory_bytes=128 * MIB if i % 3 else UNLIMITED)
        for i, key in enumerate(KEYS)
    }
    story.host_values |= {
        "host_memory_total_bytes": 8192.0 * MIB,
        "host_memory_available_bytes": 6000.0 * MIB,
        "host_disk_used_ratio{/}": 0.55,
    }
    detectors, tracker = build(), Tracker()
    engine = Engine(load(AlertSettings(rules=[])), (a_receiver(),), state, recent, "harbour")
    for second in range(SECONDS):
        values = {key: idle_second(draw, i, second) for i, key in enumerate(KEYS) if draw.random() < 0.999}
        story.host_values["cpu_usage_cores"] = sum(v["cpu_usage_cores"] for v in values.values())
        story.recent.snapshots.clear()
        snapshot = story.tick(values)
        recent.append(snapshot)
        found = [finding for detector in detectors for finding in detector.detect(snapshot, recent)]
        engine.evaluate(snapshot, tracker.track(found, story.now_ms), story.now_ms)
    assert state.undelivered() == {}
    assert [t.alert.rule for t in state.alert_history(since_ms=0) if t.alert.started_at_ms] == []
