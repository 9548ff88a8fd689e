"""What the web process is given: stores, the agent's link, settings and a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from config.schema import Settings
from dashboard.fleet import Fleet
from model.live import Command, Frame, Reply
from model.sample import Snapshot
from model.whatif import WhatIf
from storage.api import AuthStore, SeriesReader

STALE_S = 10.0
"""A frame older than this (or than five intervals) says nothing about now."""


class Agent(Protocol):
    """The agent as the web process sees it. Thread-safe."""

    def frame(self) -> Frame | None:
        """The newest frame, however old; None before the first."""

    def age_s(self) -> float | None:
        """Seconds since the newest frame's tick; None before the first."""

    def wait(self, after_ms: int, timeout_s: float) -> Frame | None:
        """The newest frame if it is later than ``after_ms``, waiting for it; None at the time-out."""

    def ask(self, command: Command) -> Reply:
        """The agent's answer. Raises :class:`model.errors.AgentAway`."""

    def snapshot(self) -> Snapshot:
        """The newest snapshot with its raw readings. Raises :class:`model.errors.AgentAway`."""


class Replay(Protocol):
    """Rules tried on the stored history. Blocks; thread-safe."""

    def __call__(self, text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        """When the rules of ``text`` (a rule file; empty: the configuration's) would have fired. Raises InvalidInput,
        Refused while another one runs, StoreError at its time limit."""


class Backtest(Protocol):
    """Limit policies tried on a container's stored history. Blocks; thread-safe."""

    def __call__(self, asked: WhatIf) -> dict[str, object]:
        """``traces, seeds, policies, seconds, measured``. Raises InvalidInput; NotThere where there is no history;
        Refused while another one runs; StoreError at its time limit."""


@dataclass(frozen=True, slots=True)
class Services:
    """``remote`` reads the other hosts' history where an InfluxDB is named; ``clock`` gives ms since the epoch."""

    series: SeriesReader
    remote: SeriesReader | None
    auth: AuthStore
    agent: Agent
    settings: Settings
    clock: Callable[[], int]
    own_cost: Callable[[], Mapping[str, Mapping[str, float | None]]] = dict
    """What the web process itself costs: as :attr:`model.live.Frame.own_cost`, for ``web`` alone."""
    fleet: Fleet | None = None
    """The other hosts' dashboards, where the settings name some."""

    replay: Replay | None = None
    """Tries rules on the stored history, outside of this process."""
    backtest: Backtest | None = None
    """Tries limit policies on a container's stored history, outside of this process."""

    def fresh_frame(self) -> Frame | None:
        """The newest frame if it still speaks of now; None while the agent is away."""
        frame, age_s = self.agent.frame(), self.agent.age_s()
        if frame is None or age_s is None or age_s > max(STALE_S, 5 * frame.interval_s):
            return None
        return frame

    def own_host(self) -> str:
        """Name of this host: the agent's word, else the setting, else the store's; empty when nobody knows."""
        frame = self.agent.frame()
        if frame is not None:
            return frame.host
        return self.settings.agent.host_name or next(iter(self.series.hosts()), "")
