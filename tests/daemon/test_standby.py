"""Where a web process reads whose own folder is well: where the agent writes, whatever it may itself write there."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.schema import AgentSettings, Settings, WebSettings
from daemon import standby
from daemon.build import auth_path
from daemon.privilege import Account, acting_as
from storage.api import User
from storage.factory import open_auth

WEB = Account("web", 65532, 65532)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("data", "run", "auth"):
        (tmp_path / name).mkdir()
    return Settings(
        agent=AgentSettings(data_dir=str(tmp_path / "data"), run_dir=str(tmp_path / "run")),
        web=WebSettings(auth_dir=str(tmp_path / "auth")),
    )


def go_aside(settings: Settings) -> Path:
    series = standby.series_path(standby.aside(settings))
    series.parent.mkdir()
    series.touch()
    return series


def test_a_folder_that_only_the_agent_may_write_is_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path(settings.web.auth_dir)
    monkeypatch.setattr(standby, "takes_no_writes", lambda folder: folder != own)  # mounted read-only for us, as usual
    assert standby.of_web(settings) == settings


def test_it_follows_the_agent_aside_and_keeps_its_own_logins(settings: Settings) -> None:
    go_aside(settings)
    found = standby.of_web(settings)
    assert standby.is_standby(found)
    assert found.web.auth_dir == settings.web.auth_dir


@pytest.mark.parametrize("aside_at_first", [True, False])
def test_it_starts_anew_when_the_agent_moves(settings: Settings, aside_at_first: bool) -> None:
    series = go_aside(settings) if aside_at_first else None
    stop = threading.Event()
    moved = standby.until_the_agent_moves(settings, standby.of_web(settings), stop, every_s=0.01)
    assert not stop.wait(0.05)
    if series is None:
        go_aside(settings)
    else:
        series.unlink()
    assert stop.wait(10)
    assert moved.is_set()


@pytest.fixture
def unit(settings: Settings, tmp_path: Path, as_root: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The folders as deploy/systemd makes them, seen with the rights of the web process's unit."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):  # all but / and the folder of temporary files
        folder.chmod(folder.stat().st_mode | 0o055)
    for name in ("data", "run"):
        os.chown(tmp_path / name, 0, WEB.gid)
        (tmp_path / name).chmod(0o750)
    (tmp_path / "unit").mkdir()
    for name in ("auth", "unit"):
        os.chown(tmp_path / name, WEB.uid, WEB.gid)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "unit"))
    with acting_as(WEB, ()):
        yield settings


def users(settings: Settings) -> set[str]:
    with closing(open_auth(auth_path(settings))) as auth:
        return {user.name for user in auth.users()}


def add(settings: Settings, name: str) -> None:
    with closing(open_auth(auth_path(settings))) as auth:
        auth.put_user(User(name, "viewer", "hash", 0))


def test_an_unprivileged_web_process_keeps_its_logins_aside_and_brings_them_home(
    unit: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(unit, "anna")
    before = auth_path(unit).read_bytes()
    well = standby.takes_no_writes
    monkeypatch.setattr(standby, "takes_no_writes", lambda _: True)
    meanwhile = standby.of_web(unit)
    assert users(meanwhile) == {"anna"}
    add(meanwhile, "bert")
    assert auth_path(unit).read_bytes() == before
    assert standby.is_standby(meanwhile), "the series of the agent, which is aside too"
    monkeypatch.setattr(standby, "takes_no_writes", well)
    os.seteuid(0)
    standby.of_agent(unit)  # the agent is often first
    os.seteuid(WEB.uid)
    assert standby.of_web(unit) == unit
    assert users(unit) == {"anna", "bert"}
    assert not auth_path(meanwhile).exists()
