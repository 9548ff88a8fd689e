"""A short soak: each fault once, and nothing is lost or left wrong. ``make soak`` is the long one."""

from __future__ import annotations

import pytest

from tests.support.missing import missing
from tools.servers.process import Missing
from tools.soak.__main__ import soak
from tools.soak.faults import FAULTS
from tools.soak.ledger import growth

pytestmark = [pytest.mark.docker, pytest.mark.influxdb, pytest.mark.root]


def test_every_fault_once_and_nothing_is_lost(as_root: None) -> None:
    try:
        lines = soak(30, 10)
    except Missing as reason:
        missing(reason)
    assert [f"{line.name} {line.value:g}: {line.help}" for line in lines if not line.ok] == []
    told = {line.name: line.value for line in lines}
    assert told["faults"] >= len(FAULTS)
    assert told["ticks"] > 30
    assert told["alerts"] > 0


def test_growth_is_of_settled_processes() -> None:
    rows = [(float(i), 1 if i < 50 else 2, 100 if i % 50 > 4 else 10, 7) for i in range(100)]
    assert growth(rows, 2) == 0
    assert growth([(second, pid, kilobytes + int(second), files) for second, pid, kilobytes, files in rows], 2) > 20
    assert growth(rows[:5], 2) == 0
