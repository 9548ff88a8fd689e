"""What can go wrong, in words that carry the remedy."""

from __future__ import annotations

from dataclasses import dataclass


class WharfingerError(Exception):
    """Base of all our errors. ``str()`` is one line that says what is wrong and what to do."""


class UsageError(WharfingerError):
    """The call itself is wrong: bad flag, bad argument (exit code 2)."""


class Malformed(WharfingerError):
    """A text that should have a known form has not: carries where and what."""


class StoreError(WharfingerError):
    """A store could not take or give data; the daemon goes on without it."""


class NotThere(WharfingerError):
    """What was asked for does not exist (HTTP 404)."""


class Refused(WharfingerError):
    """A wish was understood and is not granted, with the reason (HTTP 409 or 422)."""

    def __init__(self, reason: str, *, conflict: bool = True) -> None:
        super().__init__(reason)
        self.conflict = conflict


class AgentAway(WharfingerError):
    """The agent did not answer on its socket (HTTP 503)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in an input: where (``store.raw_days``, ``rules[2].for``) and what to do about it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidInput(WharfingerError):
    """All faults of one input at once."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(f) for f in faults))
        self.faults = faults
