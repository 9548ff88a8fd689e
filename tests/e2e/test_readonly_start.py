"""A start on a disk that takes no writes: live, said so, and back on the disk with all that must not be lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import DOCKER, Wharfinger, running
from tests.support.missing import missing
from tests.support.wait import wait_until
from tools.servers.process import free_port


@pytest.fixture
def mounted(tmp_path: Path, as_root: None) -> Iterator[Callable[[str], None]]:
    """The data folder as a mount of its own; called with ``ro`` or ``rw``."""
    data = tmp_path / "data"
    data.mkdir()
    done = subprocess.run(["mount", "--bind", str(data), str(data)], capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"cannot mount a folder: {done.stderr.strip()}")
    yield lambda how: subprocess.run(["mount", "-o", f"remount,bind,{how}", str(data)], check=True) and None
    subprocess.run(["umount", "--lazy", str(data)], check=True)


def store(house: Wharfinger) -> str:
    status, body = house.ask("GET", "/readyz")
    parts = {part["name"]: part["state"] for part in body["parts"]}
    return str(parts.get("store")) if status == 200 else f"HTTP {status}"


def comments(house: Wharfinger) -> set[str]:
    return {item["comment"] for item in house.items("/silences")}


def silence(house: Wharfinger, comment: str) -> None:
    status, answer = house.ask("POST", "/silences", {"rules": ["X"], "duration_s": 3600, "comment": comment})
    assert status in (200, 201), answer


def live(house: Wharfinger) -> bool:
    hosts: list[dict[str, Any]] = house.items("/hosts")
    return [host["state"] for host in hosts] == ["live"]


def test_it_goes_on_aside_and_comes_home(tmp_path: Path, mounted: Callable[[str], None]) -> None:
    environ = {
        DOCKER: "off",
        "WHARFINGER_DISCOVERY__CGROUP_WALK": "false",
        "WHARFINGER_DISCOVERY__PODMAN": "off",
        "WHARFINGER_WEB__LISTEN": f"127.0.0.1:{free_port()}",
    }
    with running(tmp_path, **environ) as house:
        silence(house, "before")
        assert house.stop() == 0
    kept = {path: path.read_bytes() for path in (tmp_path / "data").glob("*.db")}
    mounted("ro")
    with running(tmp_path, **environ) as house:
        wait_until(lambda: store(house) == "degraded" and live(house), 30, "live figures of a read-only disk")
        assert "takes no writes (read-only file system)" in house.log()
        assert comments(house) == {"before"}, "what was known is known"
        silence(house, "meanwhile")
        assert {path: path.read_bytes() for path in kept} == kept
        agent = house.child("agent")
        mounted("rw")
        wait_until(lambda: "starting anew on it" in house.log(), 60, "the disk is found well")
        wait_until(lambda: again(house, agent), 90, "it is back on the disk")
        assert comments(house) == {"before", "meanwhile"}
        assert not (tmp_path / "run/standby/state.db").exists()
        assert house.stop() == 0


def again(house: Wharfinger, before: int) -> bool:
    """Whether another agent answers, through a web process that is there; asserts, so that it may be waited for."""
    try:
        assert house.child("agent") != before
        assert store(house) == "ok"
        assert live(house)
    except (OSError, StopIteration) as error:
        raise AssertionError(f"a process starts anew: {error!r}") from error
    return True
