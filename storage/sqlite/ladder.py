"""Roll-ups of one series while its samples pass: each rung collects buckets until a chunk of them is full. Pure.

What a rung holds is packed (some kilobytes an hour) and lost with the process; it is then read back from the
finer tier once, because what is sealed there and not here is exactly what was held.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import msgspec

from storage.sqlite.rollup import Buckets, cut, encode_buckets, joined, wider
from storage.sqlite.tiers import ROLLED, first_edge

_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(Buckets)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A chunk to be written: ``tier`` is an index of :data:`storage.sqlite.tiers.TIERS`."""

    tier: int
    t0_ms: int
    end_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Rung:
    """``held``: packed buckets that wait; ``flush_ms``: the end of the chunk that they will make."""

    held: tuple[bytes, ...]
    flush_ms: int


def pack(buckets: Buckets) -> bytes:
    return zlib.compress(_PACK.encode(buckets), 1)


def unpack(packed: bytes) -> Buckets:
    return _UNPACK.decode(zlib.decompress(packed))


Ladder = tuple[Rung, ...]
"""One rung a rolled tier, in the order of :data:`storage.sqlite.tiers.ROLLED`."""


def new_ladder(start_ms: int, number: int) -> Ladder:
    """Empty rungs; ``number`` of the series spreads the flushes of many over time."""
    return tuple(Rung((), first_edge(start_ms, tier, number)) for tier in ROLLED)


def fed(ladder: Ladder, buckets: Buckets, end_ms: int) -> tuple[Ladder, tuple[Sealed, ...]]:
    """The ladder after 10-second ``buckets`` that cover the time up to ``end_ms``, and the chunks that became full."""
    rungs = list(ladder)
    sealed: list[Sealed] = []
    for i, tier in enumerate(ROLLED):
        rung = rungs[i]
        if buckets.times:
            rung = replace(rung, held=(*rung.held, pack(buckets)))
        if end_ms < rung.flush_ms:
            rungs[i] = rung
            break
        whole = joined([unpack(p) for p in rung.held])
        edge = end_ms - end_ms % tier.edge_ms
        place = sum(t < edge for t in whole.times)
        full, rest = cut(whole, 0, place), cut(whole, place, len(whole.times))
        if full.times:
            sealed.append(Sealed(i + 1, full.times[0], full.times[-1] + tier.step_ms, encode_buckets(full)))
        flush = max(rung.flush_ms + tier.span_ms, edge + tier.edge_ms)
        rungs[i] = Rung((pack(rest),) if rest.times else (), flush)
        if i + 1 == len(ROLLED):
            break
        buckets, end_ms = wider(full, ROLLED[i + 1].step_ms), edge
    return tuple(rungs), tuple(sealed)


def finished(ladder: Ladder, end_ms: int) -> tuple[Sealed, ...]:
    """Chunks of all that is held, unfinished buckets included, of a series that ended at ``end_ms``."""
    sealed: list[Sealed] = []
    carried: list[Buckets] = []
    for i, rung in enumerate(ladder):
        whole = joined([*(unpack(p) for p in rung.held), *carried])
        if whole.times:
            sealed.append(Sealed(i + 1, whole.times[0], end_ms, encode_buckets(whole)))
        carried = [wider(whole, ROLLED[i + 1].step_ms)] if i + 1 < len(ROLLED) else []
    return tuple(sealed)
