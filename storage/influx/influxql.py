"""Text of the queries: one InfluxQL for 1.x, 2.x and 3.x. Pure.

One SELECT a request, the database never in ``FROM``, a time range always (without one a ``GROUP BY time`` runs
for minutes, and 3.x looks back one day), no SLIMIT, INTO or CARDINALITY. Names and values are quoted here and
nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from storage.influx.rollups import AGAIN, PARTS

URL_CHARS: Final = 5000
"""Of the query when encoded: proxies take 8 kB of request line."""


def identifier(name: str) -> str:
    """``"name"``."""
    return '"' + _escaped(name).replace('"', r"\"") + '"'


def literal(text: str) -> str:
    """``'text'``."""
    return "'" + _escaped(text).replace("'", r"\'") + "'"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def select(
    what: str,
    measurement: str,
    since_ms: int,
    until_ms: int,
    *,
    where: str = "",
    group_by: Sequence[str] = (),
    step_ms: int | None = None,
    tail: str = "",
) -> str:
    """``SELECT … WHERE since ≤ time < until [AND (where)] GROUP BY [time(step),] tags [fill(none)] [tail]``."""
    text = " ".join(
        ("SELECT", what, "FROM", identifier(measurement), f"WHERE time >= {since_ms}ms AND time < {until_ms}ms")
    )
    if where:
        text += f" AND ({where})"
    groups = [f"time({step_ms}ms)"] if step_ms else []
    groups += [identifier(tag) for tag in group_by]
    if groups:
        text += f" GROUP BY {', '.join(groups)}"
    if step_ms:
        text += " fill(none)"
    return f"{text} {tail}".rstrip()


def raw_columns(metrics: Sequence[str]) -> str:
    return ", ".join(identifier(metric) for metric in metrics)


def bucket_columns(metrics: Sequence[str], *, rolled: bool = False) -> str:
    """Sum, number, minimum and maximum of each metric, four columns behind ``time``.

    ``rolled``: of a measurement that is rolled up already (:data:`storage.influx.rollups.PARTS`).
    """
    columns = []
    for number, metric in enumerate(metrics):
        for part, again, once in zip(PARTS, AGAIN, ("sum", "count", "min", "max"), strict=True):
            what = f"{again}({identifier(f'{metric}_{part}')})" if rolled else f"{once}({identifier(metric)})"
            columns.append(f"{what} AS {part}{number}")
    return ", ".join(columns)


def equal(**tags: str) -> str:
    """``"container" = 'web' AND "host" = 'h1'``."""
    return " AND ".join(f"{identifier(tag)} = {literal(tags[tag])}" for tag in sorted(tags))


def any_of(conditions: Sequence[str]) -> Iterator[str]:
    """The conditions joined by OR, in as many pieces as URLs need."""
    piece: list[str] = []
    length = 0
    for condition in conditions:
        size = len(quote(condition)) + 16
        if piece and length + size > URL_CHARS:
            yield " OR ".join(piece)
            piece, length = [], 0
        piece.append(f"({condition})")
        length += size
    if piece:
        yield " OR ".join(piece)
