"""The live stream: each tick is encoded once for everybody who watches (Server-Sent Events, WHATWG HTML §9.2)."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from dashboard.errors import Problem
from dashboard.narrow import narrowed, wanted_of
from dashboard.services import Agent
from model.errors import AgentAway
from model.live import Frame
from model.outside import alert_json, change_json, event_json, finite, rfc3339

log = logging.getLogger(__name__)

TOPICS: Final = ("snapshot", "alert", "change", "event")
HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 2000
KEPT: Final = 120
"""Ticks that a client may miss and still get the alerts, changes and events of."""
VARIANTS: Final = 16
"""Narrowed snapshots that are kept encoded per tick; more are encoded each for itself."""
LINGER: Final = 4
"""Rounds without a client before the pump stops: a page that is loaded again finds its ticks."""
AWAY_S: Final = 1.0


class Tick:
    """One frame with its encoded forms, each made when it is first asked for. Thread-safe."""

    def __init__(self, frame: Frame) -> None:
        self.at_ms = frame.at_ms
        self._frame = frame
        self._lock = threading.Lock()
        self._news: dict[str, tuple[bytes, ...]] = {}
        self._snapshots: dict[tuple[str, ...], bytes] = {}

    def news(self, topic: str) -> tuple[bytes, ...]:
        """Messages of the topic ``alert``, ``change`` or ``event``."""
        with self._lock:
            if topic not in self._news:
                self._news[topic] = tuple(message(topic, item) for item in news_of(self._frame, topic))
            return self._news[topic]

    def snapshot(self, metrics: tuple[str, ...]) -> bytes:
        """The snapshot message; ``metrics`` (sorted) narrows it, empty: all."""
        with self._lock:
            found = self._snapshots.get(metrics)
            if found is None:
                found = message("snapshot", snapshot_of(self._frame, metrics))
                if len(self._snapshots) < VARIANTS:
                    self._snapshots[metrics] = found
            return found

    def forget_snapshots(self) -> None:
        """Only the newest tick's snapshot is ever sent."""
        with self._lock:
            self._snapshots.clear()


class Hub:
    """Follows the agent while somebody watches and hands out its ticks. Thread-safe."""

    def __init__(self, agent: Agent, max_streams: int) -> None:
        self._agent = agent
        self._max_streams = max_streams
        self._news = threading.Condition()
        self._ticks: deque[Tick] = deque(maxlen=KEPT)
        self._streams = 0
        self._refused = 0
        self._pumping = False

    def join(self) -> None:
        """Take a place. Raises Problem 503 when all are taken; give it back by :meth:`leave`."""
        with self._news:
            if self._streams >= self._max_streams:
                self._refused += 1
                raise Problem(
                    503,
                    f"all {self._max_streams} live streams are in use; try again, or raise web.max_streams",
                    headers={"Retry-After": "10"},
                )
            self._streams += 1
            if not self._pumping:
                self._pumping = True
                threading.Thread(target=self._pump, name="live", daemon=True).start()

    def leave(self) -> None:
        with self._news:
            self._streams -= 1

    def after(self, at_ms: int, timeout_s: float) -> tuple[Tick, ...]:
        """Ticks later than ``at_ms``, waiting for the next; empty at the time-out."""
        with self._news:
            self._news.wait_for(lambda: bool(self._ticks) and self._ticks[-1].at_ms > at_ms, timeout_s)
            return tuple(tick for tick in self._ticks if tick.at_ms > at_ms)

    def newest_ms(self) -> int:
        """Time of the newest tick; 0 before the first."""
        with self._news:
            return self._ticks[-1].at_ms if self._ticks else 0

    def numbers(self) -> Mapping[str, float]:
        """Our own numbers for ``/metrics``."""
        with self._news:
            return {
                "wharfinger_web_streams": float(self._streams),
                "wharfinger_web_streams_refused_total": float(self._refused),
            }

    def _pump(self) -> None:
        """Thread that follows the agent; ends some time after the last client left."""
        idle = 0
        while True:
            try:
                frame = self._agent.wait(self.newest_ms(), HEARTBEAT_S)
            except AgentAway:
                frame = None
                threading.Event().wait(AWAY_S)
            with self._news:
                if frame is not None:
                    if self._ticks:
                        self._ticks[-1].forget_snapshots()
                    self._ticks.append(Tick(frame))
                    self._news.notify_all()
                idle = 0 if self._streams else idle + 1
                if idle > LINGER:
                    self._pumping = False
                    return


class Stream:
    """The body of one SSE response: an iterator that gives its place back when it is closed, even unread.

    ``after_ms``: Last-Event-ID; of what was missed come alerts, changes and events, and only the newest snapshot.
    ``still``: asked about once a heartbeat, whether the caller may still watch.
    """

    def __init__(
        self,
        hub: Hub,
        topics: frozenset[str],
        metrics: tuple[str, ...],
        after_ms: int | None,
        still: Callable[[], bool],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        hub.join()
        self._hub = hub
        self._topics = topics
        self._metrics = metrics
        self._resumed = after_ms is not None
        self._at_ms = after_ms or 0
        self._still = still
        self._heartbeat_s = heartbeat_s
        self._asked_ms = 0
        self._begun = False
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._open:
            raise StopIteration
        if not self._begun:
            self._begun = True
            return f"retry: {RETRY_MS}\n\n".encode()
        while True:
            ticks = self._hub.after(self._at_ms, self._heartbeat_s)
            newest_ms = ticks[-1].at_ms if ticks else 0
            due = not ticks or newest_ms - self._asked_ms >= self._heartbeat_s * 1000
            if due and not self._still():
                self.close()
                raise StopIteration
            if not ticks:
                return b": heartbeat\n\n"
            self._asked_ms = newest_ms if due else self._asked_ms
            data = self._messages(ticks)
            self._at_ms, self._resumed = newest_ms, True
            if data:
                return data
            if due:
                return b": heartbeat\n\n"

    def close(self) -> None:
        """Give the place back. May be called twice."""
        if self._open:
            self._open = False
            self._hub.leave()

    def _messages(self, ticks: tuple[Tick, ...]) -> bytes:
        """All messages of the ticks; only a tick's last carries its id, so that a cut resumes at a whole tick."""
        if not self._resumed:
            ticks = ticks[-1:]  # what came before the page was opened stands in the lists
        parts: list[bytes] = []
        for tick in ticks:
            messages = [m for topic in TOPICS[1:] if topic in self._topics for m in tick.news(topic)]
            if tick is ticks[-1] and "snapshot" in self._topics:
                messages.append(tick.snapshot(self._metrics))
            if messages:
                parts += [*messages[:-1], b"id: %d\n" % tick.at_ms + messages[-1]]
        return b"".join(parts)


def message(topic: str, item: object) -> bytes:
    """One SSE message without id. JSON holds no line break, so one data line is enough. Pure."""
    return b"event: %s\ndata: %s\n\n" % (topic.encode(), msgspec.json.encode(item))


def news_of(frame: Frame, topic: str) -> tuple[object, ...]:
    """What one tick brought besides figures. Pure."""
    if topic == "alert":
        return tuple({**alert_json(t.alert), "before": t.before.value} for t in frame.transitions)
    if topic == "change":
        return tuple(change_json(change) for change in frame.changes)
    return tuple(event_json(event) for event in frame.events)


def snapshot_of(frame: Frame, metrics: tuple[str, ...]) -> dict[str, object]:
    """``{"host", "at", "containers": {id: {metric: value}}}``, the host's own values, the findings' ids. Pure."""

    wanted = wanted_of(metrics)

    def picked(values: Mapping[str, float]) -> Mapping[str, object]:
        if not metrics:
            return {name: finite(value) for name, value in values.items()}
        return narrowed(values, wanted)

    return {
        "host": frame.host,
        "at": rfc3339(frame.at_ms),
        "host_metrics": picked(frame.host_values),
        "containers": {key: picked(values) for key, values in frame.values.items()},
        "findings": [finding.id for finding in frame.findings],
    }
