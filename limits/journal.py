"""The journal: a change is on disk as PENDING before anything is written, and is settled by what was read back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import count

from limits.actuator.base import Actuator, ActuatorAway, Inspected, Kernel, Unanswered
from limits.actuator.native import (
    fields_for,
    knobs_of,
    knobs_of_limits,
    native_of,
    restoring,
    touches,
)
from limits.history import value_of
from limits.sizes import say_value
from limits.track import KNOBS, alike
from model.change import Change, ChangeStatus, Knobs, Original
from model.errors import Malformed, NotThere, Refused
from model.identity import fingerprint
from model.limits import Unlimited
from storage.api import StateStore

CUT_OFF = "it was cut off while it was made"
log = logging.getLogger(__name__)
SETTLED_MS = 10_000
"""A runtime that was sent an update has done it by then, or never will."""
READ_FAULTS = (NotThere, Refused, ActuatorAway, Malformed)


class Journal:
    """Makes changes: journal, write, read back, settle. Not thread-safe: one writer at a time.

    ``on_change`` is told of every settled change.
    """

    def __init__(
        self, state: StateStore, actuator: Actuator, kernel: Kernel, on_change: Callable[[Change], None]
    ) -> None:
        self.state, self.actuator, self.kernel = state, actuator, kernel
        self._on_change = on_change
        self.after_raise: Callable[[str, int], None] = lambda _container_id, _limit: None
        """Called after memory was raised in the kernel, before the runtime is told: that may take seconds."""
        self.around_update: Callable[[str], AbstractContextManager[object]] = lambda _container_id: nullcontext()
        """Entered while the runtime writes: it may write more than it was asked for."""
        self._numbers = count()
        self.applied = self.refused = self.failed = self.reverted = 0

    def new_id(self, container_id: str, rule: str, at_ms: int) -> str:
        return fingerprint((container_id, rule, str(at_ms), str(next(self._numbers))))

    def keep_original(self, container_id: str, now_ms: int, *, renew: bool = False) -> Original:
        """The original as kept; recorded now if there is none, and anew with ``renew``."""
        known = self.state.originals().get(container_id)
        if known is not None and not renew:
            return known
        found = self.actuator.inspect(container_id)
        knobs = found.knobs or knobs_of(found.native)
        original = Original(container_id, found.name, now_ms, knobs, dict(found.native))
        if renew:
            self.state.replace_original(original)
        else:
            self.state.put_original(original)
        return original

    def make(
        self,
        change: Change,
        cgroup: str | None,
        *,
        direct: bool,
        api: bool,
        original: Mapping[str, object] | None = None,
        owed: Knobs | None = None,
    ) -> tuple[Change, bool]:
        """Carry out a PENDING change and settle it. Returns it as settled, and whether the runtime knows.

        ``direct``: into the kernel at once. ``api``: through the runtime; with ``original`` its own fields
        are put back. ``owed``: what the kernel enforces already and the runtime does not know: it goes along, since
        newer runtimes set everything that they have saved with each update. What the kernel shows afterwards decides
        about APPLIED or FAILED; a refusal is REFUSED. It stays PENDING where the runtime did not answer and may still
        do it: memory on v2 also where the kernel has it, since a higher limit of later would be taken back by that.
        """
        self.state.put_change(change)
        written, fault = False, ""
        try:
            if direct and cgroup is not None:
                written = self._write_kernel(change.after, cgroup)
                if written and change.after.memory_bytes is not None:
                    self.after_raise(change.container_id, change.after.memory_bytes)
            if api or not written:
                self._write_runtime(change, original, owed)
                api = True
        except Refused as refusal:
            fault = str(refusal)
            if not written:
                return self.settle(change, ChangeStatus.REFUSED, fault), False
        except Unanswered as silence:
            fault = str(silence)
            if not written or self._kills_late(change):
                return change, False
        except (ActuatorAway, NotThere, Malformed) as refusal:
            fault = str(refusal)
            if not written:
                return self.settle(change, ChangeStatus.FAILED, fault), False
        return self._read_back(change, cgroup, fault), api and not fault

    def settle(self, change: Change, status: ChangeStatus, reason: str = "", read_back: Knobs | None = None) -> Change:
        """Keep the change in its last form, and tell of it."""
        words = f"{change.reason}: {reason}" if reason and change.reason else reason or change.reason
        settled = replace(change, status=status, reason=words, read_back=read_back)
        self.state.put_change(settled)
        if status is ChangeStatus.APPLIED:
            self.applied += 1
        elif status is ChangeStatus.REFUSED:
            self.refused += 1
        elif status is ChangeStatus.FAILED:
            self.failed += 1
            log.warning("a limit change of %s failed: %s", change.name, words)
        self._on_change(settled)
        return settled

    def settle_left_over(self, change: Change, cgroup: str | None, now_ms: int) -> Change | None:
        """A row left PENDING by a crash or by a silent runtime: what the kernel shows says what became of it.

        None: too early to say, since the runtime may be at it still.
        """
        try:
            shown = self.shown(change, cgroup)
        except NotThere:
            return self.settle(change, ChangeStatus.FAILED, f"{CUT_OFF}, and the container is gone")
        young = 0 <= now_ms - change.at_ms < SETTLED_MS
        if agrees(change.after, shown):
            if young and self._kills_late(change) and not self._saved(change):
                return None
            done = f"{CUT_OFF}; found in force afterwards"
            return self.settle(change, ChangeStatus.APPLIED, done, shown)
        if young:
            return None
        if agrees(change.before, shown):
            return self.settle(change, ChangeStatus.FAILED, f"{CUT_OFF}; it was not done", shown)
        return self.settle(change, ChangeStatus.FAILED, f"{CUT_OFF}; now it is otherwise", shown)

    def _kills_late(self, change: Change) -> bool:
        """Whether the runtime, when it does this after we had raised further, would take that back and so kill. On v1
        the kernel refuses a memory limit below what is in use."""
        return change.after.memory_bytes is not None and self.kernel.v2_memory()

    def _saved(self, change: Change) -> bool:
        """Whether the runtime has written the change down: then it is done with it."""
        try:
            return agrees(change.after, knobs_of(self.actuator.inspect(change.container_id).native))
        except READ_FAULTS:
            return False

    def shown(self, change: Change, cgroup: str | None) -> Knobs:
        """What is in force now of the knobs that the change touches: the kernel's word, without a cgroup the
        runtime's."""
        if cgroup is not None:
            return knobs_of_limits(self.kernel.read(cgroup), change.after)
        saved = knobs_of(self.actuator.inspect(change.container_id).native)
        return Knobs(
            cpu_cores=saved.cpu_cores if touches(change.after, "cpu_cores") else None,
            memory_bytes=saved.memory_bytes if touches(change.after, "memory_bytes") else None,
            cpu_weight=saved.cpu_weight if change.after.cpu_weight is not None else None,
            unlimited=tuple(name for name in saved.unlimited if touches(change.after, name)),
        )

    def update_runtime(self, container_id: str, wanted: Knobs, owed: Knobs | None = None) -> Inspected:
        """Let the runtime save ``wanted`` in the form that it has; returns what it has then."""
        found, v2 = self.actuator.inspect(container_id), self.kernel.v2_memory()
        fields = fields_for(found.native, owed, v2=v2) if owed is not None else {}
        self._update(container_id, fields | fields_for(found.native, wanted, v2=v2))
        return self.actuator.inspect(container_id)

    def _update(self, container_id: str, fields: Mapping[str, int]) -> None:
        with self.around_update(container_id):
            self.actuator.update(container_id, fields)

    def _write_kernel(self, wanted: Knobs, cgroup: str) -> bool:
        """False where the kernel's files may not be written: the runtime has to do it."""
        try:
            if wanted.cpu_cores is not None:
                self.kernel.write_cpu(cgroup, wanted.cpu_cores)
            if wanted.memory_bytes is not None:
                self.kernel.raise_memory(cgroup, wanted.memory_bytes)
        except ActuatorAway as away:
            log.debug("not written directly: %s", away)
            return False
        return True

    def _write_runtime(self, change: Change, original: Mapping[str, object] | None, owed: Knobs | None) -> None:
        if original is None:
            saved = self.update_runtime(change.container_id, change.after, owed)
        else:
            fields = restoring(native_of(original), change.after, v2=self.kernel.v2_memory())
            self._update(change.container_id, fields)
            saved = self.actuator.inspect(change.container_id)
        if not agrees(change.after, knobs_of(saved.native)):
            raise ActuatorAway("the runtime took the update, but inspect shows another limit")

    def _read_back(self, change: Change, cgroup: str | None, fault: str) -> Change:
        try:
            shown = self.shown(change, cgroup)
        except READ_FAULTS as unread:
            return self.settle(change, ChangeStatus.FAILED, f"it could not be read back ({unread})")
        if not agrees(change.after, shown):
            return self.settle(change, ChangeStatus.FAILED, f"the kernel shows {say_knobs(shown)} afterwards", shown)
        note = f"the runtime does not know of it yet ({fault})" if fault else ""
        return self.settle(change, ChangeStatus.APPLIED, note, shown)


def agrees(wanted: Knobs, shown: Knobs) -> bool:
    """Does ``shown`` have what ``wanted`` names, as the kernel rounds? The weight is not compared: runtimes
    turn shares into it by curves of their own."""
    return all(
        value_of(wanted, knob) is None or alike(knob, value_of(wanted, knob), value_of(shown, knob)) for knob in KNOBS
    )


def say_knobs(knobs: Knobs) -> str:
    """``0.50 cores, 64 MiB``; for a sentence."""
    parts = []
    for knob in KNOBS:
        value = value_of(knobs, knob)
        if value is not None:
            parts.append(f"unlimited {knob}" if isinstance(value, Unlimited) else say_value(knob, value))
    if knobs.cpu_weight is not None:
        parts.append(f"weight {knobs.cpu_weight}")
    return ", ".join(parts) or "nothing"
