"""kill -9 in a storm: each transition told at least once, in order, none lost, a repeat under the same id."""

from __future__ import annotations

from pathlib import Path

from tests.alerts.storm import WRONG, judged, weather


def test_kills_in_a_storm_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    counts = judged(path, weather(path, kills=4, seed=7))
    wrong = {what: counts[what] for what in WRONG}
    assert wrong == dict.fromkeys(wrong, 0), counts
    assert counts["transitions"] >= 500
    assert counts["failed"] > 0
    assert counts["together"] > 0, "messages of whole services are among them"
