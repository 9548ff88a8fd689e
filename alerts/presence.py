"""Is a container gone, or only not to be seen? Only the first ends its alerts."""

from __future__ import annotations

from collections.abc import Iterable

from model.sample import HOST_KEY, Snapshot

ENDED = ("exited", "removed", "dead")
TREE_PARTS = ("cgroup", "containers", "discovery")
"""Parts of the host whose gap means that containers were not looked for."""
ABSENT_MS = 3000
"""A container that is in no snapshot for so long, without a stop event, is gone."""


class Presence:
    """Remembers when containers with open alerts were last seen. Called by the tick thread alone."""

    def __init__(self) -> None:
        self._seen_ms: dict[str, int] = {}

    def gone(self, keys: Iterable[str], snapshot: Snapshot) -> frozenset[str]:
        """Which of ``keys`` ended. A gap of the container, or of the tree they are found in, is missing data."""
        now_ms = snapshot.at_ms
        stopped = {event.container_id for event in snapshot.events if event.kind == "stop"}
        unread = {gap.target for gap in snapshot.gaps if gap.target != HOST_KEY}
        tree_unread = any(gap.target == HOST_KEY and gap.part in TREE_PARTS for gap in snapshot.gaps)
        seen, ended = {}, set()
        for key in set(keys) - {HOST_KEY}:
            target = snapshot.targets.get(key)
            if target is not None and target.state in ENDED:
                ended.add(key)
            elif target is not None or tree_unread or key in unread:
                seen[key] = now_ms
            else:
                seen[key] = self._seen_ms.get(key, now_ms)
                if key in stopped or now_ms - seen[key] >= ABSENT_MS:
                    ended.add(key)
        self._seen_ms = seen
        return frozenset(ended)
