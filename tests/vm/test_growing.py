"""Containers in the guest that outgrow a tick of the agent: the airbag holds them until the limit is higher.

How fast the emulated processor is decides what can be shown: these run where they are asked for (``make vm``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.missing import missing
from tests.vm.growing import LIMIT_MIB, RATES
from tests.vm.guest import Guest
from tools.servers.process import Missing

pytestmark = [pytest.mark.vm]

GROWING = "export PYTHONPATH=/src:/src/build/vm/site; exec python3 -m tests.vm.growing"
GROWING_S = 900.0
MIB = 1 << 20


@pytest.fixture(scope="module", params=("cgroupfs", "systemd"))
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[int, dict[str, Any]]]:
    """MiB a second → what became of the container that grew so fast."""
    try:
        guest = Guest(systemd=request.param == "systemd")
    except Missing as reason:
        missing(reason)
    try:
        done = guest.run(GROWING, seconds=GROWING_S)
        assert done.code == 0, f"{done.output[-3000:]}\n{guest.console()[-1000:]}"
        rows: list[dict[str, Any]] = json.loads((done.folder / "growing.json").read_text())
        log = (done.folder / "agent.log").read_text(errors="replace")[-3000:]
        yield {row["rate"]: row | {"agent": log} for row in rows}
    finally:
        guest.close()


@pytest.mark.parametrize("rate", RATES)
def test_a_container_that_outgrows_the_tick_is_not_killed(outcomes: dict[int, dict[str, Any]], rate: int) -> None:
    row = outcomes[rate]
    assert row["ready"]
    assert row["bag"], f"it is under auto: {row['agent']}"
    assert (row["kills"], row["running"]) == (0, True), row
    assert row["seconds"] is not None, "it has what it wanted, however long that took"
    assert row["limit"] > row["use"] > LIMIT_MIB * MIB
