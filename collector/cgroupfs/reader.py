"""One cgroup, read once a tick through descriptors that stay open."""

from __future__ import annotations

from collector.cgroupfs import files
from collector.cgroupfs.files import CLOSED, Descriptors, Gone, Unreadable, Unsupported
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.parse import Fields, Parser
from collector.cgroupfs.plan import Plan
from collector.cgroupfs.source import Choice, Pace, Source
from model.errors import Malformed
from model.limits import UNLIMITED, Limits, Unlimited, bounded
from model.reading import CgroupReading, Interface

OPEN_TRIES = 3
NAMES = CgroupReading._fields
YOUNG_READS = 5
"""Reads during which missing files are looked for again: a runtime makes the directories one by one."""


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
        "_kept",
        "_limit_faults",
        "_plan",
        "_read_faults",
        "_texts",
        "_throttled",
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
        self._read_faults: tuple[tuple[str, str], ...] = ()
        self._limit_faults: tuple[tuple[str, str], ...] = ()
        self._hierarchy = hierarchy
        self._plan = plan
        self._descriptors = descriptors
        self._found: dict[Choice, Opened] = {}
        self._hot: list[tuple[Parser, int, int]] | None = []
        self._kept: dict[Source, int] = {}
        self._texts: list[bytes | None] = []
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
        for source in list(self._kept):
            self._let_go(source)
        self._arrange()
        self._fields = Fields(NAMES)
        self._throttled = True
        self._young = YOUNG_READS

    @property
    def faults(self) -> tuple[tuple[str, str], ...]:
        """(part, reason) of what is there and could not be read, at the last read and the last look at limits."""
        return self._read_faults + self._limit_faults

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
                self.changed = files.read_into(self._hot, self._texts, self._fields)
            except (Gone, Unreadable, Malformed):
                pass
            else:
                self._read_faults = ()
                return self._made(at_ns, interfaces)
        self.changed = True
        return self._read_carefully(at_ns, interfaces)

    def limits(self, memory_total: int | None = None) -> Limits:
        """Limits now in force. One at or above ``memory_total`` (bytes of RAM) bounds nothing: unlimited."""
        fields = Fields()
        self._limit_faults = ()
        for source in self._plan.limits:
            text = self._limit_text(source)
            if text is not None:
                try:
                    source.parse(text, fields)
                except Malformed as fault:
                    self._limit_faults += ((source.part, str(fault)),)
        quota, period = fields.get("cpu_quota_us"), fields.get("cpu_period_us")
        if isinstance(quota, Unlimited):
            fields["cpu_cores"] = UNLIMITED
        elif quota is not None and period:
            fields["cpu_cores"] = quota / period
        for name in ("memory_bytes", "memory_high_bytes"):
            value = bounded(fields.get(name))
            if value is not None and memory_total and value >= memory_total:
                fields[name] = UNLIMITED
        self._expect_throttling(not isinstance(quota, Unlimited))
        return Limits(**fields)

    def _read_carefully(self, at_ns: int, interfaces: tuple[Interface, ...] | None) -> CgroupReading:
        """File by file: one that cannot be read is a fault, and the others are read all the same."""
        inode = self.inode
        for attempt in range(2):
            if self._inode_now() != self.inode:
                self.open()
            fields, faults, lost = Fields(NAMES), [], False
            for opened in self._found.values():
                try:
                    text = files.read_open(opened.fd) if opened.fd != CLOSED else files.read_once(opened.path)
                    if text is not None:
                        opened.source.parse(text, fields)
                except Gone:
                    lost = True
                except (Unreadable, Malformed) as fault:
                    faults.append((opened.source.part, str(fault)))
            if lost and attempt == 0:
                self.open()
                continue
            self._fields, self._texts = fields, [None] * len(self._texts)
            self._read_faults = tuple(faults)
            return self._made(at_ns, interfaces if self.inode == inode else None)
        raise Gone

    def _made(self, at_ns: int, interfaces: tuple[Interface, ...] | None) -> CgroupReading:
        """The fields as a reading: they stand in its order."""
        fields = self._fields
        fields["read_at_ns"], fields["inode"], fields["interfaces"] = at_ns, self.inode, interfaces
        return CgroupReading._make(fields.values())

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
        """The list of the hot path; None where a file is not kept open."""
        wanted = [o for o in self._found.values() if self._throttled or o.source.pace is not Pace.WITH_QUOTA]
        self._hot = (
            None if any(o.fd == CLOSED for o in wanted) else [(o.source.parse, o.fd, o.source.size) for o in wanted]
        )
        self._texts = [None] * len(wanted)

    def _expect_throttling(self, expected: bool) -> None:
        """Without a quota the throttling counters stand still: they are read once more, and then no longer."""
        if expected == self._throttled:
            return
        self._throttled = expected
        for opened in self._found.values():
            if opened.source.pace is Pace.WITH_QUOTA and not expected:
                text = self._text(opened.source)
                if text is not None:
                    try:
                        opened.source.parse(text, self._fields)
                    except Malformed as fault:
                        self._limit_faults += ((opened.source.part, str(fault)),)
        self._arrange()

    def _limit_text(self, source: Source) -> bytes | None:
        """From a file that stays open where there is room for it: opening costs many times what reading does."""
        fd = self._kept.get(source, CLOSED)
        if fd == CLOSED and self._descriptors.take_spare():
            fd = self._keep(source)
        if fd == CLOSED:
            return self._text(source)
        try:
            return files.read_open(fd)
        except (Gone, Unreadable):
            self._let_go(source)
            return self._text(source)

    def _keep(self, source: Source) -> int:
        """Open the first of the source's files that is there, with the descriptor taken; CLOSED where none is."""
        for name in source.files:
            try:
                fd = files.open_file(self._path(source.controller, name))
            except Unreadable:
                break
            if fd is not None:
                self._kept[source] = fd
                return fd
        self._descriptors.give()
        return CLOSED

    def _let_go(self, source: Source) -> None:
        files.close_file(self._kept.pop(source))
        self._descriptors.give()

    def _text(self, source: Source) -> bytes | None:
        """Text of a source read once; None where it is missing or cannot be read (then a fault is noted)."""
        for name in source.files:
            try:
                text = files.read_once(self._path(source.controller, name))
            except Unsupported:
                continue
            except Unreadable as fault:
                self._limit_faults += ((source.part, str(fault)),)
                return None
            if text is not None:
                return text
        return None

    def _inode_now(self) -> int | None:
        return files.inode_of(self._path(self._hierarchy.primary, ""))

    def _path(self, controller: str, name: str) -> str:
        root = self._hierarchy.root(controller)
        return f"{root}{self.cgroup if self.cgroup != '/' else ''}/{name}"
