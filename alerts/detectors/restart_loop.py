"""It ends and is started again, over and over."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from alerts.detectors.suspects import fact, told
from alerts.words import say_duration
from model.alert import Severity
from model.event import Event
from model.finding import Finding
from model.sample import Snapshot
from storage.api import Recent

KEPT_STOPS = 32
MOST_CONTAINERS = 5000
AHEAD_MS = 60_000
"""An event further in the future is from before the clock went back."""


@dataclass(frozen=True, slots=True)
class RestartLoop:
    """A finding while a container ended ``stops`` times within ``window_s``, was started again after each but the last,
    and ended last within ``quiet_s``. Known from events, so that a life shorter than a tick counts as well."""

    name: str = "restart_loop"
    window_s: float = 600.0
    quiet_s: float = 300.0
    stops: int = 3
    ended: dict[str, deque[Event]] = field(default_factory=dict)
    """Container → its latest stops."""

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        del recent
        for event in snapshot.events:
            if event.kind == "stop":
                self.ended.setdefault(event.container_id, deque(maxlen=KEPT_STOPS)).append(event)
        found = []
        for key, stops in tuple(self.ended.items()):
            while stops and not -AHEAD_MS <= snapshot.at_ms - stops[0].at_ms <= self.window_s * 1000:
                stops.popleft()
            if not stops:
                del self.ended[key]
            elif len(stops) >= self.stops and snapshot.at_ms - stops[-1].at_ms <= self.quiet_s * 1000:
                found.append(self._finding(snapshot, key, stops))
        while len(self.ended) > MOST_CONTAINERS:
            del self.ended[next(iter(self.ended))]
        return found

    def _finding(self, snapshot: Snapshot, key: str, stops: deque[Event]) -> Finding:
        last, target = stops[-1].detail, snapshot.targets.get(key)
        code, lived = last.get("exit_code"), last.get("lived_s")
        how = "killed for lack of memory" if last.get("oom_killed") is True else f"exit code {code}"
        after = f" after {say_duration(lived)}" if isinstance(lived, (int, float)) else ""
        finding = told(
            snapshot,
            target,
            self.name,
            Severity.CRITICAL,
            summary=(
                f"Restarts over and over. Ended {len(stops)} times in {say_duration(self.window_s)}, last with "
                f"{how}{after}."
            ),
            evidence=(fact("restarts", float(len(stops)), float(self.stops), self.window_s),),
            advice="Read its last lines with 'docker logs'; stop it if it does harm while it tries.",
            since_ms=stops[0].at_ms,
        )
        return replace(finding, container_id=key, name=target.name if target else stops[-1].name)
