"""What runs in the guest: containers, the reader, the doctor, limits; the outcomes go to ``/job/result.json``.

``python3 -m tests.vm.inside``. It asserts nothing: the tests outside judge.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import docker

from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings, LimitSettings, Settings
from daemon.doctor import examine
from limits.actuator.cgroupfs import CgroupActuator
from limits.actuator.docker import DockerActuator
from limits.controller import Controller
from model.change import Change, LimitRequest
from model.errors import Refused
from model.sample import Snapshot
from storage.sqlite.state import SqliteState
from tools.servers.docker import busybox_tree

JOB = Path("/job")
TREE = Path("/sys/fs/cgroup")
IMAGE = "guest/busybox:1"
QUIET = "dd if=/dev/zero of=/tmp/f bs=1M count=4 conv=fsync; exec sleep 100000"
ADDRESS = "unix:///var/run/docker.sock"
BUSY = "dd if=/dev/zero of=/tmp/f bs=1M count=8 conv=fsync; while :; do :; done"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def started(client: docker.DockerClient, name: str, command: list[str], **options: Any) -> str:
    container = client.containers.run(
        IMAGE, command, name=name, detach=True, network_mode="none", stop_signal="SIGKILL", **options
    )
    return str(container.id)


def seen(snapshot: Snapshot, key: str) -> dict[str, Any]:
    """One container as a snapshot has it."""
    target, limits = snapshot.targets.get(key), snapshot.limits.get(key)
    if target is None or limits is None:
        return {}
    return {
        "id": key, "name": target.name, "group": target.group, "runtime": target.id.runtime, "cgroup": target.cgroup,
        "metrics": dict(snapshot.samples[key].values) if key in snapshot.samples else {},
        "cpu_cores": getattr(limits.cpu_cores, "value", limits.cpu_cores),
        "memory_bytes": getattr(limits.memory_bytes, "value", limits.memory_bytes),
    }  # fmt: skip


def told(change: Change) -> dict[str, Any]:
    return {"status": change.status.value, "reason": change.reason}


def files(cgroup: str) -> dict[str, str]:
    folder = TREE / cgroup.lstrip("/")
    return {name: (folder / name).read_text().strip() for name in ("cpu.max", "memory.max", "memory.swap.max")}


def main() -> None:
    result: dict[str, Any] = {}
    client = docker.DockerClient(base_url=ADDRESS, timeout=120)
    client.api.import_image_from_data(busybox_tree(Path("/bin/busybox")), *IMAGE.split(":"))
    info = client.info()
    result["docker"] = {"version": str(info["CgroupVersion"]), "driver": info["CgroupDriver"]}
    busy = started(
        client, "busy", ["sh", "-c", BUSY], nano_cpus=200_000_000, mem_limit="64m", labels={"wharfinger.group": "yard"}
    )
    quiet = started(client, "quiet", ["sh", "-c", QUIET])
    discovery = DiscoverySettings(docker=ADDRESS, podman="off", services=["dbus"])
    sampler = Sampler(HostSettings(), discovery, "guest", 1.0)
    sampler.look()
    snapshot = sampler.collect(now_ms())
    for _ in range(3):
        time.sleep(1.0)
        snapshot = sampler.collect(now_ms())
    result |= {"cgroup": snapshot.cgroup, "gaps": [gap.reason for gap in snapshot.gaps]}
    result |= {"busy": seen(snapshot, busy), "quiet": seen(snapshot, quiet)}
    result["services"] = sorted(t.name for t in snapshot.targets.values() if t.id.runtime == "systemd")
    result["capabilities"] = dict(sampler.capabilities())
    result["host"] = dict(snapshot.host_sample.values)
    for _ in range(5):  # until nothing changed between the two that are compared
        first = working_set(sampler, quiet)
        result["stats"] = memory_by_docker(client, quiet)
        result["quiet_reading"] = working_set(sampler, quiet)
        if first == result["quiet_reading"]:
            break

    capture([result["busy"]["cgroup"], result["quiet"]["cgroup"]])

    # limits: by hand through Docker's API, then straight into the kernel
    cgroup = str(result["busy"]["cgroup"])
    state = SqliteState(Path("/tmp/state.db")).open()
    controller = Controller(
        LimitSettings(), "wharfinger.", HostSettings(), state, DockerActuator(ADDRESS, 60.0), lambda: (),
        lambda change: None, 2,
    )  # fmt: skip
    controller.recover(now_ms())
    controller.consider(snapshot, (), now_ms())
    result["before"] = files(cgroup)
    asked = LimitRequest(busy, "by hand", "a test", "guest", cpu_cores=0.5, memory_bytes=96 << 20)
    result["set"] = told(controller.set(asked, now_ms())) | files(cgroup)
    try:
        refused = told(controller.set(LimitRequest(busy, "by hand", "a test", "guest", memory_bytes=4096), now_ms()))
    except Refused as fault:
        refused = {"status": "refused", "reason": str(fault)}
    result["refused"] = refused | files(cgroup)
    undone = controller.undo("guest", now_ms(), container_id=busy)
    result["undone"] = {"statuses": [change.status.value for change in undone]} | files(cgroup)
    kernel = CgroupActuator(HostSettings())
    kernel.write_cpu(cgroup, 0.7)
    kernel.raise_memory(cgroup, 80 << 20)
    result["direct"] = files(cgroup) | {"cpu_cores": kernel.read(cgroup).cpu_cores}
    sampler.refresh_limits(busy)
    result["read_back"] = seen(sampler.collect(now_ms()), busy)
    controller.close()
    state.close()

    well, checks = examine(Settings(discovery=discovery))
    result["doctor"] = {"ok": well, "checks": {c.name: [c.state, c.detail, c.remedy] for c in checks}}
    client.containers.get(busy).kill()
    snapshot = sampler.collect(now_ms())
    result["after_kill"] = sorted(t.name for t in snapshot.targets.values())
    sampler.close()
    client.close()
    (JOB / "result.json").write_text(json.dumps(result))


def working_set(sampler: Sampler, key: str) -> float | None:
    return sampler.collect(now_ms()).samples[key].values.get("memory_working_set_bytes")


def memory_by_docker(client: docker.DockerClient, container: str) -> int:
    """What ``docker stats`` shows: usage without inactive file cache."""
    stats = client.api.stats(container, stream=False, one_shot=True)["memory_stats"]
    return int(stats["usage"]) - int(stats["stats"]["inactive_file"])


def capture(cgroups: list[str]) -> None:
    """This host's tree as an archive for other tests."""
    services = [path for path in ("system.slice", "system.slice/dbus.service") if (TREE / path).is_dir()]
    subprocess.run(
        [sys.executable, "-m", "tools.capture_host", str(JOB / "host.txt"), *cgroups, *services],
        check=True,
    )


if __name__ == "__main__":
    main()
