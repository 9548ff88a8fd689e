"""What goes wrong, one after another: each fault is made, lasts a while, and is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from tests.alerts.storm import HalfFailing
from tests.support.webhook import Request, Scripted
from tools.servers.docker import Dockerd
from tools.servers.influx import Influxd
from tools.soak.crew import Crew
from tools.soak.relay import Relay
from tools.soak.ship import Disk, Ship

AHEAD_S, BACK_S = 40.0, -7.0


class Inbox(HalfFailing):
    """A receiver that fails half the time, and for a while always."""

    down = False

    def taken(self, request: Request) -> Scripted:
        if self.down:
            self.answers.append((request, 500))
            return Scripted(500)
        return super().taken(request)


@dataclass(slots=True)
class Stage:
    """All that can be broken."""

    ship: Ship
    disk: Disk
    crew: Crew
    dockerd: Dockerd
    influx: Influxd
    relay: Relay
    inbox: Inbox
    full: list[tuple[float, float]] = field(default_factory=list)
    """When the disk was full: from, to, in seconds since the epoch."""


@contextmanager
def influx_away(stage: Stage) -> Iterator[None]:
    stage.influx.kill()
    yield
    stage.influx.start()


@contextmanager
def docker_restarts(stage: Stage) -> Iterator[None]:
    stage.crew.paused.set()
    stage.dockerd.stop()
    yield
    stage.dockerd.start()
    stage.crew.wake()
    stage.crew.paused.clear()


@contextmanager
def disk_full(stage: Stage) -> Iterator[None]:
    stage.disk.fill()
    yield
    stage.disk.empty()


@contextmanager
def clock_ahead(stage: Stage) -> Iterator[None]:
    stage.ship.set_clock(AHEAD_S)
    yield
    stage.ship.set_clock(0.0)


@contextmanager
def clock_back(stage: Stage) -> Iterator[None]:
    stage.ship.set_clock(BACK_S)
    yield
    stage.ship.set_clock(0.0)


@contextmanager
def link_cut(stage: Stage) -> Iterator[None]:
    stage.relay.cut()
    yield
    stage.relay.mend()


@contextmanager
def web_killed(stage: Stage) -> Iterator[None]:
    stage.ship.kill("web")
    yield


@contextmanager
def agent_killed(stage: Stage) -> Iterator[None]:
    stage.ship.kill("agent")
    yield


@contextmanager
def receiver_failing(stage: Stage) -> Iterator[None]:
    stage.inbox.down = True
    yield
    stage.inbox.down = False


FAULTS: tuple[Callable[[Stage], AbstractContextManager[None]], ...] = (
    influx_away,
    agent_killed,
    disk_full,
    link_cut,
    docker_restarts,
    clock_ahead,
    web_killed,
    receiver_failing,
    clock_back,
)
