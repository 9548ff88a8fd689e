"""Rules tried on the stored history for the web process: in a process of its own, within a time limit, one at a time.

A replay is minutes of pure computing; in the web process it would hold every page up.
"""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.connection import Connection

from config.schema import Settings
from model.errors import Fault, InvalidInput, Refused, StoreError, WharfingerError

LIMIT_S = 120.0


class Replayer:
    """Call it from any thread; it blocks until the child process answered."""

    def __init__(self, settings: Settings, limit_s: float = LIMIT_S) -> None:
        self._settings, self._limit_s = settings, limit_s
        self._turn = threading.Lock()

    def __call__(self, text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        """The firings of the rules of ``text``, or of the configuration where it is empty. Raises InvalidInput;
        Refused while another replay runs; StoreError where the time was not enough, or the child died."""
        if not self._turn.acquire(blocking=False):
            raise Refused("another replay is running: try again when it is done")
        try:
            return self._asked(text, since_ms, until_ms)
        finally:
            self._turn.release()

    def _asked(self, text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(
            target=run, args=(theirs, self._settings, text, since_ms, until_ms), name="wharfinger-replay", daemon=True
        )
        child.start()
        theirs.close()
        try:
            if not ours.poll(self._limit_s):
                raise StoreError(f"the replay took more than {self._limit_s:.0f} s: try fewer rules, or less time")
            kind, answer = ours.recv()
        except EOFError:
            raise StoreError("the replay ended without an answer: see the log") from None
        finally:
            ours.close()
            child.kill()
            child.join()
            child.close()
        if kind == "faults":
            raise InvalidInput(tuple(Fault(path, message) for path, message in answer))
        if kind == "error":
            raise StoreError(answer)
        firings: list[dict[str, object]] = answer
        return firings


def run(answer: Connection, settings: Settings, text: str, since_ms: int, until_ms: int) -> None:
    """The child: replay, say what came of it. The web process itself loads no detector."""
    from daemon.replay import firing_json, replay_rules

    try:
        firings = replay_rules(settings, until_ms, (until_ms - since_ms) / 1000, text)
        answer.send(("items", [firing_json(firing) for firing in firings]))
    except InvalidInput as error:
        answer.send(("faults", [(fault.path, fault.message) for fault in error.faults]))
    except WharfingerError as error:
        answer.send(("error", str(error)))
    answer.close()
