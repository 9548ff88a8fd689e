"""A controller that changes a real container without a pause, to be killed: ``python -m tests.limits.busy``."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from config.schema import HostSettings, LimitSettings
from limits.actuator.cgroupfs import CgroupActuator
from limits.actuator.docker import DockerActuator
from limits.controller import Controller
from model.change import LimitRequest
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.sqlite.state import SqliteState
from tests.limits.quay import ROOMY, now_ms

VALUES = (0.3, 0.45, 0.6, 0.75)


def built(folder: Path, address: str) -> tuple[Controller, SqliteState]:
    """A controller over the folder's store and the real doors."""
    state = SqliteState(folder / "state.db").open()
    controller = Controller(
        LimitSettings(), "wharfinger.", HostSettings(), state, DockerActuator(address), lambda: (),
        lambda _change: None, 2,
    )  # fmt: skip
    controller.recover(now_ms())
    return controller, state


def look(controller: Controller, container_id: str) -> None:
    """One tick that sees this container alone, and the worker's part of it."""
    cgroup = f"/docker/{container_id}"
    limits = CgroupActuator(HostSettings()).read(cgroup)
    target = Target(TargetId("docker", container_id, 1), cgroup, "busy")
    snapshot = Snapshot(
        now_ms(), 1.0, "quay", "v1", Sample(ROOMY), {container_id: target}, {container_id: Sample({})},
        {container_id: limits},
    )  # fmt: skip
    controller.consider(snapshot, (), now_ms())
    while controller.act(now_ms()) == 0:
        pass


def main(folder: str, address: str, container_id: str) -> None:
    controller, _state = built(Path(folder), address)
    look(controller, container_id)
    print("ready", flush=True)
    for number in count():
        request = LimitRequest(container_id, "manual", f"number {number}", "busy", cpu_cores=VALUES[number % 4])
        controller.set(request, now_ms())


if __name__ == "__main__":
    main(*sys.argv[1:])
