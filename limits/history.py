"""What the journal says about a container: what we wrote last, and what the owner's own limit is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from limits.track import FIELD_OF, Value, alike
from model.change import Change, ChangeStatus, Knobs, Original
from model.limits import UNLIMITED

WRITTEN: Final = (ChangeStatus.APPLIED, ChangeStatus.REVERTED)
BACK: Final = ("undo", "revert")
"""Rules whose changes put something back."""


def value_of(knobs: Knobs, knob: str) -> Value:
    """Value of ``cpu`` or ``memory``; None where the change does not touch it."""
    field = FIELD_OF[knob]
    value = getattr(knobs, field)
    if value is not None:
        return float(value)
    return UNLIMITED if field in knobs.unlimited else None


def touching(rows: Sequence[Change], knob: str) -> list[Change]:
    """Of ``rows`` (newest first) those that were written and touch the knob."""
    return [row for row in rows if row.status in WRITTEN and value_of(row.after, knob) is not None]


def last_written(rows: Sequence[Change], knob: str) -> Value:
    """What we wrote last, None if nothing."""
    found = touching(rows, knob)
    return value_of(found[0].after, knob) if found else None


def ever_ours(rows: Sequence[Change], original: Original | None, knob: str, value: Value) -> bool:
    """Is it one of the values that we wrote or found lately, or the original? The runtime may still have an
    older one saved, since it follows the kernel once a minute."""
    known = [side for row in touching(rows, knob) for side in (value_of(row.after, knob), value_of(row.before, knob))]
    if original is not None:
        known.append(value_of(original.knobs, knob))
    return any(alike(knob, value, one) for one in known)


def floor_of(rows: Sequence[Change], original: Original | None, knob: str, seen: Value) -> Value:
    """The owner's own limit: what a person set last and nobody undid, else the original, else what is seen."""
    for row in touching(rows, knob):
        if row.rule == "manual" and row.status is ChangeStatus.APPLIED:
            if original is None or row.at_ms >= original.at_ms:
                return value_of(row.after, knob)
            break
    if original is not None and value_of(original.knobs, knob) is not None:
        return value_of(original.knobs, knob)
    return seen


def standing(rows: Sequence[Change]) -> list[Change]:
    """Changes that an undo would take back, newest first."""
    return [row for row in rows if row.status is ChangeStatus.APPLIED and row.rule not in BACK]


def union(rows: Sequence[Change], original: Knobs) -> Knobs:
    """The original's values of every knob that one of ``rows`` touched."""
    fields = {name for row in rows for name in _named(row.after)}
    return Knobs(
        cpu_cores=original.cpu_cores if "cpu_cores" in fields else None,
        memory_bytes=original.memory_bytes if "memory_bytes" in fields else None,
        cpu_weight=(original.cpu_weight or 100) if "cpu_weight" in fields else None,
        unlimited=tuple(name for name in original.unlimited if name in fields),
    )


def share_a_knob(one: Change, other: Change) -> bool:
    return bool(_named(one.after) & _named(other.after))


def _named(knobs: Knobs) -> set[str]:
    named = {name for name in ("cpu_cores", "memory_bytes", "cpu_weight") if getattr(knobs, name) is not None}
    return named | set(knobs.unlimited)
