"""When the interpreter looks for cyclic garbage: after a tick, and never just before one.

Left to itself the collector runs in whatever thread makes the next object, and holds the interpreter's lock
meanwhile: with a thousand containers up to a tenth of a second, in which no tick can begin. (Reference counting
frees nearly everything; what the collector finds are the few cycles that exceptions and closures leave.)
"""

from __future__ import annotations

import gc

FULL_MS = 600_000
"""Between two looks at everything that is alive; in between only what is new is looked at."""


class Garbage:
    """The collector of this process under the clock's command. :meth:`after_tick` belongs to the tick's thread."""

    def __init__(self) -> None:
        self._full_at_ms: int | None = None
        self._ours = False

    def take_over(self) -> None:
        """No collection by itself from now on. What the start made stays: it is never looked at again."""
        if gc.isenabled():
            gc.collect()
            gc.freeze()
            gc.disable()
            self._ours = True

    def after_tick(self, at_ms: int) -> None:
        """Collect what is new; from time to time everything. The longest time is left now until the next tick."""
        if not self._ours:
            return
        if self._full_at_ms is None or at_ms < self._full_at_ms - FULL_MS:
            self._full_at_ms = at_ms + FULL_MS  # the first tick, or wall time jumped back
        if at_ms >= self._full_at_ms:
            self._full_at_ms = at_ms + FULL_MS
            gc.collect()
        else:
            gc.collect(1)

    def give_back(self) -> None:
        """As it was before :meth:`take_over`."""
        if self._ours:
            self._ours = False
            gc.unfreeze()
            gc.enable()
