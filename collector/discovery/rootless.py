"""Podman of ordinary users: a socket a user, asked only when a container of that user came or went.

``podman system service`` ends by itself when nobody asks, and is started again by whoever connects: an open stream of
events would keep one process a user alive. So the folders in which a user's Podman keeps its running containers
are watched instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.cgroupfs import files
from collector.discovery.describe import Description
from collector.discovery.runtime import Job, RuntimeEvent, Source

USERS = "/run/user"
SOCKET = "podman/podman.sock"
RUNNING = "containers"
LOOK_S = 2.0
AFTER = 2
"""Looks after a change at which the user's Podman is asked again: it makes the folder before the container runs."""
EVERY = 30
"""Looks after which it is asked in any case."""


class RootlessPodman:
    """:class:`Source` of every user's Podman. ``connect`` makes the source of one address; ``own``: addresses that
    are asked elsewhere."""

    runtime = "podman"
    reports = False

    def __init__(self, connect: Callable[[str], Source], own: tuple[str, ...] = (), users: str = USERS) -> None:
        self._connect, self._own, self._users = connect, own, users
        self._sources: dict[str, Source] = {}
        self._described: Mapping[str, Description] = {}
        self._changed: dict[str, tuple[object, int]] = {}
        self._closing = False
        self._asked = False

    def described(self) -> Mapping[str, Description]:
        return self._described

    def drain(self) -> list[RuntimeEvent]:
        return []

    def state(self) -> tuple[str, str]:
        states = [source.state() for source in list(self._sources.values())]
        if not states:
            return "off", f"no user's socket below {self._users}"
        worst = next((state for state in states if state[0] not in ("ok", "off")), states[0])
        return ("degraded", worst[1]) if worst[0] == "down" else worst

    def asked(self) -> bool:
        return self._asked

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        return (("podman-users", self.resync),)

    def look(self) -> None:
        self.resync(0)

    def close(self) -> None:
        self._closing = True
        for source in list(self._sources.values()):
            source.close()

    def resync(self, now_ms: int) -> float:  # noqa: ARG002 - a job
        """Look who has a socket, and ask those whose containers changed."""
        there = {f"{self._users}/{name}" for name in files.subfolders(self._users) or ()}
        for folder in [folder for folder in self._sources if folder not in there]:
            self._sources.pop(folder).close()
            self._changed.pop(folder, None)
        for folder in sorted(there):
            if self._closing:
                break
            address = f"unix://{folder}/{SOCKET}"
            if folder not in self._sources:
                if address in self._own or files.inode_of(f"{folder}/{SOCKET}") is None:
                    continue
                self._sources[folder] = self._connect(address)
            if self._is_due(folder):
                self._sources[folder].look()
        everything: dict[str, Description] = {}
        for source in self._sources.values():
            everything.update(source.described())
        self._described = everything
        self._asked = True
        return LOOK_S

    def _is_due(self, folder: str) -> bool:
        running = f"{folder}/{RUNNING}"
        state = tuple(
            (name, tuple(sorted(files.subfolders(f"{running}/{name}") or ())))
            for name in sorted(files.subfolders(running) or ())
            if name.endswith("-containers")
        )
        before, looks = self._changed.get(folder, (None, 0))
        looks = 0 if state != before else looks + 1
        self._changed[folder] = (state, looks)
        return looks <= AFTER or looks % EVERY == 0
