"""Questions and orders that come over the link: checked again here, whatever the web process checked.

One entry a command: its arguments as a dataclass, the role it needs, the function that answers. The answers have
the outside form of :mod:`model.outside`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from daemon.clock import now_ms
from model.errors import Fault, InvalidInput, NotThere, Refused, WharfingerError
from model.live import Command, Reply

log = logging.getLogger(__name__)

ROLES = ("viewer", "operator", "admin")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Entry(Generic[A]):
    """One command. ``answer(arguments, actor, now_ms)`` returns JSON values; it may raise any WharfingerError."""

    name: str
    role: str
    arguments: type[A]
    answer: Callable[[A, str, int], object]


class Commands:
    """Answers commands by name; never raises."""

    def __init__(self, entries: tuple[Entry[Any], ...], clock_ms: Callable[[], int] = now_ms) -> None:
        self._entries: Mapping[str, Entry[Any]] = {entry.name: entry for entry in entries}
        self._clock_ms = clock_ms

    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def answer(self, command: Command) -> Reply:
        """The reply to one command. Any thread."""
        entry = self._entries.get(command.name)
        if entry is None:
            return Reply(404, detail=f"the agent knows no command {command.name!r}")
        if command.role not in ROLES or ROLES.index(command.role) < ROLES.index(entry.role):
            return Reply(403, detail=f"{command.name} needs the role {entry.role}")
        try:
            arguments = msgspec.convert(dict(command.arguments), entry.arguments)
            return Reply(200, entry.answer(arguments, command.actor, self._clock_ms()))
        except msgspec.ValidationError as error:
            return Reply(422, detail="wrong arguments", faults=(fault_of(error),))
        except InvalidInput as error:
            return Reply(422, detail="wrong values", faults=error.faults)
        except NotThere as error:
            return Reply(404, detail=str(error))
        except Refused as error:
            return Reply(409 if error.conflict else 422, detail=str(error), faults=(Fault("", str(error)),))
        except WharfingerError as error:
            log.warning("command %s failed: %s", command.name, error)
            return Reply(503, detail=str(error))


def fault_of(error: msgspec.ValidationError) -> Fault:
    """msgspec's "Expected `int`, got `str` - at `$.limit`" as a fault with a path. Pure."""
    message, _, place = str(error).partition(" - at `")
    return Fault(place.rstrip("`").removeprefix("$").removeprefix("."), message)
