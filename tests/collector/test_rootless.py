"""Podman of ordinary users: who is asked, and when."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from collector.discovery.describe import Description
from collector.discovery.docker import DockerSource
from collector.discovery.rootless import AFTER, EVERY, RootlessPodman
from collector.discovery.runtime import Job, RuntimeEvent, Source
from tools.servers.podman import Podman


class Asked:
    """A source that counts how often it is asked."""

    runtime = "podman"
    reports = True

    def __init__(self, address: str) -> None:
        self.address, self.looks, self.closed = address, 0, False
        self.answer = ("ok", "well")

    def described(self) -> dict[str, Description]:
        return {self.address: Description("podman", self.address, "name")} if self.looks else {}

    def drain(self) -> list[RuntimeEvent]:
        return []

    def state(self) -> tuple[str, str]:
        return self.answer

    def asked(self) -> bool:
        return True

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        return ()

    def look(self) -> None:
        self.looks += 1

    def close(self) -> None:
        self.closed = True


def user(root: Path, uid: str) -> str:
    socket = root / uid / "podman/podman.sock"
    socket.parent.mkdir(parents=True)
    socket.touch()
    return f"unix://{socket}"


def test_each_users_podman_is_asked_when_its_containers_change(tmp_path: Path) -> None:
    made: dict[str, Asked] = {}

    def connect(address: str) -> Source:
        made[address] = Asked(address)
        return made[address]

    first, own = user(tmp_path, "1000"), user(tmp_path, "0")
    (tmp_path / "1001").mkdir()
    source = RootlessPodman(connect, (own,), str(tmp_path))
    assert (source.asked(), source.state()[0]) == (False, "off")
    source.look()
    assert list(made) == [first], "a user without a socket, and one that is asked elsewhere"
    assert (source.asked(), source.state()) == (True, ("ok", "well"))
    assert list(source.described()) == [first]
    for _ in range(AFTER + 5):
        source.resync(0)
    quiet = made[first].looks
    source.resync(0)
    assert made[first].looks == quiet == AFTER + 1
    (tmp_path / "1000/containers/overlay-containers/abc").mkdir(parents=True)
    source.resync(0)
    assert made[first].looks == quiet + 1
    for _ in range(EVERY + 1):
        source.resync(0)
    assert made[first].looks == quiet + 1 + AFTER + 1, "and now and then in any case"
    second = user(tmp_path, "1002")
    source.resync(0)
    assert set(source.described()) == {first, second}
    made[second].answer = ("down", "gone")
    assert source.state() == ("degraded", "gone")
    (tmp_path / "1002/podman/podman.sock").unlink()
    (tmp_path / "1002/podman").rmdir()
    (tmp_path / "1002").rmdir()
    source.resync(0)
    assert list(source.described()) == [first]
    assert made[second].closed
    source.close()
    assert made[first].closed


def test_a_real_podman_at_a_users_socket(tmp_path: Path, podman: Podman, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "1000/podman"
    folder.mkdir(parents=True)
    (folder / "podman.sock").symlink_to(podman.socket())
    source = RootlessPodman(lambda address: DockerSource("podman", address, {}), (), str(tmp_path))
    container = podman.run("sleep", "1000", options=("--name", "wharfinger-rootless"))
    try:
        with caplog.at_level(logging.WARNING):
            source.look()
        assert source.described()[container].name == "wharfinger-rootless"
        assert source.state()[0] == "ok"
        assert caplog.records == []
    finally:
        source.close()
        podman.remove(container)
