"""Memory that grows faster than a tick a second can follow, in real containers on cgroup v1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from limits.sizes import MIB
from model.change import ChangeStatus
from tests.limits.quay import Quay
from tests.support.wait import wait_until

pytestmark = pytest.mark.docker

GROW = (
    'BEGIN{system("sleep 4"); for(i=0;i<%d;i++){a[i]=sprintf("%%%ds","x"); system("sleep 0.05")}'
    ' while(1) system("sleep 60")}'
)
"""After four seconds, in which its limit becomes known, grows twenty times a second by so many bytes."""
LABELS = {"wharfinger.limits": "auto", "wharfinger.memory.max": "640m", "wharfinger.test": "limits"}


@pytest.mark.skipif(
    not Path("/sys/fs/cgroup/memory/memory.usage_in_bytes").exists(), reason="cgroup v2: the airbag does it"
)
@pytest.mark.parametrize(("mib_a_second", "to_mib"), [(20, 180), (60, 360)])
def test_a_container_that_is_looked_at_between_ticks_is_not_killed(
    docker_engine: Any, tmp_path: Path, mib_a_second: int, to_mib: int
) -> None:
    step = mib_a_second * MIB // 20
    quay = Quay(tmp_path, docker_engine.address, looks=True)
    quay.start()
    try:
        container = docker_engine.run(
            ["awk", GROW % (to_mib * MIB // step, step)], labels=LABELS, mem_limit="96m", memswap_limit="96m"
        )
        key = str(container.id)
        quay.watched.add(key)

        def grown() -> bool:
            container.reload()
            assert container.attrs["State"]["Running"], f"it was killed: {quay.changes(key)}"
            use = quay.kernel.memory_use(f"/docker/{key}")
            return use is not None and use.working_set >= to_mib * MIB

        wait_until(grown, 90, f"{to_mib} MiB in use")
        assert "oom_kill 0" in Path(f"/sys/fs/cgroup/memory/docker/{key}/memory.oom_control").read_text()
        changes = quay.settled(key)
        assert {(row.rule, row.status) for row in changes} == {("memory_law", ChangeStatus.APPLIED)}
        assert any(row.at_ms % 1000 > 40 for row in changes), "raised between two ticks"
    finally:
        quay.close()
