"""Starts and stops: what a runtime reports and what the cgroup tree shows, told once each. Tick thread only.

A stop is told with what was last read of the container. A runtime's word is waited for a few seconds, because it
alone knows the exit code; without a runtime, or when it stays silent, the tree's word is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.discovery.describe import SHORT_ID, Description
from collector.discovery.runtime import RuntimeEvent
from model.event import Event
from model.identity import service_of
from model.reading import CgroupReading
from model.sample import HOST_KEY
from model.target import Target

PATIENCE_MS = 3_000
"""How long a runtime's own report of a start or stop is waited for."""
REMEMBERED_MS = 60_000
KILLED = 137
"""Exit code of a process that got SIGKILL."""
TELL_OOM = frozenset({"docker"})
"""Runtimes with an event for OOM kills; of the others' the kernel's counters tell."""


@dataclass(frozen=True, slots=True)
class Suspected:
    """What a counter above a container says of OOM kills in the interval in which its life ended.

    ``counted_by``: the parent cgroup, or ``host``. ``kills``: those that no living container's counter explains.
    ``among``: lives that ended below that counter in the interval.
    """

    counted_by: str
    kills: int
    among: int

    @property
    def killed(self) -> bool | None:
        """Whether this life was killed; None where it may have been another's."""
        if not self.kills:
            return False
        return True if self.kills >= self.among else None


@dataclass(frozen=True, slots=True)
class Ended:
    """A life that was seen to end, and what was last read of it."""

    at_ms: int
    target: Target
    last: CgroupReading | None
    peak_bytes: int
    suspected: Suspected | None = None


class Lives:
    """Turns runtime events and changes of the tree into :class:`model.event.Event`."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._ended: dict[str, list[Ended]] = {}
        self._begun: dict[str, tuple[int, Target]] = {}
        self._told_starts: dict[str, int] = {}
        self._told_stops: dict[str, int] = {}
        self._ooms: dict[str, int] = {}
        self._killed: list[tuple[int, Target, int]] = []
        self._restarts: dict[str, int] = {}
        self._now_ms = 0

    def tick(self, now_ms: int) -> None:
        """A tick begins. Where the clock was set back, what is remembered moves with it: else nothing would be told
        until that time has come again."""
        step = now_ms - self._now_ms
        if step < 0:
            for told in (self._told_starts, self._told_stops, self._ooms):
                told.update({container_id: at_ms + step for container_id, at_ms in told.items()})
            self._begun = {i: (at_ms + step, target) for i, (at_ms, target) in self._begun.items()}
            self._ended = {
                i: [replace(life, at_ms=life.at_ms + step) for life in lives] for i, lives in self._ended.items()
            }
        self._now_ms = now_ms

    def begun(self, target: Target, now_ms: int) -> None:
        """A cgroup appeared."""
        self._begun[target.key] = (now_ms, target)

    def ended(self, life: Ended) -> None:
        """A cgroup went, or was made anew at the same path."""
        self._ended.setdefault(life.target.key, []).append(life)

    def killed(self, target: Target, now_ms: int, count: int) -> None:
        """The kernel's counter of OOM kills grew: told where no runtime does."""
        self._killed.append((now_ms, target, count))

    def killed_unseen(self, parent: str, now_ms: int, count: int) -> Event:
        """Kills below a parent of containers, in one that came and went between two ticks: filed under the host."""
        detail = {"count": count, "counted_by": parent}
        return Event(now_ms, "oom", self._host, HOST_KEY, parent, None, detail)

    def awaits_stop(self, container_id: str) -> bool:
        """Whether a life of this container was seen to end and its runtime has not told yet."""
        return container_id in self._ended

    def report(self, event: RuntimeEvent, known: Description | None, living: Ended | None) -> list[Event]:
        """What a runtime's event tells. ``living``: the container's life as far as it was read, where its
        cgroup is still there."""
        if event.action == "start":
            return self._start(event, known)
        if event.action == "die":
            self._begun.pop(event.id, None)
            waiting = self._ended.get(event.id)
            life = waiting.pop(0) if waiting else living
            if not waiting:
                self._ended.pop(event.id, None)
            if life is None and self._told_stops.get(event.id, 0) >= event.at_ms:
                return []  # the tree's word was enough, and this comes late
            code = event.exit_code
            if code is None and known is not None and not known.running:
                code = known.exit_code
            return [*self._suspicion(life, TELL_OOM), self._stop(event.id, event.at_ms, life, known, code)]
        if event.action == "oom":
            self._ooms[event.id] = event.at_ms
            return [self._event(event.at_ms, "oom", event.id, known, living, {})]
        if event.action == "restart":
            count = None if known is None else known.restarts
            return [self._event(event.at_ms, "restart", event.id, known, living, {"count": count})]
        if event.action == "health_status":
            status = event.health or (None if known is None else known.health)
            return [self._event(event.at_ms, "health", event.id, known, living, {"status": status})]
        return []

    def settle(self, now_ms: int, described: Mapping[str, Description], answering: frozenset[str]) -> list[Event]:
        """Starts and stops whose runtime (not among ``answering``) cannot report them, or did not in time."""
        events = []
        for at_ms, target, count in self._killed:
            if target.id.runtime not in answering & TELL_OOM:
                life = Ended(at_ms, target, None, 0)
                events.append(self._event(at_ms, "oom", target.key, None, life, {"count": count}))
        self._killed.clear()
        for container_id, (at_ms, target) in list(self._begun.items()):
            if target.id.runtime not in answering or now_ms - at_ms >= PATIENCE_MS:
                del self._begun[container_id]
                known = described.get(container_id)
                if known is None or known.started_at_ms is None:
                    events.append(self._told_start(at_ms, container_id, known, target))
                elif self._told_starts.get(container_id, 0) < known.started_at_ms:
                    events.append(self._told_start(known.started_at_ms, container_id, known, target))
        for container_id, lives in list(self._ended.items()):
            keep = []
            for life in lives:
                if life.target.id.runtime in answering and now_ms - life.at_ms < PATIENCE_MS:
                    keep.append(life)
                elif self._told_stops.get(container_id, 0) < life.at_ms - PATIENCE_MS:
                    known = described.get(container_id)
                    code = None if known is None or known.running else known.exit_code
                    events += self._suspicion(life, answering & TELL_OOM)
                    events.append(self._stop(container_id, life.at_ms, life, known, code))
            if keep:
                self._ended[container_id] = keep
            else:
                del self._ended[container_id]
        self._forget(now_ms)
        return events

    def _start(self, event: RuntimeEvent, known: Description | None) -> list[Event]:
        self._begun.pop(event.id, None)
        told = self._told_starts.get(event.id)
        began = event.at_ms if known is None or known.started_at_ms is None else known.started_at_ms
        if told is not None and told >= min(began, event.at_ms):
            return []
        events = [self._told_start(event.at_ms, event.id, known, None)]
        count = None if known is None else known.restarts
        before = self._restarts.get(event.id)
        if count is not None:
            self._restarts[event.id] = count
            if count > (before or 0):
                events.append(self._event(event.at_ms, "restart", event.id, known, None, {"count": count}))
        return events

    def _told_start(self, at_ms: int, container_id: str, known: Description | None, target: Target | None) -> Event:
        self._told_starts[container_id] = at_ms
        image = known.image if known is not None else None
        life = None if target is None else Ended(at_ms, target, None, 0)
        return self._event(at_ms, "start", container_id, known, life, {"image": image})

    def _suspicion(self, life: Ended | None, telling: frozenset[str]) -> list[Event]:
        """A kill that is known by a counter above the container alone. ``telling``: runtimes that tell of theirs."""
        suspected = None if life is None else life.suspected
        if life is None or suspected is None or not suspected.kills or life.target.id.runtime in telling:
            return []
        used = None if life.last is None else life.last.memory_usage_bytes
        detail = {
            "count": suspected.kills,
            "counted_by": suspected.counted_by,
            "among": suspected.among,
            "memory_usage_bytes": used,
        }
        return [self._event(life.at_ms, "oom", life.target.key, None, life, detail)]

    def _stop(
        self, container_id: str, at_ms: int, life: Ended | None, known: Description | None, exit_code: int | None
    ) -> Event:
        self._told_stops[container_id] = at_ms
        last = None if life is None else life.last
        started = None if life is None else life.target.id.started_at_ms
        if started is None and known is not None:
            started = known.started_at_ms
        peak = None
        if last is not None and life is not None:
            peak = last.memory_peak_bytes or life.peak_bytes or None
        killed: bool | None = container_id in self._ooms and self._ooms.pop(container_id) >= (started or 0)
        if not killed and known is not None and not known.running:
            killed = bool(known.oom_killed)
        suspected = None if life is None else life.suspected
        if not killed and exit_code in (None, KILLED):
            if last is not None and last.memory_oom_kills:
                killed = True
            elif suspected is not None:
                killed = suspected.killed
            elif exit_code is None and (known is None or known.oom_killed is None):
                killed = None
        detail = {
            "exit_code": exit_code,
            "lived_s": None if started is None else max(0, at_ms - started) / 1000,
            "cpu_seconds": None if last is None or last.cpu_usage_ns is None else last.cpu_usage_ns / 1e9,
            "memory_peak_bytes": peak,
            "oom_killed": killed,
        }
        return self._event(at_ms, "stop", container_id, known, life, detail)

    def _event(
        self,
        at_ms: int,
        kind: str,
        container_id: str,
        known: Description | None,
        life: Ended | None,
        detail: Mapping[str, object],
    ) -> Event:
        if known is not None:
            name, service = known.name, service_of(known.name, known.labels)
        elif life is not None:
            name, service = life.target.name, life.target.service or life.target.name
        else:
            name = service = container_id[:SHORT_ID]
        return Event(at_ms, kind, self._host, container_id, name, service, detail)

    def _forget(self, now_ms: int) -> None:
        for told in (self._told_starts, self._told_stops, self._ooms):
            for container_id in [i for i, at_ms in told.items() if now_ms - at_ms > REMEMBERED_MS]:
                del told[container_id]
        if len(self._restarts) > 10_000:
            self._restarts.clear()
