"""Reads a TOML table key by key: takes what has the right type, collects a fault for what has not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import TypeVar

from config.values import parse_duration, shown
from model.errors import Fault, Malformed

T = TypeVar("T")
KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


def kind_of(value: object) -> str:
    """What a TOML value is, in words."""
    return KINDS.get(type(value), "a date or time")


def nearest(word: str, known: Collection[str]) -> str:
    """`` (did you mean x?)``, or what there is to choose from where nothing is near and the choice is small."""
    if len(word) > 2 and (near := get_close_matches(word, known, n=1, cutoff=0.6)):
        return f" (did you mean {near[0]}?)"
    return f" (one of {', '.join(known)})" if len(known) <= 8 else ""


class Table:
    """One table at ``path``. Each method takes one key; :meth:`finish` names the keys that nobody took."""

    def __init__(self, values: Mapping[str, object], path: str, faults: list[Fault]) -> None:
        self._values, self.path, self._faults = values, path, faults
        self._taken: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fault(self, key: str, message: str) -> None:
        """Note a fault of one key (empty: of the table itself)."""
        self._faults.append(Fault(f"{self.path}.{key}" if key else self.path, message))

    def skip(self, *keys: str) -> None:
        """These keys are known here, whatever they hold."""
        self._taken.update(dict.fromkeys(keys))

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        value = self._take(key, str)
        return value if isinstance(value, str) else default

    def choice(self, key: str, known: Collection[str], default: str) -> str:
        """A text out of ``known``."""
        value = self.text(key, default)
        if value not in known:
            self.fault(key, f"{shown(value)} is not known{nearest(value, known)}")
            return default
        return value

    def flag(self, key: str, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self._take(key, bool)
        return value if isinstance(value, bool) else default

    def duration(self, key: str, default: float, *, least: float, most: float, why: str) -> float:
        """Seconds of a text such as ``30s``, between two bounds; ``why``: what to do when it is not."""
        value = self._take(key, str)
        if not isinstance(value, str):
            return default
        seconds = self._parsed(key, value, parse_duration)
        if seconds is None:
            return default
        if not least <= seconds <= most:
            self.fault(key, f"{value} is out of range: {why}")
            return default
        return seconds

    def quantity(self, key: str, parse: Callable[[str], float]) -> float | None:
        """A finite number, or a text that ``parse`` understands; None where it is missing or wrong."""
        value = self._take(key, int, float, str)
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, str):
            return self._parsed(key, value, parse)
        if isinstance(value, (int, float)) and isfinite(value):
            return float(value)
        self.fault(key, "must be a finite number")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """One text, or a list of texts."""
        value = self._take(key, str, list)
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            return ()
        for i, part in enumerate(value):
            if not isinstance(part, str):
                self.fault(f"{key}[{i}]", f"must be a text, not {kind_of(part)}")
        return tuple(part for part in value if isinstance(part, str))

    def mapping(self, key: str) -> dict[str, str]:
        """A table of texts."""
        value = self._take(key, dict)
        if not isinstance(value, dict):
            return {}
        for name, part in value.items():
            if not isinstance(part, str):
                self.fault(f"{key}.{name}", f"must be a text, not {kind_of(part)}")
        return {str(name): part for name, part in value.items() if isinstance(part, str)}

    def table(self, key: str) -> Table | None:
        """A table below this one."""
        value = self._take(key, dict)
        return Table(value, f"{self.path}.{key}", self._faults) if isinstance(value, dict) else None

    def finish(self) -> None:
        """A fault for every key that nobody asked for."""
        for key in self._values:
            if key not in self._taken:
                self.fault(key, f"is no key here{nearest(key, tuple(self._taken))}")

    def _take(self, key: str, *kinds: type) -> object:
        self._taken[key] = None
        value = self._values.get(key)
        if value is None or type(value) in kinds:
            return value
        wanted = " or ".join(dict.fromkeys(KINDS[kind] for kind in kinds))
        self.fault(key, f"must be {wanted}, not {kind_of(value)}")
        return None

    def _parsed(self, key: str, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except Malformed as error:
            self.fault(key, str(error))
            return None
