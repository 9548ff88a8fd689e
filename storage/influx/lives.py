"""Who stood behind a name when: container ids over the series of names. Pure.

A series is keyed by host, name and service; the id is a field. ``container_began`` says from when on a name was
which container, ``container_info`` repeats it every minute. Between two beginnings one *life* goes on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from storage.influx.server import Table

TAGS: Final = ("host", "container", "service")
INFO: Final = ("id", "name", "runtime", "image", "group")
FOREVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Life:
    """One container behind one series, from ``start_ms`` up to ``end_ms``.

    ``tag`` is the series' container tag: the name, or name and id where two containers had the same one.
    """

    host: str
    tag: str
    service: str
    id: str
    name: str
    runtime: str
    image: str | None
    group: str | None
    start_ms: int
    end_ms: int

    @property
    def series(self) -> tuple[str, str]:
        return self.host, self.tag


@dataclass(slots=True)
class _Series:
    beginnings: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)


def lives(first_seen: Sequence[Table], beginnings: Sequence[Table]) -> tuple[Life, ...]:
    """All lives, by series and time.

    ``first_seen``: the first ``container_info`` row of each series in the range (who was there when it began);
    ``beginnings``: the rows of ``container_began`` in the range. Columns ``time`` and :data:`INFO`.
    """
    found: dict[tuple[str, ...], _Series] = {}
    for tables in (first_seen, beginnings):
        for table in tables:
            series = found.setdefault(tuple(table.tags.get(tag, "") for tag in TAGS), _Series())
            for row in table.rows:
                named = dict(zip(table.columns, row, strict=False))
                at = named.pop("time")
                if named.get("id"):
                    series.beginnings.append((int(at), {k: str(v) for k, v in named.items() if v is not None}))
    return tuple(life for key in sorted(found) for life in _lives_of(key, found[key]))


def _lives_of(key: tuple[str, ...], series: _Series) -> list[Life]:
    rows: list[tuple[int, Mapping[str, str]]] = []
    for at, info in sorted(series.beginnings, key=lambda item: item[0]):
        if not rows or rows[-1][1]["id"] != info["id"]:
            rows.append((at, info))
        else:
            rows[-1] = (rows[-1][0], info)
    host, tag, service = key
    ends = [*(at for at, _ in rows[1:]), FOREVER][: len(rows)]
    return [
        Life(
            host=host,
            tag=tag,
            service=service,
            id=info["id"],
            name=info.get("name") or tag,
            runtime=info.get("runtime", ""),
            image=info.get("image") or None,
            group=info.get("group") or None,
            start_ms=at,
            end_ms=end,
        )
        for (at, info), end in zip(rows, ends, strict=True)
    ]


class Lives:
    """Look-up of the life behind a series at a time."""

    def __init__(self, found: Sequence[Life]) -> None:
        self._by_series: dict[tuple[str, str], list[Life]] = {}
        for life in sorted(found, key=lambda life: life.start_ms):
            self._by_series.setdefault(life.series, []).append(life)

    def of(self, host: str, tag: str) -> Sequence[Life]:
        return self._by_series.get((host, tag), ())

    def at(self, host: str, tag: str, at_ms: int) -> Life | None:
        """The life that went on at ``at_ms``; before the first known one, that one: its beginning was not seen."""
        known = self.of(host, tag)
        return known[max(0, bisect_right(known, at_ms, key=lambda life: life.start_ms) - 1)] if known else None
