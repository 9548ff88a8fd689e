"""Waiting for something real to happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(predicate: Callable[[], Answer], seconds: float, what: str) -> Answer:
    """The first true answer of ``predicate``; after ``seconds`` a failure that names ``what`` was awaited.

    An AssertionError inside the predicate counts as "not yet" and is shown at the end, so that a
    whole block of asserts can be awaited.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            answer = predicate()
            if answer:
                return answer
            last = answer
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last answer: {last!r})")
        time.sleep(0.02)
