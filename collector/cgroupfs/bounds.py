"""The limits of one cgroup, read now and then: its files are kept open only where there is room for it."""

from __future__ import annotations

from collections.abc import Sequence

from collector.cgroupfs import files
from collector.cgroupfs.files import CLOSED, Descriptors, Gone, Unreadable, Unsupported
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.parse import Fields
from collector.cgroupfs.source import Source
from model.errors import Malformed
from model.limits import UNLIMITED, Limits, Unlimited, bounded

Faults = tuple[tuple[str, str], ...]
"""(part, reason) of what is there and could not be read."""


class LimitReader:
    """Reads the limits that are in force on one cgroup path. ``faults``: of the last read. Tick thread alone."""

    __slots__ = ("_cgroup", "_descriptors", "_hierarchy", "_kept", "_latest", "_made_of", "_sources", "faults")

    def __init__(self, hierarchy: Hierarchy, sources: Sequence[Source], cgroup: str, descriptors: Descriptors) -> None:
        self.faults: Faults = ()
        self._hierarchy, self._sources, self._cgroup, self._descriptors = hierarchy, sources, cgroup, descriptors
        self._kept = [CLOSED] * len(sources)
        self._latest = Limits()
        self._made_of: tuple[list[bytes | None], int | None] | None = None
        """Texts and memory of the host that the latest limits were told from; None: to be told anew."""

    def read(self, memory_total: int | None) -> Limits:
        """Limits now in force; the same object as before where the kernel's texts are the same. One at or above
        ``memory_total`` (bytes of RAM) bounds nothing: unlimited."""
        self.faults = ()
        made_of = [self._text(i, source) for i, source in enumerate(self._sources)], memory_total
        if self.faults or made_of != self._made_of:
            self._latest = self._parsed(*made_of)
            self._made_of = None if self.faults else made_of
        return self._latest

    def close(self) -> None:
        """Let go of all files; a read opens them again."""
        for place, fd in enumerate(self._kept):
            if fd != CLOSED:
                self._let_go(place)
        self._made_of = None

    def _parsed(self, texts: Sequence[bytes | None], memory_total: int | None) -> Limits:
        fields = Fields()
        for source, text in zip(self._sources, texts, strict=True):
            if text is not None:
                try:
                    source.parse(text, fields)
                except Malformed as fault:
                    self.faults += ((source.part, str(fault)),)
        quota, period = fields.get("cpu_quota_us"), fields.get("cpu_period_us")
        if isinstance(quota, Unlimited):
            fields["cpu_cores"] = UNLIMITED
        elif quota is not None and period:
            fields["cpu_cores"] = quota / period
        for name in ("memory_bytes", "memory_high_bytes"):
            value = bounded(fields.get(name))
            if value is not None and memory_total and value >= memory_total:
                fields[name] = UNLIMITED
        return Limits(**fields)

    def _text(self, place: int, source: Source) -> bytes | None:
        """From a file that stays open where there is room for it: opening costs many times what reading does."""
        fd = self._kept[place]
        if fd == CLOSED and self._descriptors.take_spare():
            fd = self._kept[place] = self._opened(source)
        if fd == CLOSED:
            return self._text_once(source)
        try:
            return files.read_open(fd)
        except (Gone, Unreadable):
            self._let_go(place)
            return self._text_once(source)

    def _opened(self, source: Source) -> int:
        """Open the first of the source's files that is there, with the descriptor taken; CLOSED where none is."""
        for name in source.files:
            try:
                fd = files.open_file(self._hierarchy.path(source.controller, self._cgroup, name))
            except Unreadable:
                break
            if fd is not None:
                return fd
        self._descriptors.give()
        return CLOSED

    def _let_go(self, place: int) -> None:
        fd, self._kept[place] = self._kept[place], CLOSED
        self._descriptors.give()
        files.close_file(fd)

    def _text_once(self, source: Source) -> bytes | None:
        """None where it is missing or cannot be read (then a fault is noted)."""
        for name in source.files:
            try:
                text = files.read_once(self._hierarchy.path(source.controller, self._cgroup, name))
            except Unsupported:
                continue
            except Unreadable as fault:
                self.faults += ((source.part, str(fault)),)
                return None
            if text is not None:
                return text
        return None
