"""``wharfinger limits release``: what a killed agent left of ``memory.high`` is lifted without an agent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config.schema import AgentSettings, DiscoverySettings, Settings
from daemon.build import socket_path, state_path
from daemon.link import LinkServer
from daemon.once import lift_left_over
from limits.airbag import KEPT
from limits.sizes import MIB
from model.errors import UsageError
from model.live import Reply
from storage.factory import open_state
from tests.support.trees import host

HIGH = 60 * MIB // 4096 * 4096
BOX = "/docker/" + "a" * 64


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    files = {
        "cgroup.controllers": "cpu memory\n",
        f"{BOX[1:]}/memory.high": f"{HIGH}\n",
        f"{BOX[1:]}/memory.max": f"{64 * MIB}\n",
        f"{BOX[1:]}/cgroup.procs": "",
    }
    agent = AgentSettings(data_dir=str(tmp_path / "data"), run_dir=str(tmp_path / "run"))
    (tmp_path / "data").mkdir()
    discovery = DiscoverySettings(docker="off")
    return replace(Settings(), agent=agent, host=host(tmp_path / "host", files), discovery=discovery)


def high(settings: Settings) -> str:
    return (Path(settings.host.cgroup) / BOX[1:] / "memory.high").read_text().strip()


def left_behind(settings: Settings, value: int = HIGH) -> None:
    """As an agent that was killed leaves it: written down, and set."""
    state = open_state(state_path(settings))
    state.put_value(KEPT, {"a" * 64: {"cgroup": BOX, "values": [value]}})
    state.close()


def test_what_was_left_is_lifted_and_forgotten(settings: Settings) -> None:
    left_behind(settings)
    assert lift_left_over(settings) == 0
    assert high(settings).startswith("max"), "a plain file keeps its tail; the kernel's has none"
    state = open_state(state_path(settings))
    assert state.value(KEPT) == {}
    state.close()


def test_a_value_that_is_somebody_elses_stays(settings: Settings) -> None:
    left_behind(settings, value=HIGH - 4096)
    assert lift_left_over(settings) == 0
    assert high(settings) == str(HIGH)


def test_without_history_there_is_nothing_to_do(settings: Settings) -> None:
    assert lift_left_over(settings) == 0
    assert not state_path(settings).exists()


def test_while_an_agent_runs_it_is_refused(settings: Settings) -> None:
    left_behind(settings)
    link = LinkServer(socket_path(settings), lambda _: Reply(200))
    link.start()
    try:
        with pytest.raises(UsageError, match="the agent runs"):
            lift_left_over(settings)
    finally:
        link.close()
    assert high(settings) == str(HIGH)
