"""The tiers: seconds, and what they are rolled up to. How long a chunk of each is, and where one may end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from config.schema import StoreSettings

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Tier:
    """``step_ms``: width of a point (0: a tick as it came). A chunk spans about ``span_ms`` and ends on a
    multiple of ``edge_ms``, so that no point of the next tier is cut in two."""

    table: str
    step_ms: int
    span_ms: int
    edge_ms: int


RAW: Final = Tier("chunk_1s", 0, 300 * SECOND, 10 * SECOND)
ROLLED: Final = (
    Tier("chunk_10s", 10 * SECOND, HOUR, MINUTE),
    Tier("chunk_1m", MINUTE, 6 * HOUR, HOUR),
    Tier("chunk_1h", HOUR, 5 * DAY, HOUR),
)
TIERS: Final = (RAW, *ROLLED)


def retention_ms(settings: StoreSettings) -> tuple[int, ...]:
    """How long each tier is kept, in the order of :data:`TIERS`."""
    days = (settings.raw_days, settings.ten_seconds_days, settings.minute_days, settings.hour_days)
    return tuple(round(d * DAY) for d in days)


def first_edge(start_ms: int, tier: Tier, number: int, span_ms: int | None = None) -> int:
    """Where the first chunk of series ``number`` ends: spread over the span, so that not all are sealed at once."""
    edges = max(1, (span_ms or tier.span_ms) // tier.edge_ms)
    return (start_ms // tier.edge_ms + 1 + number * 7 % edges) * tier.edge_ms


def preference(step_ms: int) -> tuple[int, ...]:
    """Indices of :data:`TIERS` to ask for buckets of ``step_ms``: the coarsest that divides it, then ever
    finer ones (for what is not rolled up yet), then coarser ones (for what is no longer kept finer). Pure."""
    best = max(i for i, t in enumerate(TIERS) if not t.step_ms or (step_ms % t.step_ms == 0 and step_ms))
    return (*range(best, -1, -1), *range(best + 1, len(TIERS)))
