"""kill -9 of a busy controller: every change is accounted for, no ``memory.high`` stays, and all can be undone."""

from __future__ import annotations

from pathlib import Path

from tests.limits.storm import WRONG, kill_often


def test_kills_leave_nothing_that_the_next_start_does_not_mend(tmp_path: Path) -> None:
    counts = kill_often(tmp_path, kills=4, seed=7)
    assert {what: counts[what] for what in WRONG} == dict.fromkeys(WRONG, 0), counts
    assert counts["changes"] >= 8
    assert counts["highs_left"] >= 1, "there was something to mend"
