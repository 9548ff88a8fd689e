"""Detectors with a long memory are told of the hours before the agent began."""

from __future__ import annotations

from pathlib import Path

from alerts.detectors.memory_leak import MemoryLeak
from alerts.detectors.over_provisioned import USAGE, WORKING_SET, OverProvisioned
from config.schema import StoreSettings
from daemon.history import seeding
from model.limits import Limits
from storage.factory import open_series_writer
from tests.alerts.story import MIB, START_MS, WEB, Story, target


def test_a_leak_that_was_stored_is_found_at_once(tmp_path: Path) -> None:
    story, path = Story(interval_s=10.0), tmp_path / "series.db"
    story.targets[WEB] = target(id=target().id.__class__("docker", WEB, 1, START_MS - 1000))
    writer = open_series_writer(path, StoreSettings(), "harbour")
    for i in range(3 * 360):
        story.recent.snapshots.clear()
        writer.append(story.tick({WEB: {"memory_anon_bytes": (100 + i / 6) * MIB}}))
    writer.close()
    detector = MemoryLeak()
    job = seeding((detector,), path, "harbour")
    assert job(story.now_ms) > 3600
    (finding,) = detector.detect(story.tick({WEB: {"memory_anon_bytes": 280.0 * MIB}}), story.recent)
    assert finding.summary.startswith("Leaks memory.")
    assert 55 * MIB < finding.evidence[0].value * 3600 < 65 * MIB


def test_without_a_store_the_detectors_begin_without_a_past(tmp_path: Path) -> None:
    detector = MemoryLeak()
    (tmp_path / "series.db").write_bytes(b"no database" * 1000)
    assert seeding((detector,), tmp_path / "series.db", "harbour")(START_MS) > 3600
    assert detector.detect(Story().tick({WEB: {"memory_anon_bytes": 1.0}}), Story().recent) == []


def test_what_was_used_for_days_is_known_at_once(tmp_path: Path) -> None:
    story, path = Story(interval_s=60.0), tmp_path / "series.db"
    story.targets[WEB] = target(id=target().id.__class__("docker", WEB, 1, START_MS - 1000))
    values = {WEB: {USAGE: 0.1, WORKING_SET: 50.0 * MIB}}
    writer = open_series_writer(path, StoreSettings(), "harbour")
    for _ in range(51 * 60):
        story.recent.snapshots.clear()
        writer.append(story.tick(values))
    writer.close()
    detector = OverProvisioned()
    assert seeding((detector,), path, "harbour")(story.now_ms) > 3600
    story.interval_s = 1.0
    for _ in range(10):
        found = detector.detect(story.tick(values, limits={WEB: Limits(cpu_cores=2.0)}), story.recent)
    (finding,) = found
    assert finding.summary.startswith("Has far more than it needs.")
    assert 0.1 <= finding.evidence[0].value <= 0.11
