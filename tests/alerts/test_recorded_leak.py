"""A leak that was recorded, told sixty times as slowly, is found and alerted; one that collects its garbage is not.

The recording (``testdata/leak.json.gz``) was made by the real sampler, once a second for 205 s, of two containers of
128 MiB in which a shell appends to variables: ``leaky`` keeps 384 KiB a second, and 512 KiB more that it lets go every
seven seconds; ``collects`` lets go all of its 768 KiB a second. Each second is told as a minute.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from alerts.detectors.all import build
from alerts.engine import Engine
from alerts.findings import Tracker
from alerts.rules import load
from config.schema import AlertSettings
from model.alert import AlertState, Transition
from model.finding import Finding
from model.limits import Limits
from storage.memory import MemoryState
from storage.recent import RecentMemory
from tests.alerts.story import DB, MIB, WEB, Story, a_receiver, target

RECORDING = Path(__file__).parent / "testdata" / "leak.json.gz"
LIMIT = 128 * MIB


def test_a_recorded_leak_is_found_within_hours_and_a_recorded_sawtooth_is_none() -> None:
    known = json.loads(gzip.decompress(RECORDING.read_bytes()))
    story, recent, state, tracker = Story(interval_s=60.0), RecentMemory(), MemoryState(), Tracker()
    story.targets = {WEB: target(WEB, "leaky"), DB: target(DB, "collects")}
    story.limits = {key: Limits(memory_bytes=LIMIT) for key in story.targets}
    engine = Engine(load(AlertSettings(rules=[])), (a_receiver(),), state, recent, "harbour")
    detectors = build()
    found: dict[str, list[Finding]] = {}
    transitions: list[Transition] = []
    for second in range(len(known["leaky"]["memory_anon_bytes"])):
        values = {}
        for key, one in story.targets.items():
            row = {metric: float(column[second]) for metric, column in known[one.name].items()}
            row["memory_working_set_of_limit_ratio"] = row["memory_working_set_bytes"] / LIMIT
            values[key] = row
        snapshot = story.tick(values)
        story.recent.snapshots.clear()
        recent.append(snapshot)
        findings = tracker.track([f for d in detectors for f in d.detect(snapshot, recent)], story.now_ms)
        for finding in findings:
            found.setdefault(finding.container_id, []).append(finding)
        transitions += engine.evaluate(snapshot, findings, story.now_ms)
    assert found.keys() == {WEB}
    leak = [finding for finding in found[WEB] if finding.detector == "memory_leak"][-1]
    # 384 KiB a second, told as a minute; the shell was slower at times.
    assert leak.evidence[0].value * 60 == pytest.approx(384 * 1024, rel=0.5)
    assert "Full in about" in leak.summary
    assert {t.alert.name for t in transitions} == {"leaky"}
    assert AlertState.FIRING in {t.alert.state for t in transitions if t.alert.rule == "MemoryLeak"}
