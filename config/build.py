"""From raw tables to typed settings: unknown keys and wrong types, all of them, each with a hint. Pure."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.describe import WORDS, element, in_words, settings, types_of
from model.errors import Fault


@dataclass(frozen=True, slots=True)
class Text:
    """A value that came as text (environment, flag) and takes the type of its field."""

    text: str
    origin: str
    """The variable or flag, for the error."""


class Unfit(ValueError):
    """A value that is not of its field's type. The text never repeats the value."""


TRUTH: typing.Final = {"true": True, "1": True, "yes": True, "on": True}
FALSEHOOD: typing.Final = {"false": False, "0": False, "no": False, "off": False}


def build(section: type, table: Mapping[str, object], prefix: str, faults: list[Fault]) -> Any:
    """One section from its table; faults are appended and the default stands in for a bad value."""
    types, values = types_of(section), {}
    for key, raw in table.items():
        path = f"{prefix}{key}"
        if key not in types:
            faults.append(Fault(path, f"no such setting{origin(raw)}{hint(key, types, prefix)}"))
            continue
        values[key] = _value(types[key], raw, path, faults)
    defaults = {k: v for k, v in values.items() if v is not None}
    return section(**defaults)


def _value(kind: Any, raw: object, path: str, faults: list[Fault]) -> Any:
    """The typed value; None when it was bad (and a fault was appended)."""
    try:
        value = from_text(kind, raw.text) if isinstance(raw, Text) else raw
        if dataclasses.is_dataclass(kind):
            if not isinstance(value, Mapping):
                raise Unfit("must be a table")
            return build(typing.cast(type, kind), value, f"{path}.", faults)
        inner = element(kind)
        if inner is not None:
            if not isinstance(value, list) or not all(isinstance(v, Mapping) for v in value):
                raise Unfit(f"must be a list of tables, each written [[{path}]]")
            return [build(inner, v, f"{path}[{i}].", faults) for i, v in enumerate(value)]
        return typed(kind, value)
    except Unfit as fault:
        faults.append(Fault(path, f"{fault}{origin(raw)}"))
        return None


def typed(kind: Any, value: object) -> Any:
    """The value if it is of that type (a whole number is a number as well); raises Unfit."""
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise Unfit("must be a finite number")
        return float(value)
    if kind in (str, int, bool):
        if type(value) is kind:
            return value
    elif typing.get_origin(kind) is list:
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return value
    elif typing.get_origin(kind) is dict and isinstance(value, Mapping):
        return {k: typed(list[str], v) for k, v in value.items()}
    raise Unfit(f"must be {with_article(kind)}, not {_sort_of(value)}")


def from_text(kind: Any, text: str) -> object:
    """What a text from the environment means for a field of that type; raises Unfit.

    Numbers and truth values in their usual spellings, lists as JSON or separated by commas,
    tables as JSON.
    """
    if kind is str:
        return text
    stripped = text.strip()
    if kind is bool:
        word = {**TRUTH, **FALSEHOOD}.get(stripped.lower())
        if word is None:
            raise Unfit("must be true or false")
        return word
    if kind in (int, float):
        try:
            return kind(stripped)
        except ValueError:
            raise Unfit(f"must be {with_article(kind)}") from None
    if typing.get_origin(kind) is list and not element(kind) and not stripped.startswith("["):
        return [part.strip() for part in stripped.split(",") if part.strip()]
    try:
        return json.loads(stripped)
    except ValueError:
        raise Unfit(f"must be {with_article(kind)}, written as JSON") from None


def with_article(kind: Any) -> str:
    words = in_words(kind)
    return words if words in ("text", "true or false") else f"a {words}"


def _sort_of(value: object) -> str:
    sort = WORDS.get(type(value))
    return sort or (
        "a list" if isinstance(value, list) else "a table" if isinstance(value, Mapping) else "a date or time"
    )


def origin(raw: object) -> str:
    return f" (from {raw.origin})" if isinstance(raw, Text) else ""


def hint(key: str, siblings: Mapping[str, object], prefix: str) -> str:
    """``; did you mean …?``: the nearest sibling, else the same name in another section."""
    near = difflib.get_close_matches(key, list(siblings), n=1, cutoff=0.6)
    if near:
        return f"; did you mean {prefix}{near[0]}?"
    elsewhere = [s.path for s in settings() if s.path.rpartition(".")[2] == key]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return f"; there are: {', '.join(siblings)}"
