"""Commands from the link are checked again: name, role, arguments; every refusal has its status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from daemon.commands import Commands, Entry
from model.errors import Fault, InvalidInput, NotThere, Refused, StoreError
from model.live import Command


@dataclass(frozen=True, slots=True)
class Amount:
    cores: float
    name: str = "x"


def commands(answer: Callable[[Amount, str, int], object]) -> Commands:
    return Commands((Entry("set", "operator", Amount, answer),), lambda: 42)


def test_arguments_actor_and_time_reach_the_answer() -> None:
    reply = commands(lambda a, actor, now: [a.cores, a.name, actor, now]).answer(
        Command("set", {"cores": 2}, "ann", "admin")
    )
    assert (reply.status, reply.value) == (200, [2.0, "x", "ann", 42])


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        (Command("nope", {}, "ann", "admin"), 404, "knows no command"),
        (Command("set", {"cores": 1}, "ann", "viewer"), 403, "needs the role operator"),
        (Command("set", {"cores": 1}, "ann", "root"), 403, "needs the role operator"),
        (Command("set", {"cores": "many"}, "ann", "admin"), 422, "wrong arguments"),
        (Command("set", {}, "ann", "admin"), 422, "wrong arguments"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_tried(command: Command, status: int, text: str) -> None:
    reply = commands(lambda *_: pytest.fail("was tried")).answer(command)
    assert reply.status == status
    assert text in reply.detail


def test_a_wrong_argument_is_named_by_its_path() -> None:
    reply = commands(lambda *_: None).answer(Command("set", {"cores": "many"}, "ann", "admin"))
    assert reply.faults == (Fault("cores", "Expected `float`, got `str`"),)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotThere("gone"), 404),
        (Refused("uses more"), 409),
        (Refused("not possible", conflict=False), 422),
        (InvalidInput((Fault("a", "b"),)), 422),
        (StoreError("disk full"), 503),
    ],
)
def test_each_refusal_has_its_status(error: Exception, status: int) -> None:
    def answer(*_: object) -> object:
        raise error

    assert commands(answer).answer(Command("set", {"cores": 1}, "a", "admin")).status == status
