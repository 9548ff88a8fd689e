"""A range of series as text for other programs: CSV, JSON lines, line protocol. Pure.

Each form is lines with their ends, in order of time. A point that has no value is left out. Of a rolled-up range the
mean is written, and in JSON lines minimum and maximum beside it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from typing import Final, Literal, Protocol

from model.outside import rfc3339

Form = Literal["csv", "jsonl", "line-protocol"]
FORMS: Final[dict[str, str]] = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "line-protocol": "text/plain",
}
"""Form → media type."""
ENDINGS: Final[dict[str, str]] = {"csv": "csv", "jsonl": "jsonl", "line-protocol": "lp"}
"""Form → ending of a file's name."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
TAG = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\=", "\n": " ", "\r": " ", "\\": "/"})
ROWS_AT_ONCE = 500


class Column(Protocol):
    """One metric of one target, as :class:`storage.api.SeriesColumn` has it."""

    @property
    def host(self) -> str: ...
    @property
    def container(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def avg(self) -> Sequence[float | None]: ...
    @property
    def min(self) -> Sequence[float | None]: ...
    @property
    def max(self) -> Sequence[float | None]: ...


def exported(form: Form, t0_ms: int, step_ms: int, columns: Sequence[Column]) -> Iterator[str]:
    """Pieces of text, whole lines each."""
    write = {"csv": csv_text, "jsonl": json_lines, "line-protocol": line_protocol}[form]
    return write(t0_ms, step_ms, columns)


def csv_text(t0_ms: int, step_ms: int, columns: Sequence[Column]) -> Iterator[str]:
    """A row a point, a column a series; a name that a spreadsheet would run is quoted by an apostrophe."""
    out = StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["time", *(unrunnable(f"{c.name or c.host} {c.metric}") for c in columns)])
    for i, values in enumerate(zip(*(c.avg for c in columns), strict=True)):
        shown = [v if there(v) else None for v in values]
        if any(v is not None for v in shown):
            table.writerow([rfc3339(t0_ms + i * step_ms), *shown])
        if i % ROWS_AT_ONCE == ROWS_AT_ONCE - 1:
            yield taken(out)
    yield taken(out)


def json_lines(t0_ms: int, step_ms: int, columns: Sequence[Column]) -> Iterator[str]:
    """``{"at", "host", "container", "name", "values": {metric: mean}}`` and, rolled up, ``min`` and ``max``."""
    for i, at_ms, target in points(t0_ms, step_ms, columns):
        first = target[0]
        line: dict[str, object] = {
            "at": rfc3339(at_ms),
            "host": first.host,
            "container": first.container,
            "name": first.name,
            "values": {c.metric: c.avg[i] for c in target},
        }
        if any(c.min is not c.avg for c in target):
            line["min"] = {c.metric: c.min[i] for c in target}
            line["max"] = {c.metric: c.max[i] for c in target}
        yield json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"


def line_protocol(t0_ms: int, step_ms: int, columns: Sequence[Column]) -> Iterator[str]:
    """``container,container=…,host=… metric=value … time`` (``host,host=…`` of the host), time in ms."""
    for i, at_ms, target in points(t0_ms, step_ms, columns):
        first = target[0]
        tags = f",host={tag(first.host)}"
        if first.container:
            tags = f",container={tag(first.name or first.container)}{tags}"
        fields = ",".join(f"{tag(c.metric)}={float(c.avg[i] or 0)!r}" for c in target)
        yield f"{'container' if first.container else 'host'}{tags} {fields} {at_ms}\n"


def points(t0_ms: int, step_ms: int, columns: Sequence[Column]) -> Iterator[tuple[int, int, list[Column]]]:
    """(place, time, columns that have a value there) of each target at each time."""
    targets: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        targets.setdefault((column.host, column.container), []).append(column)
    for i in range(max((len(c.avg) for c in columns), default=0)):
        for target in targets.values():
            valued = [c for c in target if there(c.avg[i])]
            if valued:
                yield i, t0_ms + i * step_ms, valued


def there(value: float | None) -> bool:
    """Whether it is a number: another store's NaN is none."""
    return value is not None and isfinite(value)


def unrunnable(text: str) -> str:
    """Text that neither a terminal nor a spreadsheet runs."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"'{text}" if text.startswith(FORMULA) else text


def tag(text: str) -> str:
    """A tag's value or a field's name, escaped; empty ones are not allowed there."""
    return text.translate(TAG) or "-"


def taken(out: StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
