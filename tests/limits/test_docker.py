"""The room against a real Docker engine and the real kernel."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from config.schema import HostSettings
from limits.actuator.base import ActuatorAway
from limits.actuator.cgroupfs import CgroupActuator
from limits.actuator.docker import DockerActuator
from limits.controller import Controller
from limits.sizes import MIB
from model.change import ChangeStatus, LimitRequest
from model.errors import NotThere, Refused
from model.limits import UNLIMITED
from storage.api import StateStore
from tests.limits.busy import built, look
from tests.limits.quay import Quay, now_ms
from tests.support.wait import wait_until

pytestmark = pytest.mark.docker

SPIN = ["sh", "-c", "while :; do :; done"]
IDLE = ["sh", "-c", "while :; do sleep 60; done"]
GROW = 'BEGIN{for(i=0;i<%d;i++){a[i]=sprintf("%%5242880s","x"); system("sleep 1")}; while(1) system("sleep 60")}'
"""Grows by 5 MiB of anonymous memory a second."""
AUTO = {"wharfinger.limits": "auto", "wharfinger.test": "limits"}
OURS = ("NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "Memory", "MemorySwap")
APPLIED = ChangeStatus.APPLIED


@pytest.fixture
def quay(docker_engine: Any, tmp_path: Path) -> Iterator[Quay]:
    quay = Quay(tmp_path, docker_engine.address)
    quay.start()
    yield quay
    quay.close()


def native(container: Any) -> dict[str, int]:
    container.reload()
    return {name: container.attrs["HostConfig"][name] for name in OURS}


def run(engine: Any, quay: Quay, command: list[str], **options: Any) -> Any:
    container = engine.run(command, **options)
    quay.watched.add(str(container.id))
    return container


def by_hand(container: Any, **fields: Any) -> LimitRequest:
    return LimitRequest(str(container.id), "manual", "test", "ann", **fields)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"nano_cpus": 200_000_000}, "NanoCpus"),
        ({"cpu_quota": 20_000}, "CpuQuota"),
        ({"cpu_quota": 10_000, "cpu_period": 50_000}, "CpuQuota"),
    ],
    ids=["cpus", "quota", "quota and period"],
)
def test_a_throttled_container_is_raised_within_three_seconds_and_undone_bit_for_bit(
    docker_engine: Any, quay: Quay, given: dict[str, int], field: str
) -> None:
    container = run(docker_engine, quay, SPIN, labels=AUTO, **given)
    before, key = native(container), str(container.id)
    wait_until(lambda: quay.changes(key, APPLIED), 60, "the first raise")
    change = quay.changes(key, APPLIED)[0]
    seen = quay.snapshots[key]
    raised_at = next(at for at, told in quay.told if told.id == change.id)
    pinned = [
        at for at, sample in seen if sample.values.get("cpu_throttled_periods_ratio", 0) >= 0.9 and at < raised_at
    ]
    assert len(pinned) <= 2, (
        "two seconds are seen throttled, and in the third it has more (one, where no tick was late)"
    )
    assert change.before.cpu_cores == 0.2
    assert change.read_back.cpu_cores == pytest.approx(change.after.cpu_cores)
    period = before["CpuPeriod"] or 100_000
    scale = 1e9 if field == "NanoCpus" else period
    inspected = native(container)[field] / scale
    assert any(inspected == pytest.approx(one.after.cpu_cores) for one in quay.changes(key, APPLIED))
    quay.controller.pause(True, "the test undoes", None, "ann", now_ms())
    (made,) = quay.controller.undo("ann", now_ms(), container_id=key)
    assert made.status is APPLIED
    assert native(container) == before
    assert quay.kernel.read(f"/docker/{key}").cpu_cores == 0.2
    assert quay.kernel.read(f"/docker/{key}").cpu_period_us == period
    assert quay.changes(key, ChangeStatus.PENDING) == []


def test_a_container_that_nobody_allowed_is_only_watched(docker_engine: Any, quay: Quay) -> None:
    container = run(docker_engine, quay, SPIN, nano_cpus=200_000_000)
    before = native(container)
    wait_until(quay.controller.recommendations, 15, "a recommendation")
    (advice,) = quay.controller.recommendations()
    assert (advice.container_id, advice.knob, advice.now) == (container.id, "cpu", 0.2)
    assert native(container) == before
    assert quay.changes(str(container.id)) == []


def test_memory_that_grows_five_mebibytes_a_second_is_not_killed(docker_engine: Any, quay: Quay) -> None:
    """And an idle neighbour with the same limit stays as it is."""
    labels = {**AUTO, "wharfinger.memory.max": "300m"}
    grower = run(docker_engine, quay, ["awk", GROW % 54], labels=labels, mem_limit="64m")
    idle = run(docker_engine, quay, IDLE, labels=AUTO, mem_limit="64m")
    swap = native(grower)["MemorySwap"] - native(grower)["Memory"]
    key = str(grower.id)

    def grown() -> bool:
        use = quay.kernel.memory_use(f"/docker/{key}")
        return use is not None and use.working_set >= 270 * MIB

    wait_until(grown, 120, "270 MiB in use")
    changes = quay.settled(key)
    grower.reload()
    assert grower.attrs["State"]["OOMKilled"] is False
    assert grower.attrs["State"]["Running"] is True
    oom = Path(f"/sys/fs/cgroup/memory/docker/{key}/memory.oom_control")
    if oom.exists():
        assert "oom_kill 0" in oom.read_text()
    after = native(grower)
    assert 270 * MIB < after["Memory"] <= 300 * MIB
    assert after["MemorySwap"] - after["Memory"] == swap
    assert quay.kernel.read(f"/docker/{key}").memory_bytes == after["Memory"]
    assert {(row.rule, row.status) for row in changes} == {("memory_law", APPLIED)}
    assert native(idle)["Memory"] == 64 * MIB
    assert quay.changes(str(idle.id)) == []
    with pytest.raises(Refused, match="it uses 2"):
        quay.controller.set(by_hand(grower, memory_bytes=64 * MIB), now_ms())
    with pytest.raises(Refused, match="it uses 2"):
        quay.controller.undo("ann", now_ms(), container_id=key)


def test_a_foreign_docker_update_is_adopted(docker_engine: Any, quay: Quay) -> None:
    container = run(docker_engine, quay, SPIN, labels=AUTO, nano_cpus=200_000_000)
    key = str(container.id)
    wait_until(lambda: quay.changes(key, APPLIED), 15, "the first raise")
    quay.docker.update(key, {"NanoCpus": 150_000_000})
    wait_until(quay.state.audit_entries, 10, "the foreign change in the audit")
    assert quay.state.audit_entries()[0].action == "limits.foreign_change"
    made = len(quay.changes(key))
    seen = len(quay.snapshots[key])
    wait_until(lambda: len(quay.snapshots[key]) >= seen + 4, 15, "four more ticks")
    assert len(quay.changes(key)) == made
    assert native(container)["NanoCpus"] == 150_000_000
    assert quay.state.originals()[key].native["NanoCpus"] == 150_000_000


def test_by_hand_on_a_real_container(docker_engine: Any, quay: Quay) -> None:
    container = run(docker_engine, quay, IDLE)
    before, key = native(container), str(container.id)
    wait_until(lambda: key in quay.controller.policies(), 10, "the container")
    change = quay.controller.set(by_hand(container, cpu_cores=0.5, memory_bytes=64 * MIB, cpu_weight=200), now_ms())
    assert (change.read_back.cpu_cores, change.read_back.memory_bytes, change.read_back.cpu_weight) == (
        0.5, 64 * MIB, 200,
    )  # fmt: skip
    assert native(container)["CpuShares"] == 2048
    quay.controller.undo("ann", now_ms(), change_id=change.id)
    limits = quay.kernel.read(f"/docker/{key}")
    assert (limits.cpu_cores, limits.memory_bytes, limits.cpu_weight) == (UNLIMITED, UNLIMITED, 100)
    assert native(container)["NanoCpus"] == before["NanoCpus"]


def test_what_docker_answers(docker_engine: Any) -> None:
    docker = DockerActuator(docker_engine.address)
    container = docker_engine.run(["awk", GROW % 8], mem_limit="256m", labels={"wharfinger.test": "limits"})
    stat = Path(f"/sys/fs/cgroup/memory/docker/{container.id}/memory.usage_in_bytes")
    if stat.exists():  # cgroup v2 kills where v1 answers EBUSY
        wait_until(lambda: int(stat.read_text()) > 30 * MIB, 20, "30 MiB in use")
        with pytest.raises(Refused, match=r"it uses [34]\d.* MiB: the kernel refused a memory limit of 8 MiB"):
            docker.update(container.id, {"Memory": 8 * MIB, "MemorySwap": 8 * MIB})
        assert native(container)["Memory"] == 256 * MIB
    with pytest.raises(NotThere, match="Docker knows no container ffffffffffff"):
        docker.inspect("f" * 64)
    with pytest.raises(Refused, match="Docker refused: "):
        docker.update(container.id, {"CpuQuota": 5})
    docker.close()
    assert docker.inspect(str(container.id)).native["Memory"] == 256 * MIB, "it connects anew"
    with pytest.raises(ActuatorAway, match="does not answer"):
        DockerActuator("unix:///nowhere/docker.sock").inspect("f" * 64)
    with pytest.raises(ActuatorAway, match=r"discovery\.docker is off"):
        DockerActuator("off").inspect("f" * 64)
    docker.close()


def look_until_settled(controller: Controller, state: StateStore, key: str) -> None:
    def settled() -> bool:
        look(controller, key)
        return not state.changes(statuses=("pending",))

    wait_until(settled, 15, "nothing pending")


def test_killed_at_any_moment_the_journal_is_consistent_and_the_original_restorable(
    docker_engine: Any, tmp_path: Path
) -> None:
    container = docker_engine.run(IDLE, nano_cpus=200_000_000, labels={"wharfinger.test": "limits"})
    before, key, moment = native(container), str(container.id), Random(11)
    settled = 0
    for _ in range(5):
        command = [sys.executable, "-m", "tests.limits.busy", str(tmp_path), docker_engine.address, key]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(moment.uniform(0.02, 0.3))
            child.kill()
        controller, state = built(tmp_path, docker_engine.address)
        left = state.changes(statuses=("pending",))
        look_until_settled(controller, state, key)
        settled += len(left)
        rows = state.changes(container_id=key, statuses=("applied",), limit=1)
        cores = CgroupActuator(HostSettings()).read(f"/docker/{key}").cpu_cores
        assert rows
        assert cores == pytest.approx(rows[0].after.cpu_cores), "what was applied last is in force"
        assert native(container)["NanoCpus"] == pytest.approx(rows[0].after.cpu_cores * 1e9)
        assert all(entry.action != "limits.foreign_change" for entry in state.audit_entries())
        controller.close()
        state.close()
    controller, state = built(tmp_path, docker_engine.address)
    look(controller, key)
    controller.undo("ann", now_ms(), everything=True)
    assert native(container) == before
    controller.close()
    state.close()
    assert settled > 0, "at least one kill fell into a change"
