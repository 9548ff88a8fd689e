"""A strict reader of line protocol by the published grammar, to check what an encoder wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = r"(?:\\[,= ]|[^,= ])+"
LINE = re.compile(
    rf"(?P<measurement>(?:\\[, ]|[^, ])+)(?P<tags>(?:,{TOKEN}={TOKEN})*) "
    rf'(?P<fields>{TOKEN}=(?:"(?:\\.|[^"\\])*"|[^, ]+)(?:,{TOKEN}=(?:"(?:\\.|[^"\\])*"|[^, ]+))*) (?P<at>-?\d+)'
)
FIELD = re.compile(rf'({TOKEN})=("(?:\\.|[^"\\])*"|[^, ]+)')
TAG = re.compile(rf",({TOKEN})=({TOKEN})")


@dataclass(frozen=True)
class Point:
    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | str]
    at_ms: int


def parse(line: str) -> Point:
    """One line; raises ValueError where it breaks the grammar."""
    found = LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not line protocol: {line!r}")
    tags = {_plain(k): _plain(v) for k, v in TAG.findall(found["tags"])}
    fields = {_plain(k): _value(v) for k, v in FIELD.findall(found["fields"])}
    return Point(_plain(found["measurement"]), tags, fields, int(found["at"]))


def _plain(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def _value(text: str) -> float | str:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    return float(text)
