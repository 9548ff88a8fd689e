"""The schema as data: one row a setting, for the loader's hints and the documentation. Pure."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.schema import Settings


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One setting. ``path``: dotted, ``[]`` after the name of a list of tables; ``type``: in words."""

    path: str
    type: str
    default: object
    help: str
    secret: bool


@cache
def types_of(section: type) -> dict[str, Any]:
    """Field name → resolved type of one section of the schema."""
    return typing.get_type_hints(section)


def element(kind: Any) -> Any:
    """``X`` of ``list[X]`` where X is a section; else None."""
    if typing.get_origin(kind) is list:
        (inner,) = typing.get_args(kind)
        if dataclasses.is_dataclass(inner):
            return inner
    return None


WORDS: typing.Final = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def in_words(kind: Any) -> str:
    """What to write for a field of this type."""
    if kind in WORDS:
        return WORDS[kind]
    if typing.get_origin(kind) is list:
        return "list of tables" if element(kind) else "list of texts"
    return "table of lists of texts" if typing.get_origin(kind) is dict else "table"


def settings(section: type = Settings, prefix: str = "") -> Iterator[SettingSpec]:
    """Every setting, in the order of the schema."""
    types = types_of(section)
    for field in dataclasses.fields(section):
        path, kind = f"{prefix}{field.name}", types[field.name]
        if dataclasses.is_dataclass(kind):
            yield from settings(typing.cast(type, kind), f"{path}.")
        elif element(kind):
            yield from settings(element(kind), f"{path}[].")
        else:
            default = field.default if field.default is not dataclasses.MISSING else None
            if field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            metadata = field.metadata
            yield SettingSpec(path, in_words(kind), default, metadata["help"], metadata["secret"])
