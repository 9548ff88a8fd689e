"""The viewer's filtering proxy: a real nginx before a real Docker engine lets questions through, and nothing else."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import APIError

from config.schema import DiscoverySettings, Settings
from daemon.once import collect_once
from tests.support.missing import missing
from tools.servers.docker import MACHINE_SOCKET, DockerEngine
from tools.servers.process import Missing, find_binary, launch, make_folder, remove_folder

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "deploy/docker-readonly.nginx.conf"


def accepts(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False


@pytest.fixture
def readonly(docker_engine: DockerEngine) -> Iterator[str]:
    """Address of the proxy."""
    try:
        binary = find_binary("nginx", "nginx-light")
    except Missing as reason:
        missing(reason)
    folder = make_folder("readonly")
    text = CONFIG.read_text().replace("/tmp/", f"{folder}/").replace("/run/docker-readonly", str(folder))
    text = text.replace(MACHINE_SOCKET, docker_engine.address.removeprefix("unix://"))
    text = text.replace("/dev/stderr", "stderr")
    (folder / "nginx.conf").write_text(text)
    argv = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    child = launch("nginx", argv, folder, lambda: accepts(folder / "docker.sock"))
    yield f"unix://{folder / 'docker.sock'}"
    child.stop()
    remove_folder(folder)


def test_containers_have_their_names_through_it(docker_engine: DockerEngine, readonly: str) -> None:
    container = docker_engine.run(["sleep", "600"], network_mode="none")
    snapshot = collect_once(Settings(discovery=DiscoverySettings(docker=readonly, podman="off", containerd="off")))
    target = snapshot.targets[str(container.id)]
    assert (target.name, target.image) == (container.name, docker_engine.image)


def test_nothing_is_changed_or_read_out_through_it(docker_engine: DockerEngine, readonly: str) -> None:
    container = docker_engine.run(["sleep", "600"], network_mode="none", mem_limit="64m")
    client = DockerClient(base_url=readonly, timeout=20)
    try:
        seen = client.containers.get(str(container.id))
        for forbidden in (
            seen.stop,
            seen.kill,
            lambda: seen.update(mem_limit="96m"),
            lambda: seen.exec_run("true"),
            lambda: seen.get_archive("/etc/passwd"),
            seen.logs,
            lambda: client.containers.create(docker_engine.image, "true"),
            client.volumes.list,
            lambda: client.images.pull("nothing"),
        ):
            with pytest.raises(APIError) as refused:
                forbidden()
            assert refused.value.response.status_code == 403
    finally:
        client.close()
    container.reload()
    assert (container.status, container.attrs["HostConfig"]["Memory"]) == ("running", 64 << 20)
