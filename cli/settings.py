"""Settings for a command, read from where the command line says."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.load import load
from config.schema import Settings


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Reads the settings anew each time it is called; can be handed to another process."""

    path: str | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    needs: tuple[str, ...] | None = None
    """Sections whose secret files are read; None: all."""

    def __call__(self) -> Settings:
        """Raises InvalidInput with every fault."""
        path = Path(self.path) if self.path else None
        return load(path, os.environ, root=os.geteuid() == 0, overrides=self.overrides, needs=self.needs)


WEB_NEEDS = ("web", "store", "fleet")
"""The web process reads no secret of alert receivers."""


def source_of(args: argparse.Namespace, needs: tuple[str, ...] | None = None) -> SettingsSource:
    """Where this command's settings come from: its flags over environment over file."""
    overrides: dict[str, object] = {}
    if getattr(args, "listen", None):
        overrides["web.listen"] = args.listen
    if getattr(args, "data_dir", None):
        overrides["agent.data_dir"] = args.data_dir
    return SettingsSource(args.config, overrides, needs)


def settings_of(args: argparse.Namespace) -> Settings:
    return source_of(args)()
