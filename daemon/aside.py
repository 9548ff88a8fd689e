"""Long computing for the web process: in a child of its own at the lowest priority, within a time limit, one at a time.

In the web process it would hold every page up; a child gives its memory back when it is done, and can be ended.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from model.errors import Fault, InvalidInput, NotThere, Refused, StoreError, WharfingerError

LIMIT_S: Final = 120.0
NICE: Final = 19
MOST_BYTES: Final = 512 << 20
"""Of the child's data; what needs more ends with a word, before the host feels it."""


class Aside:
    """Asks child processes. ``what``: the thing in a sentence, such as ``replay``; ``remedy``: how it takes less."""

    def __init__(self, what: str, remedy: str, limit_s: float = LIMIT_S) -> None:
        self._what, self._remedy, self._limit_s = what, remedy, limit_s
        self._turn = threading.Lock()

    def ask(self, work: Callable[..., Any], *arguments: object) -> Any:
        """``work(*arguments)`` as the child answers it; both are picklable. Blocks; any thread. Raises Refused while
        another question is being answered, InvalidInput and NotThere as the work does, StoreError for all else: what
        the work raised, a time that was not enough, a child that died."""
        if not self._turn.acquire(blocking=False):
            raise Refused(f"another {self._what} is running: try again when it is done")
        try:
            return self._asked(work, arguments)
        finally:
            self._turn.release()

    def _asked(self, work: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        name = f"wharfinger-{self._what}"
        child = context.Process(target=answer, args=(theirs, work, arguments), name=name, daemon=True)
        child.start()
        theirs.close()
        try:
            if not ours.poll(self._limit_s):
                raise StoreError(f"the {self._what} took more than {self._limit_s:.0f} s: {self._remedy}")
            kind, value = ours.recv()
        except EOFError:
            raise StoreError(f"the {self._what} ended without an answer: see the log") from None
        finally:
            ours.close()
            child.kill()
            child.join()
            child.close()
        if kind == "faults":
            raise InvalidInput(tuple(Fault(path, message) for path, message in value))
        if kind == "nothing":
            raise NotThere(value)
        if kind == "error":
            raise StoreError(value)
        return value


def answer(told: Connection, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    """The child: work, and say what came of it."""
    with contextlib.suppress(PermissionError):  # where it is denied the web process itself is low enough
        os.nice(NICE)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, most))
    try:
        told.send(("value", work(*arguments)))
    except InvalidInput as error:
        told.send(("faults", [(fault.path, fault.message) for fault in error.faults]))
    except NotThere as error:
        told.send(("nothing", str(error)))
    except WharfingerError as error:
        told.send(("error", str(error)))
    except MemoryError:
        told.send(("error", f"it needs more than {MOST_BYTES >> 20} MiB of memory: choose a shorter range"))
    told.close()
