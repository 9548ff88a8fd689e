"""Licences of what a release is made of: the locked packages, by their own metadata."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements/run.txt"
BUILD_ONLY = {"hatchling", "editables", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}
"""Locked because the wheel is built offline; not in an installation."""
CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Licence:
    package: str
    version: str
    licence: str


def locked(text: str) -> Iterator[tuple[str, str]]:
    """(name, version) of what the lock installs on Linux. Pure."""
    for name, version, marker in re.findall(r"^([A-Za-z0-9._-]+)==(\S+) ?(;.*)?\\$", text, re.MULTILINE):
        if "win32" not in marker and name not in BUILD_ONLY:
            yield name, version


def licence_of(metadata: importlib.metadata.PackageMetadata) -> str:
    """The SPDX expression where a package has one, else its classifier, else the first line of its field."""
    for expression in metadata.get_all("License-Expression") or ():
        return str(expression)
    names = [c.removeprefix(CLASSIFIER) for c in metadata.get_all("Classifier") or () if c.startswith(CLASSIFIER)]
    field = "".join(metadata.get_all("License") or ())
    return " / ".join(names) or field.strip().partition("\n")[0] or "not stated"


def licences() -> list[Licence]:
    """Every package of an installation. Raises PackageNotFoundError where the lock is not installed."""
    return [
        Licence(name, version, licence_of(importlib.metadata.metadata(name)))
        for name, version in locked(LOCK.read_text())
    ]
