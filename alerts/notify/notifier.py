"""What a kind of receiver is: how a notification becomes a message there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from model.alert import Alert, DeliveryState, Notification, Receiver
from model.errors import Fault


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: one POST, or for a kind that is not HTTP what its sender makes of it."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt. ``state``: ACCEPTED, RETRY or REJECTED. ``gone``: never send there again."""

    state: DeliveryState
    detail: str
    http_status: int | None = None
    retry_after_s: float | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """What goes out in one message: at least one notification, all of one group. ``id``: the same over every retry.

    ``others_fire``: alerts of the group that are not in it still fire, as this receiver was told.
    """

    id: str
    notifications: tuple[Notification, ...]
    others_fire: bool = False

    @property
    def firing(self) -> bool:
        """Whether anything of the group fires after it."""
        return self.others_fire or any(n.status == "firing" for n in self.notifications)

    @property
    def first(self) -> Alert:
        """The alert that stands for the group: the first that fires, else the first."""
        return next((n for n in self.notifications if n.status == "firing"), self.notifications[0]).alert


Write = Callable[[Receiver, Bundle, str, int], Message]
"""(receiver, bundle, public URL, now in ms) → message. Pure."""


def no_faults(_receiver: Receiver) -> Sequence[Fault]:
    """Nothing more is asked of the receiver than a URL."""
    return ()


@dataclass(frozen=True, slots=True)
class Notifier:
    """One kind. ``faults_of`` checks what only this kind asks for (the URL was checked already where it is HTTP).

    ``repeat``: for a kind that forgets alerts which are not told again: all firing ones in one message, every
    ``repeat_s`` seconds. ``keeps_open``: what was told firing stays there until it is told resolved, a test too.
    """

    write: Write
    faults_of: Callable[[Receiver], Sequence[Fault]] = no_faults
    is_http: bool = True
    repeat: Callable[[Receiver, Sequence[Alert], str, int], Message] | None = None
    repeat_s: float = 60.0
    keeps_open: bool = False
