"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """``state``: ok, warning, missing. ``remedy``: the one line that mends it, empty where nothing has to be."""

    name: str
    state: str
    detail: str
    remedy: str = ""
