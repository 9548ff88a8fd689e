"""Is a container gone, or only not to be seen? Only the first ends its alerts."""

from __future__ import annotations

from collections.abc import Iterable

from model.sample import HOST_KEY, Snapshot

ENDED = ("exited", "removed", "dead")
ABSENT_MS = 3000
"""A container that is in no snapshot for so long, without a stop event, is gone."""


class Presence:
    """Remembers when containers with open alerts were last seen. Called by the tick thread alone."""

    def __init__(self) -> None:
        self._seen_ms: dict[str, int] = {}

    def gone(self, keys: Iterable[str], snapshot: Snapshot) -> frozenset[str]:
        """Which of ``keys`` ended. A gap of the container, or of the whole host, is missing data: nobody is gone."""
        now_ms = snapshot.at_ms
        stopped = {event.container_id for event in snapshot.events if event.kind == "stop"}
        unread = {gap.target for gap in snapshot.gaps}
        seen, ended = {}, set()
        for key in set(keys) - {HOST_KEY}:
            target = snapshot.targets.get(key)
            if target is not None and target.state in ENDED:
                ended.add(key)
            elif target is not None or HOST_KEY in unread or key in unread:
                seen[key] = now_ms
            else:
                seen[key] = self._seen_ms.get(key, now_ms)
                if key in stopped or now_ms - seen[key] >= ABSENT_MS:
                    ended.add(key)
        self._seen_ms = seen
        return frozenset(ended)
