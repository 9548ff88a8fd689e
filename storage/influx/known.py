"""The list of containers out of lives and last rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.api import KnownContainer
from storage.influx.lives import FOREVER, Life, Lives
from storage.influx.server import Table


@dataclass(frozen=True, slots=True)
class _Last:
    at_ms: int
    values: Mapping[str, float]


def known_containers(found: Sequence[Life], last_rows: Sequence[Table], since_ms: int) -> tuple[KnownContainer, ...]:
    """One entry an id and host, over all names it had, sorted by host and name.

    ``last_rows``: the last row of series, each belonging to the life in which it falls. A life without one
    has no second since ``since_ms`` and is left out, unless another took its place after that.
    """
    lookup = Lives(found)
    lasts: dict[Life, _Last] = {}
    for table in last_rows:
        for row in table.rows:
            life = lookup.at(table.tags.get("host", ""), table.tags.get("container", ""), int(row[0]))
            if life is None or (life in lasts and lasts[life].at_ms >= row[0]):
                continue
            cells = zip(table.columns[1:], row[1:], strict=False)
            lasts[life] = _Last(int(row[0]), {n: float(v) for n, v in cells if isinstance(v, (int, float))})
    merged: dict[tuple[str, str], list[Life]] = {}
    for life in found:
        if life in lasts or since_ms < life.end_ms < FOREVER:
            merged.setdefault((life.host, life.id), []).append(life)
    return tuple(sorted((_one(ls, lasts) for ls in merged.values()), key=lambda k: (k.host, k.name, k.first_ms)))


def _one(parts: Sequence[Life], lasts: Mapping[Life, _Last]) -> KnownContainer:
    newest = max(parts, key=lambda life: life.start_ms)
    last = max((lasts[life] for life in parts if life in lasts), key=lambda last: last.at_ms, default=None)
    return KnownContainer(
        id=newest.id,
        host=newest.host,
        name=newest.name,
        runtime=newest.runtime,
        image=newest.image,
        group=newest.group,
        service=newest.service or None,
        first_ms=min(life.start_ms for life in parts),
        last_ms=last.at_ms if last else newest.end_ms,
        latest=last.values if last else {},
    )
