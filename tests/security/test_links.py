"""Symbolic links where root meets a folder of somebody less: none leads it elsewhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from config.schema import AgentSettings, Settings, WebSettings
from daemon.accounts import Accounts
from daemon.build import auth_path
from daemon.privilege import refuse_planted_link
from model.errors import UsageError

NOBODY = 65534


@pytest.fixture
def settings(tmp_path: Path, as_root: None) -> Settings:
    """The web process's folder is its own user's."""
    folder = tmp_path / "auth"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    agent = AgentSettings(data_dir=str(tmp_path / "data"), run_dir=str(tmp_path / "run"))
    return replace(Settings(), agent=agent, web=WebSettings(auth_dir=str(folder)))


@pytest.mark.parametrize("exists", [True, False])
def test_a_planted_link_makes_root_write_nowhere(settings: Settings, tmp_path: Path, exists: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    if exists:
        elsewhere.write_text("of somebody else")
    auth_path(settings).symlink_to(elsewhere)
    os.chown(auth_path(settings), NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(UsageError, match="symbolic link"):
        Accounts(settings)
    assert elsewhere.exists() == exists
    assert not exists or elsewhere.read_text() == "of somebody else"


def test_a_link_that_root_made_is_followed(settings: Settings, tmp_path: Path) -> None:
    auth_path(settings).symlink_to(tmp_path / "elsewhere.db")
    refuse_planted_link(auth_path(settings))
    assert Accounts(settings).users() == ()
