"""Where a web process reads whose own folder is well: where the agent writes, whatever it may itself write there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from config.schema import AgentSettings, Settings, WebSettings
from daemon import standby


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
