"""One cgroup, read once a tick through descriptors that stay open."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias
from zlib import crc32

from collector.cgroupfs import files
from collector.cgroupfs.bounds import Faults, LimitReader
from collector.cgroupfs.files import CLOSED, Descriptors, Gone, Unreadable, Unsupported
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.parse import Fields, Parser
from collector.cgroupfs.plan import Plan
from collector.cgroupfs.source import Choice, Pace, Source
from model.errors import Malformed
from model.limits import Limits, Unlimited
from model.reading import CgroupReading, Interface

OPEN_TRIES = 3
NAMES = CgroupReading._fields
WHOLE_EVERY = 5
"""Reads after which everything is read again, also where nothing ran; of many cgroups a part at each tick."""
YOUNG_READS = 5
"""Reads during which missing files are looked for again: a runtime makes the directories one by one."""
File: TypeAlias = "tuple[Parser, int, int]"
"""Parser, descriptor, size: what the hot path needs of a source."""


class Opened:
    """A source whose file was found: kept open (``fd``), or only known by its path."""

    __slots__ = ("fd", "path", "rank", "source")

    def __init__(self, source: Source, rank: int, path: str, fd: int) -> None:
        self.source = source
        self.rank = rank
        self.path = path
        self.fd = fd


class CgroupReader:
    """Reads the counters and limits of one cgroup path. Used by the tick thread alone.

    ``inode`` names the cgroup that is being read: when the path was made again, it changes, and so do
    the readings. ``changed``: whether the last read found any other text than the read before.
    """

    # fmt: off
    __slots__ = (
        "_descriptors",
        "_fields",
        "_found",
        "_hierarchy",
        "_hot",
        "_limits",
        "_plan",
        "_read_faults",
        "_rest",
        "_rest_texts",
        "_settled",
        "_texts",
        "_throttled",
        "_turn",
        "_young",
        "cgroup",
        "changed",
        "inode",
    )
    # fmt: on

    def __init__(self, hierarchy: Hierarchy, plan: Plan, cgroup: str, descriptors: Descriptors) -> None:
        self.cgroup = cgroup
        self.inode = 0
        self.changed = True
        self._read_faults: Faults = ()
        self._limits = LimitReader(hierarchy, plan.limits, cgroup, descriptors)
        self._hierarchy = hierarchy
        self._plan = plan
        self._descriptors = descriptors
        self._found: dict[Choice, Opened] = {}
        self._hot: list[File] | None = []
        self._rest: list[File] = []
        self._texts: list[bytes | None] = []
        self._rest_texts: list[bytes | None] = []
        self._settled = False
        self._turn = crc32(cgroup.encode("utf-8", "surrogateescape"))
        self._fields = Fields(NAMES)
        self._throttled = True
        self._young = YOUNG_READS

    def open(self) -> None:
        """Find and open the files. Raises :class:`Gone` where there is no such cgroup."""
        for _ in range(OPEN_TRIES):
            self.close()
            inode = self._inode_now()
            if inode is None:
                raise Gone
            self.inode = inode
            self._look()
            if self._inode_now() == inode:
                return
        raise Gone  # made anew faster than it can be opened: the next tick sees what stays

    def close(self) -> None:
        """Let go of all files; a read opens them again."""
        for opened in self._found.values():
            self._drop(opened)
        self._found.clear()
        self._limits.close()
        self._arrange()
        self._fields = Fields(NAMES)
        self._throttled = True
        self._young = YOUNG_READS

    @property
    def faults(self) -> Faults:
        """(part, reason) of what is there and could not be read, at the last read and the last look at limits."""
        return self._read_faults + self._limits.faults

    def read(self, at_ns: int, interfaces: tuple[Interface, ...] | None = None) -> CgroupReading:
        """One reading; what the kernel does not offer is None. Raises :class:`Gone` when the cgroup is no more.

        ``interfaces`` were read by another reader and are filed with the rest; not across a change of the inode.
        """
        if self._young:
            self._young -= 1
            if not self._found and self._inode_now() != self.inode:
                self.open()  # it was let go of, and the path is another cgroup by now
            else:
                self._look()
        if self._hot:
            try:
                self._read_kept_open(self._hot)
            except (Gone, Unreadable, Malformed):
                pass
            else:
                self._read_faults = ()
                return self._made(at_ns, interfaces)
        self.changed = True
        return self._read_carefully(at_ns, interfaces)

    def limits(self, memory_total: int | None = None) -> Limits:
        """Limits now in force, as :meth:`LimitReader.read` has them."""
        limits = self._limits.read(memory_total)
        self._expect_throttling(not isinstance(limits.cpu_quota_us, Unlimited))
        return limits

    def _read_kept_open(self, hot: list[File]) -> None:
        """What can change by itself, and the rest only where that moved, or the rest did at its last read.

        A cgroup of which no process ran, whose memory and whose I/O stand still cannot fork, fault, be killed or
        begin to stall; a stall that goes on moves its pressure file at every read.
        """
        changed = files.read_into(hot, self._texts, self._fields)
        self._turn += 1
        if changed or not self._settled or self._turn % WHOLE_EVERY == 0:
            changed |= files.read_into(self._rest, self._rest_texts, self._fields)
            self._settled = not changed
        self.changed = changed

    def _read_carefully(self, at_ns: int, interfaces: tuple[Interface, ...] | None) -> CgroupReading:
        """File by file: one that cannot be read is a fault, and the others are read all the same."""
        inode = self.inode
        for attempt in range(2):
            if self._inode_now() != self.inode:
                self.open()
            fields, faults, lost = Fields(NAMES), [], False
            for opened in self._found.values():
                try:
                    self._take(opened, fields)
                except Gone:
                    lost = True
                except (Unreadable, Malformed) as fault:
                    faults.append((opened.source.part, str(fault)))
            if lost and attempt == 0:
                self.open()
                continue
            self._fields, self._texts = fields, [None] * len(self._texts)
            self._rest_texts, self._settled = [None] * len(self._rest_texts), False
            self._read_faults = tuple(faults)
            return self._made(at_ns, interfaces if self.inode == inode else None)
        raise Gone

    def _made(self, at_ns: int, interfaces: tuple[Interface, ...] | None) -> CgroupReading:
        """The fields as a reading: they stand in its order."""
        fields = self._fields
        fields["read_at_ns"], fields["inode"], fields["interfaces"] = at_ns, self.inode, interfaces
        return tuple.__new__(CgroupReading, fields.values())  # what _make does, without a call

    def _look(self) -> None:
        """Open what is not open yet, and a better choice where one has appeared."""
        for choice in self._plan.choices:
            opened = self._found.get(choice)
            for rank, source in enumerate(choice[: None if opened is None else opened.rank]):
                better = self._open(source, rank)
                if better is not None:
                    if opened is not None:
                        self._drop(opened)
                    self._found[choice] = better
                    break
        self._arrange()

    def _open(self, source: Source, rank: int) -> Opened | None:
        for name in source.files:
            path = self._path(source.controller, name)
            try:
                fd = files.open_file(path)
                if fd is None:
                    continue
                if not self._descriptors.take():
                    files.close_file(fd)
                    return Opened(source, rank, path, CLOSED)
                opened = Opened(source, rank, path, fd)
            except Unreadable:
                return Opened(source, rank, path, CLOSED)  # each read says why
            try:
                files.read_open(fd)
            except (Gone, Unsupported):
                self._drop(opened)
                continue
            except Unreadable:
                return opened
            return opened
        return None

    def _drop(self, opened: Opened) -> None:
        if opened.fd != CLOSED:
            files.close_file(opened.fd)
            self._descriptors.give()
            opened.fd = CLOSED

    def _arrange(self) -> None:
        """The lists of the hot path; None where a file is not kept open."""
        wanted = [o for o in self._found.values() if self._throttled or o.source.pace is not Pace.WITH_QUOTA]
        # without its CPU usage it cannot be told whether anything ran
        told = any(o.source.part == "cpu" and o.source.pace is Pace.TICK for o in wanted)
        hot: list[File] = []
        rest: list[File] = []
        for o in wanted:
            (rest if told and o.source.pace is Pace.AFTER_WORK else hot).append((o.source.parse, o.fd, o.source.size))
        self._hot, self._rest = None if any(o.fd == CLOSED for o in wanted) else hot, rest
        self._texts, self._rest_texts = [None] * len(hot), [None] * len(rest)
        self._settled = False

    def _expect_throttling(self, expected: bool) -> None:
        """Without a quota the throttling counters stand still: they are read once more, and then no longer."""
        if expected == self._throttled:
            return
        self._throttled = expected
        for opened in self._found.values():
            if opened.source.pace is Pace.WITH_QUOTA and not expected:
                # what cannot be read now is a fault of the next careful read, or the end of the cgroup
                with suppress(Gone, Unreadable, Malformed):
                    self._take(opened, self._fields)
        self._arrange()

    def _take(self, opened: Opened, fields: Fields) -> None:
        """One file, whether it is kept open or not. Raises Gone, Unreadable and Malformed."""
        text = files.read_open(opened.fd) if opened.fd != CLOSED else files.read_once(opened.path)
        if text is not None:
            opened.source.parse(text, fields)

    def _inode_now(self) -> int | None:
        return files.inode_of(self._path(self._hierarchy.primary, ""))

    def _path(self, controller: str, name: str) -> str:
        return self._hierarchy.path(controller, self.cgroup, name)
