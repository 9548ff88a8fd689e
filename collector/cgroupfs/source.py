"""One row a kernel file: which tree it is in, what it is called, how it is read, how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from collector.cgroupfs.parse import Parser

LONG = 8_192
"""Bytes of one read: more than the longest of these files (``memory.stat``) has."""
MIDDLE = 448
"""Enough for the files of a few lines, and small enough for the same; a text that fills it is read again, whole."""
SHORT = 128
"""Enough for one number; a buffer this small costs no trip to the system's allocator."""


class Pace(Enum):
    """When a file can have changed."""

    TICK = "tick"
    WITH_QUOTA = "with_quota"
    """Only while the cgroup has a CPU quota: without one its counters stand still."""
    AFTER_WORK = "after_work"
    """Only when a process of the cgroup ran, its memory moved or its I/O went on, all of which the files of pace TICK
    tell, or while it still moves: else it is read at every fifth tick."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of one cgroup. ``files``: names to try, the first that exists is read.

    ``part``: what is missing when it cannot be read (the part of a Gap). ``controller``: a v1
    controller or ``unified``.
    """

    part: str
    controller: str
    files: tuple[str, ...]
    parse: Parser
    pace: Pace = Pace.TICK
    size: int = LONG


Choice = tuple[Source, ...]
"""Sources of the same facts, the best first; the first whose file is there is used."""
