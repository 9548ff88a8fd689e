"""What the service manager is told: one datagram to the socket that it names (systemd, sd_notify(3)).

Without ``NOTIFY_SOCKET`` in the environment everything here does nothing.
"""

from __future__ import annotations

import faulthandler
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)

SELDOM_S = 3600.0


@dataclass(frozen=True, slots=True)
class Notifier:
    """``address``: the manager's socket, a path or ``@`` and an abstract name; empty: nobody asks.

    ``watchdog_s``: without a beat for so long the manager kills the process; 0: it does not watch.
    """

    address: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> Notifier:
        """From ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID``; a watchdog of another process is not ours."""
        address, asked = environ.get("NOTIFY_SOCKET", ""), environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog_s = int(asked) / 1e6 if address and ours and asked.isdecimal() else 0.0
        return cls(address, watchdog_s)

    @property
    def beat_every_s(self) -> float:
        """Seconds between two beats: a third of the watchdog's patience."""
        return self.watchdog_s / 3 if self.watchdog_s else SELDOM_S

    def ready(self) -> None:
        """The work has begun. From here on a beat that stays out gets the process killed, and its stacks logged:
        the manager's SIGABRT makes every thread's into the journal."""
        if self.watchdog_s:
            faulthandler.enable()
        self.say("READY=1")

    def beat(self) -> None:
        """The main loop turns."""
        if self.watchdog_s:
            self.say("WATCHDOG=1")

    def stopping(self) -> None:
        self.say("STOPPING=1")

    def say(self, message: str) -> None:
        """Send ``message``; a manager that cannot be reached is logged and stops nothing."""
        if not self.address:
            return
        where = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                manager.settimeout(1.0)
                manager.connect(where)
                manager.send(message.encode())
        except OSError as error:
            log.warning("the service manager at %s was not told %s: %s", self.address, message, error)
