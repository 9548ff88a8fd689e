"""The audit takes notes of the web process's own deeds, and of no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from daemon.commands import Commands
from daemon.commands_limits import LimitCommands
from model.live import Command


class Book:
    """Keeps what is written into the audit."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, str, str, Mapping[str, object]]] = []

    def audit(self, at_ms: int, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
        self.rows.append((at_ms, actor, action, subject, detail))


@pytest.fixture
def book() -> Book:
    return Book()


def ask(book: Book, **arguments: object) -> int:
    limits = LimitCommands(cast("Any", None), cast("Any", book), dict)
    return Commands(limits.entries(), lambda: 5).answer(Command("audit.note", arguments, "anna", "admin")).status


def test_a_note_is_kept_with_its_actor(book: Book) -> None:
    assert ask(book, action="token.revoke", subject="t" * 300, detail={"role": "x" * 300, "n": 1}) == 200
    assert book.rows == [(5, "anna", "token.revoke", "t" * 200, {"role": "x" * 200, "n": 1})]


@pytest.mark.parametrize("action", ["limits.set", "user.", "user.Create", "user.create\n", "users.create", ""])
def test_nobody_can_write_a_limit_change_that_never_was(book: Book, action: str) -> None:
    assert ask(book, action=action, subject="x") == 422
    assert book.rows == []


def test_details_are_flat(book: Book) -> None:
    assert ask(book, action="user.create", subject="x", detail={"deep": {"er": 1}}) == 422
