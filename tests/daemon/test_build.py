"""Where files go and who may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from config.schema import AgentSettings, Settings, WebSettings
from daemon.build import auth_path, make_folder, own_url, series_path, socket_path
from model.errors import UsageError


def test_files_stand_where_the_documentation_says() -> None:
    settings = Settings(agent=AgentSettings(data_dir="/d", run_dir="/r"))
    assert [str(f(settings)) for f in (series_path, socket_path, auth_path)] == [
        "/d/series.db",
        "/r/agent.sock",
        "/d/web/auth.db",
    ]
    assert str(auth_path(Settings(web=WebSettings(auth_dir="/a")))) == "/a/auth.db"


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9321", "http://127.0.0.1:9321"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::1]:9321", "http://[::1]:9321"),
    ],
)
def test_the_url_is_one_that_a_browser_here_can_open(listen: str, url: str) -> None:
    assert own_url(Settings(web=WebSettings(listen=listen))) == url


def test_a_folder_is_private_and_belongs_to_the_group_that_may_read_it(tmp_path: Path) -> None:
    plain = tmp_path / "plain" / "deep"
    make_folder(plain, "agent.data_dir")
    assert stat.S_IMODE(plain.stat().st_mode) == 0o750
    shared = tmp_path / "shared"
    make_folder(shared, "agent.data_dir", str(os.getegid()))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o2750
    (shared / "series.db").touch()
    assert (shared / "series.db").stat().st_gid == os.getegid()


def test_a_shared_folder_that_is_as_it_should_be_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's root would take the set-group-ID bit away by setting it again."""
    shared = tmp_path / "shared"
    make_folder(shared, "agent.data_dir", str(os.getegid()))
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("was changed"))
    make_folder(shared, "agent.data_dir", str(os.getegid()))


def test_a_folder_that_cannot_be_made_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"set agent\.data_dir to another one"):
        make_folder(tmp_path / "file" / "data", "agent.data_dir")
