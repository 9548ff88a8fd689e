"""The test servers themselves: each starts, answers, stops, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.wait import wait_until
from tools.servers import process
from tools.servers.docker import LABEL, DockerEngine, pings
from tools.servers.nginx import Nginx
from tools.servers.podman import Podman
from tools.servers.prometheus import Alertmanager, Prometheus


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


@pytest.mark.docker
def test_docker_runs_a_container_of_ours(docker_engine: DockerEngine) -> None:
    container = docker_engine.run(["sleep", "60"], labels={"wharfinger.test": "servers"})
    assert container.status == "running"
    assert container.labels[LABEL] == "servers"
    mark = docker_engine.mark() - 1
    docker_engine.remove_after(mark)
    names = [c.id for c in docker_engine.client.containers.list(all=True, ignore_removed=True)]
    assert container.id not in names


@pytest.mark.docker
@pytest.mark.root
def test_an_engine_of_our_own_stops_and_starts(own_docker_engine: DockerEngine) -> None:
    daemon = own_docker_engine.daemon
    assert daemon is not None
    daemon.stop()
    assert not pings(daemon.address)
    daemon.start()
    assert pings(daemon.address)


@pytest.mark.docker
@pytest.mark.root
def test_podman_answers_dockers_api(podman: Podman) -> None:
    container = podman.run("sleep", "60")
    assert podman.pid_of(container) > 1
    assert pings(podman.address)
    podman.remove(container)


@pytest.mark.prometheus
def test_prometheus_and_nginx_answer(prometheus: Callable[[str], Prometheus], nginx: Callable[[str], Nginx]) -> None:
    real = prometheus("global:\n  scrape_interval: 1s\n")
    front = nginx(f"location / {{ proxy_pass {real.url}; }}")
    assert wait_until(lambda: b"Prometheus" in get(f"{front.url}/-/healthy"), 20, "Prometheus behind nginx")


@pytest.mark.alertmanager
def test_alertmanager_answers(alertmanager: Alertmanager) -> None:
    status = wait_until(lambda: json.loads(get(f"{alertmanager.url}/api/v2/status")), 20, "Alertmanager's status")
    assert "versionInfo" in status


def test_a_server_that_ends_at_once_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nno such option"):
        process.launch("sh", ["sh", "-c", "echo no such option; exit 3"], tmp_path, lambda: False)


def test_what_a_killed_run_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "shelf", lambda: tmp_path)
    folder = process.make_folder("sleep")
    child = process.launch("sleep", ["sleep", "600"], folder, lambda: True)
    assert process.sweep() == [], "its owner is alive"
    (folder / "owner.json").write_text("[1, -1]")
    assert process.sweep() == [folder.name]
    assert not folder.exists()
    wait_until(lambda: not child.alive(), 5, "the server's end")


def test_a_stranger_with_the_same_pid_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "shelf", lambda: tmp_path)
    folder = process.make_folder("sleep")
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / "owner.json").write_text("[1, -1]")
    (folder / "sleep.pid.json").write_text(json.dumps([stranger.pid, -5]))
    assert process.sweep() == [folder.name]
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
