"""Lives that end: what the ticks read of them, and what was read of the young between two ticks. Tick thread only."""

from __future__ import annotations

from dataclasses import replace

from collector.lives import Ended
from collector.watched import Watched
from collector.young import Glimpse, Young

REMEMBERED_MS = 10_000


class Endings:
    """Each life ends once, whoever notices it first, with the later of both readings."""

    def __init__(self, young: Young) -> None:
        self._young = young
        self._over: list[Ended] = []
        self._noticed: dict[tuple[str, int], int] = {}
        self._waiting: list[Glimpse] = []

    def over(self, watched: Watched, now_ms: int) -> None:
        """The life that was read last is over."""
        self.told(watched, now_ms)
        target = watched.read_as or watched.target
        if target is not None:
            self._over.append(Ended(now_ms, target, watched.previous, watched.peak_bytes))

    def told(self, watched: Watched, now_ms: int) -> None:
        """The life that was read last is over, and its stop needs no telling any more."""
        if watched.previous is not None:
            self._noticed[watched.id, watched.previous.inode] = now_ms

    def of(self, watched: Watched | None, container_id: str, at_ms: int) -> tuple[Ended | None, Glimpse | None]:
        """The life of a container whose runtime tells that it died, as far as it was read at the ticks; or, of one that
        no tick saw, what was read between them."""
        if watched is None or watched.target is None:
            return None, self._young.take(container_id)
        life = Ended(at_ms, watched.read_as or watched.target, watched.previous, watched.peak_bytes)
        glimpse = None if life.last is None else self._young.take(container_id, life.last.inode)
        return with_glimpse(life, glimpse), None

    def ended(self, living: dict[str, Watched], now_ms: int) -> tuple[list[Ended], list[Glimpse]]:
        """Since the last call: the lives that were over at a tick, and those that no tick ever saw."""
        over, self._over = self._over, []
        glimpses = {(g.found.what.id, g.reading.inode): g for g in (*self._waiting, *self._young.gone())}
        self._waiting = []
        lives = []
        for life in over:
            seen = (life.target.key, 0 if life.last is None else life.last.inode)
            lives.append(with_glimpse(life, glimpses.pop(seen, None) or self._young.take(*seen)))
        unseen = []
        for (container_id, inode), glimpse in glimpses.items():
            watched = living.get(container_id)
            if watched is not None and watched.reader.inode == inode:
                self._waiting.append(glimpse)  # it went since it was read at this tick: the next one notices
            elif (container_id, inode) not in self._noticed:
                unseen.append(glimpse)
        for key in [key for key, at_ms in self._noticed.items() if now_ms - at_ms > REMEMBERED_MS]:
            del self._noticed[key]
        return lives, unseen


def with_glimpse(life: Ended, glimpse: Glimpse | None) -> Ended:
    """A life with the later figures of both readings. Pure."""
    if glimpse is None:
        return life
    last, new = life.last, glimpse.reading
    if last is not None and new.read_at_ns > last.read_at_ns:
        last = type(last)._make(was if now is None else now for now, was in zip(new, last, strict=True))
    return replace(life, last=last or new, peak_bytes=max(life.peak_bytes, glimpse.peak_bytes))
