"""Against real runtimes beside Docker: containerd itself, Swarm, Docker in Docker, a cgroup namespace of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
from model.event import Event
from model.sample import Snapshot
from tests.support.missing import missing
from tests.support.wait import wait_until
from tools.servers.docker import IMAGE, DockerEngine, busybox_binary, busybox_tree
from tools.servers.process import Missing, find_binary, launch, make_folder, remove_folder

ROOT = Path(__file__).resolve().parents[2]


class Containerd:
    """A containerd of its own, spoken to by ``ctr``. ``state``: its state folder."""

    def __init__(self) -> None:
        binary, self._ctr = find_binary("containerd", "containerd"), find_binary("ctr", "containerd")
        if os.geteuid() != 0:
            raise Missing("only root starts containerd")
        self.folder = make_folder("containerd")
        self.state = self.folder / "state"
        socket = self.folder / "c.sock"
        argv = [binary, "--root", str(self.folder / "root"), "--state", str(self.state), "--address", str(socket)]
        config = self.folder / "config.toml"
        config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        self._argv = [self._ctr, "--address", str(socket)]
        self._child = launch("containerd", [*argv, "--config", str(config)], self.folder, self._answers)
        tree = self.folder / "rootfs"
        tree.mkdir()
        tar = subprocess.run(["tar", "-x", "-C", str(tree)], input=busybox_tree(busybox_binary()), check=False)
        assert tar.returncode == 0
        self.rootfs = tree

    def _answers(self) -> bool:
        return subprocess.run([*self._argv, "version"], capture_output=True, check=False).returncode == 0

    def run(self, namespace: str, name: str, *options: str) -> None:
        argv = [*self._argv, "-n", namespace, "run", "--detach", "--rootfs", *options, str(self.rootfs), name]
        done = subprocess.run([*argv, "/bin/sleep", "1000"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def begin(self, namespace: str, name: str, *options: str, command: str) -> subprocess.Popen[bytes]:
        """Run a shell's command; its cgroup goes with it. The process ends when the container did."""
        argv = [*self._argv, "-n", namespace, "run", "--rm", "--rootfs", *options, str(self.rootfs), name]
        return subprocess.Popen([*argv, "/bin/sh", "-c", command], stdin=subprocess.PIPE)

    def remove(self, namespace: str, name: str) -> None:
        for words in (["task", "rm", "-f"], ["container", "rm"]):
            subprocess.run([*self._argv, "-n", namespace, *words, name], capture_output=True, check=False)

    def close(self) -> None:
        """End it, and remove the empty cgroups that runc leaves of its namespaces."""
        self._child.stop()
        for tree in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()):
            for folder in (tree / "default", tree / "wharfinger-space"):
                if folder.is_dir() and not any(child.is_dir() for child in folder.iterdir()):
                    folder.rmdir()
        remove_folder(self.folder)


@pytest.fixture
def samplers() -> Iterator[list[Sampler]]:
    made: list[Sampler] = []
    yield made
    for sampler in made:
        sampler.close()


def look(samplers: list[Sampler], discovery: DiscoverySettings) -> Snapshot:
    """One look at this host with these runtimes."""
    sampler = Sampler(HostSettings(), discovery, "h", 1.0)
    samplers.append(sampler)
    sampler.look()
    return sampler.collect(time.time_ns() // 10**6)


@pytest.fixture
def containerd() -> Iterator[Containerd]:
    try:
        server = Containerd()
    except Missing as reason:
        missing(reason)
    yield server
    server.close()


@pytest.mark.docker
def test_containerds_own_containers(containerd: Containerd, samplers: list[Sampler]) -> None:
    pod = ("web-1", "shop", "12345678-9abc-def0-1234-56789abcdef0")
    said = [
        f"io.kubernetes.cri.sandbox-{name}={text}" for name, text in zip(("name", "namespace", "uid"), pod, strict=True)
    ]
    said += ["io.kubernetes.cri.container-name=nginx", "io.kubernetes.cri.image-name=nginx:1"]
    options = [word for text in said for word in ("--annotation", text)]
    try:
        containerd.run("default", "wharfinger-plain", "--memory-limit", str(64 << 20))
        containerd.run("wharfinger-space", "wharfinger-named", *options)
        snapshot = look(samplers, DiscoverySettings(docker="off", podman="off", containerd=str(containerd.state)))
    finally:
        containerd.remove("default", "wharfinger-plain")
        containerd.remove("wharfinger-space", "wharfinger-named")
    plain, named = snapshot.targets["wharfinger-plain"], snapshot.targets["wharfinger-named"]
    assert (plain.id.runtime, plain.name, plain.group) == ("containerd", "wharfinger-plain", None)
    assert snapshot.limits[plain.key].memory_bytes == 64 << 20
    assert snapshot.samples[plain.key].values["memory_usage_bytes"] > 0
    assert plain.pid is not None
    assert plain.id.started_at_ms is not None
    assert (named.name, named.group, named.service) == ("web-1.nginx", "shop/web-1", "shop/nginx")
    assert (named.image, named.managed_by) == ("nginx:1", "kubernetes")
    assert snapshot.samples[named.key].values["pids"] == 1


@pytest.mark.docker
def test_a_kill_is_told_though_containerd_is_not_asked_and_the_cgroup_is_gone(
    containerd: Containerd, samplers: list[Sampler]
) -> None:
    sampler = Sampler(HostSettings(), DiscoverySettings(docker="off", podman="off"), "h", 1.0)
    samplers.append(sampler)
    events: list[Event] = []

    def tick() -> Snapshot:
        snapshot = sampler.collect(time.time_ns() // 10**6)
        events.extend(e for e in snapshot.events if e.container_id == "wharfinger-hungry")
        return snapshot

    tick()
    grow = "read line; x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"
    child = containerd.begin("default", "wharfinger-hungry", "--memory-limit", str(16 << 20), command=grow)
    try:
        wait_until(lambda: "wharfinger-hungry" in tick().samples, 10, "its first sample")
        tick()
        child.communicate(b"\n", timeout=30)
    finally:
        child.kill()
        containerd.remove("default", "wharfinger-hungry")
    wait_until(lambda: tick() and any(e.kind == "stop" for e in events), 10, "its stop")
    start, oom, stop = events
    assert (start.kind, oom.kind, stop.kind) == ("start", "oom", "stop")
    assert oom.detail["count"] >= 1
    assert oom.detail["counted_by"] in ("/default", "host")
    if oom.detail["among"] == 1:  # else another container of this machine ended at the same tick
        assert stop.detail["oom_killed"] is True


def test_swarm_tasks_belong_to_their_service(own_docker_engine: DockerEngine, samplers: list[Sampler]) -> None:
    api = own_docker_engine.client.api
    own_docker_engine.client.swarm.init(advertise_addr="127.0.0.1", listen_addr="127.0.0.1")
    service = own_docker_engine.client.services.create(
        IMAGE, command=["sleep", "1000"], name="wharf", networks=["host"], labels={"a": "b"}
    )
    try:
        (task,) = wait_until(
            lambda: [c for c in api.containers() if c["State"] == "running"], 30, "the service's task runs"
        )
        snapshot = look(samplers, DiscoverySettings(docker=own_docker_engine.address, podman="off"))
    finally:
        service.remove()
        own_docker_engine.client.swarm.leave(force=True)
    target = snapshot.targets[task["Id"]]
    assert (target.id.runtime, target.group, target.service) == ("docker", "wharf", "wharf")
    assert target.managed_by == "swarm"
    assert target.name.startswith("wharf.1.")
    assert snapshot.samples[target.key].values["pids"] == 1


def test_a_container_inside_a_container_is_seen_beside_it(docker_engine: DockerEngine, samplers: list[Sampler]) -> None:
    outer = docker_engine.run(["sleep", "1000"], network_mode="none")
    inner = docker_engine.run(["sleep", "1000"], network_mode="none", cgroup_parent=f"/docker/{outer.id}")
    snapshot = look(samplers, DiscoverySettings(docker=docker_engine.address, podman="off"))
    assert snapshot.targets[str(inner.id)].cgroup == f"/docker/{outer.id}/{inner.id}"
    assert snapshot.targets[str(inner.id)].name == inner.name
    assert snapshot.targets[str(outer.id)].name == outer.name
    inside, outside = (snapshot.readings[str(c.id)].memory_usage_bytes for c in (inner, outer))
    assert inside is not None
    assert outside is not None
    assert outside >= inside, "what is inside counts for both"


JOINED = """
for c in /sys/fs/cgroup/memory /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ -e $c/cgroup.procs ] || continue
    mkdir -p $c/wharfinger-test/own
    echo $$ > $c/wharfinger-test/own/cgroup.procs
done
exec unshare --cgroup "$@"
"""
LOOK = """
import json, os, sys, time
from pathlib import Path
from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
sampler = Sampler(HostSettings(), DiscoverySettings(docker=sys.argv[1], podman="off", cgroup_walk=False), "h", 1.0)
sampler.look()
snapshot = sampler.collect(time.time_ns() // 10**6)
targets = {k: [t.name, t.cgroup, k in snapshot.samples] for k, t in snapshot.targets.items()}
print(json.dumps({"own": Path("/proc/self/cgroup").read_text(), "targets": targets}))
sampler.close()
"""


@pytest.mark.root
def test_out_of_a_cgroup_namespace_of_our_own(docker_engine: DockerEngine, as_root: None) -> None:
    """The namespace shows the host's containers as ``/../../docker/<id>``; the tree is the host's."""
    container = docker_engine.run(["sleep", "1000"], network_mode="none")
    try:
        done = subprocess.run(
            ["sh", "-c", JOINED, "sh", sys.executable, "-c", LOOK, docker_engine.address],
            capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    finally:
        for tree in ("memory", "unified", "."):
            for name in ("wharfinger-test/own", "wharfinger-test"):
                folder = Path("/sys/fs/cgroup") / tree / name
                if folder.is_dir():
                    folder.rmdir()
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert f"/docker/{container.id}" not in seen["own"]
    assert any(line.endswith(":/") for line in seen["own"].splitlines()), "we are the top of our own namespace"
    name, cgroup, sampled = seen["targets"][container.id]
    assert (name, cgroup, sampled) == (container.name, f"/docker/{container.id}", True)
