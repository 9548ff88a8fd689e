"""An agent made up for the browser: the real application runs on it, in every state that can be named.

It answers commands from memory; time is the machine's own.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from backtest.whatif import what_if
from model.alert import Receiver, Silence
from model.change import Change
from model.errors import AgentAway, WharfingerError
from model.event import Event
from model.live import Command, Frame, PartState, Reply
from model.sample import Sample, Snapshot
from model.whatif import WhatIf
from tests.browser.chronicle import Chronicle, limit_event
from tests.browser.fleet import GROWER, HERO, HOST, SUMMED, Ship, Story, host_sample, limits_of, sample, ships
from tests.browser.orders import Orders
from tests.browser.series import WorldSeries


@dataclass(slots=True)
class States:
    """What a test may make so: each is a state that a page must show."""

    away: bool = False
    docker: bool = True
    psi: bool = True
    empty: bool = False
    mute: bool = False
    """The stream brings nothing more."""
    quiet: bool = False
    """No finding, no alert."""
    replay_fault: WharfingerError | None = None
    """What a replay of rules ends with, instead of firings."""
    backtest_fault: WharfingerError | None = None
    """What a backtest ends with, instead of numbers."""
    hidden: frozenset[str] = frozenset()
    """Names of containers that are gone."""


class World:
    """One made-up host as :class:`dashboard.services.Agent`."""

    def __init__(self) -> None:
        self.states = States()
        self.story = Story(int(time.time()))
        self.ships = ships(self.story.now_s)
        self.hero = next(k for k, ship in self.ships.items() if ship.target.name == HERO)
        self.grower = next(k for k, ship in self.ships.items() if ship.target.name == GROWER)
        self.by_hand: dict[str, dict[str, float]] = {}
        self.policies = {key: ship.policy for key, ship in self.ships.items()}
        self.paused: dict[str, object] = {"paused": False, "reason": "", "until": None}
        self.silences: list[Silence] = []
        self.receivers = [
            Receiver("ops", "webhook", "https://ops.example/hook/secret", "s3cret"),
            Receiver("chat", "slack", "https://chat.example/services/T0/B0/x"),
            Receiver("night", "ntfy", "https://ntfy.example/night", enabled=False, source="api"),
        ]
        self.acknowledged: dict[str, str] = {}
        self.chronicle = Chronicle(self)
        self.orders = Orders(self)
        self.changes = self.chronicle.past_changes()
        self.events_past = self.chronicle.past_events()
        self.fresh_events: list[Event] = []
        self.fresh_changes: list[Change] = []
        self.commands: list[Command] = []
        self.lock = threading.Lock()
        self.ending = threading.Event()
        """The server stops: streams must not wait for their next tick."""
        self._frames: dict[int, Frame] = {}

    def frame(self) -> Frame | None:
        if self.states.away:
            return self._frame_at(int(self._away_s()))
        return self._frame_at(int(time.time()))

    def _away_s(self) -> float:
        return time.time() - 134

    def age_s(self) -> float | None:
        return 134.0 if self.states.away else time.time() % 1

    def wait(self, after_ms: int, timeout_s: float) -> Frame | None:
        if self.ending.is_set():
            self.ending.wait(0.02)
            return self._frame_at(after_ms // 1000 + 1)  # written to a closed socket, it ends the stream at once
        if self.states.away or self.states.mute:
            self.ending.wait(min(timeout_s, 0.2))
            return None
        now = time.time()
        if int(now) * 1000 <= after_ms:
            self.ending.wait(min(timeout_s, int(now) + 1.005 - now))
        frame = self.frame()
        return frame if frame is not None and frame.at_ms > after_ms else None

    def snapshot(self) -> Snapshot:
        if self.states.away:
            raise AgentAway("the agent is away")
        frame = self.frame()
        assert frame is not None
        samples = {key: Sample(values) for key, values in frame.values.items()}
        return Snapshot(
            frame.at_ms, 1.0, HOST, "hybrid", Sample(frame.host_values), frame.targets, samples, frame.limits
        )

    def ask(self, command: Command) -> Reply:
        if self.states.away:
            raise AgentAway("the agent does not answer on its socket; is it running?")
        self.commands.append(command)
        return self.orders.answer(command)

    def replay(self, _text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        if self.states.replay_fault is not None:
            raise self.states.replay_fault
        return self.chronicle.firings(since_ms, until_ms)

    def backtest(self, asked: WhatIf) -> dict[str, object]:
        """The real one, over the last ten minutes of the made-up history."""
        if self.states.backtest_fault is not None:
            raise self.states.backtest_fault
        return what_if(WorldSeries(self), replace(asked, since_ms=max(asked.since_ms, asked.until_ms - 600_000)))

    def happened(self, change: Change, by_hand: dict[str, float]) -> None:
        """A change that was made: limits, journal, event and the next tick's news."""
        self.by_hand[change.container_id] = by_hand
        event = limit_event(change, len(self.events_past) + 1)
        with self.lock:
            self.changes.insert(0, change)
            self.events_past.append(event)
            self.fresh_events.append(event)
            self.fresh_changes.append(change)

    def present(self) -> dict[str, Ship]:
        if self.states.empty:
            return {}
        return {key: ship for key, ship in self.ships.items() if ship.target.name not in self.states.hidden}

    def _frame_at(self, s: int) -> Frame:
        """The frame of one second: the same for everybody who asks."""
        with self.lock:
            if s not in self._frames:
                events, self.fresh_events = tuple(self.fresh_events), []
                changes, self.fresh_changes = tuple(self.fresh_changes), []
                self._frames = {k: v for k, v in self._frames.items() if k > s - 300}
                self._frames[s] = self._made(s, events, changes)
            return self._frames[s]

    def _made(self, s: int, events: tuple[Event, ...], changes: tuple[Change, ...]) -> Frame:
        here = self.present()
        values = {key: self.values(ship, s) for key, ship in here.items()}
        sums = {name: sum(v.get(name, 0.0) for v in values.values()) for name in SUMMED}
        targets = {
            key: replace(ship.target, restarts=1, id=replace(ship.target.id, started_at_ms=self.story.back * 1000))
            if key == self.hero
            else ship.target
            for key, ship in here.items()
        }
        docker = "ok" if self.states.docker else "down"
        since = (self.story.now_s - 300) * 1000
        return Frame(
            at_ms=s * 1000,
            interval_s=1.0,
            host=HOST,
            cgroup="hybrid",
            host_values=host_sample(sums, s, self.states.psi),
            targets=targets,
            values=values,
            limits={key: limits_of(ship, s, self.story, self.by_hand.get(key, {})) for key, ship in here.items()},
            policies={key: self.policies[key] for key in here},
            findings=self.chronicle.findings(s, values),
            transitions=(),
            changes=changes,
            events=events,
            gaps=(),
            parts=(
                PartState("agent", "ok", since),
                PartState("tick", "ok", since),
                PartState("store", "ok", since),
                PartState("influxdb", "off", since),
                PartState("docker", docker, since, "" if self.states.docker else "no such file: /var/run/docker.sock"),
                PartState("alerts", "ok", since),
                PartState("limits", "ok", since),
            ),
            capabilities={"psi": "yes" if self.states.psi else "the kernel was started without psi=1", "docker": "yes"},
            own_cost={
                "agent": {"cpu_seconds": 431.2, "cpu_cores": 0.011, "memory_bytes": 58.0 * 1024 * 1024},
                "supervisor": {"cpu_seconds": 3.1, "cpu_cores": 0.0002, "memory_bytes": 21.0 * 1024 * 1024},
                "dockerd": {
                    "cpu_seconds": 9120.0,
                    "cpu_cores": 0.034,
                    "memory_bytes": 96.0 * 1024 * 1024,
                    "requests": 412.0,
                    "request_seconds": 3.84,
                },
            },
        )

    def values(self, ship: Ship, s: int) -> dict[str, float]:
        return sample(ship, s, self.story, self.by_hand.get(ship.target.key, {}), self.states.psi)
