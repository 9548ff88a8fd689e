"""Kept-open descriptors of kernel files; here every OSError of theirs ends.

A descriptor of a removed cgroup answers ENODEV, also after the same path was made again: what is open is
the cgroup that was, never the one that is.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Sequence

from collector.cgroupfs.parse import Fields, Parser
from collector.cgroupfs.source import LONG

GONE = (errno.ENODEV, errno.ENOENT, errno.ESRCH)
"""What the kernel says of a cgroup or a process that is no more."""
RESERVED_DESCRIPTORS = 256
"""Left for databases, sockets and the rest of the process."""
MAX_KEPT_OPEN = 65_536
CLOSED = -1
"""In the place of a descriptor."""
WHOLE_SIZE = 8 << 20
"""Bound on the long texts."""
SIZE = LONG


class Gone(Exception):
    """The cgroup or process behind a file is no more. Stays inside this room."""


class Unreadable(Exception):
    """A file is there and cannot be read; the text says why. Stays inside this room."""


class Descriptors:
    """How many files may be kept open; the rest are opened, read and closed at each tick.

    Counts only; used by the tick thread alone.
    """

    __slots__ = ("free", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free = limit

    def take(self) -> bool:
        if self.free <= 0:
            return False
        self.free -= 1
        return True

    def take_spare(self) -> bool:
        """One for a file that is not read at each tick: three of four are left to those that are."""
        return self.free > self.limit * 3 // 4 and self.take()

    def give(self) -> None:
        self.free += 1

    @property
    def used(self) -> int:
        return self.limit - self.free


class Unsupported(Unreadable):
    """The file is there, and the kernel has the thing behind it switched off."""


def descriptor_budget() -> int:
    """Files that may be kept open under the process's RLIMIT_NOFILE, reserve kept."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_KEPT_OPEN
    return max(0, min(MAX_KEPT_OPEN, soft - RESERVED_DESCRIPTORS))


def why(error: OSError) -> str:
    """An OSError in words, with the remedy where there is one."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to read {error.filename or 'it'}: run as root, or with CAP_DAC_READ_SEARCH"
    if error.errno == errno.EMFILE:
        return "too many open files: raise LimitNOFILE"
    return f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"


def open_file(path: str) -> int | None:
    """A read-only descriptor; None where there is no such file.

    Raises :class:`Unreadable` where there is one that may not be opened.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in GONE or error.errno == errno.ENOTDIR:
            return None
        raise Unreadable(why(error)) from None


def close_file(fd: int) -> None:
    """Close; a descriptor whose file went away closes all the same."""
    try:
        os.close(fd)
    except OSError as error:
        raise Unreadable(why(error)) from None


def read_open(fd: int, size: int = SIZE) -> bytes:
    """The text of an open file from its start. Raises :class:`Gone` or :class:`Unreadable`."""
    try:
        return os.pread(fd, size, 0)
    except OSError as error:
        raise translated(error) from None


def read_into(opened: Sequence[tuple[Parser, int, int]], texts: list[bytes | None], fields: Fields) -> bool:
    """The hot path: read every open file (``opened``: its parser, descriptor and size), parse those whose text is
    another than at the read before (``texts``, one a file). False when none was. Stops at the first that cannot be
    read or parsed: :class:`Gone`, :class:`Unreadable`, :class:`model.errors.Malformed`; ``fields`` is then of no use
    any more."""
    pread = os.pread
    try:
        i, changed = 0, False
        for parse, fd, size in opened:
            text = pread(fd, size, 0)
            if text != texts[i]:
                if len(text) == size:
                    text = pread(fd, LONG, 0)
                parse(text, fields)
                texts[i], changed = text, True
            i += 1  # noqa: SIM113 - half the price of enumerate
    except OSError as error:
        raise translated(error) from None
    return changed


def translated(error: OSError) -> Gone | Unreadable:
    if error.errno in GONE:
        return Gone()
    if error.errno == errno.EOPNOTSUPP:
        return Unsupported("switched off in the kernel")
    return Unreadable(why(error))


def read_once(path: str, size: int = SIZE) -> bytes | None:
    """Open, read (up to ``size`` bytes), close. None where there is no such file."""
    fd = open_file(path)
    if fd is None:
        return None
    try:
        return os.pread(fd, size, 0)
    except OSError as error:
        fault = translated(error)
        if isinstance(fault, Gone):
            return None
        raise fault from None
    finally:
        close_file(fd)


def read_whole(fd: int) -> bytes:
    """All of a file of many records (mountinfo, net/dev), of which one read gives about a page (seq_file)."""
    parts, offset = [], 0
    while offset < WHOLE_SIZE:
        try:
            part = os.pread(fd, SIZE, offset)
        except OSError as error:
            raise translated(error) from None
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def read_text(path: str) -> str | None:
    """A longer text; None where it is missing or cannot be read."""
    try:
        fd = open_file(path)
    except Unreadable:
        return None
    if fd is None:
        return None
    try:
        return read_whole(fd).decode("utf-8", "surrogateescape")
    except (Gone, Unreadable):
        return None
    finally:
        close_file(fd)


def inode_of(path: str) -> int | None:
    """Inode of a directory or a namespace link; None where it is gone or may not be looked at."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - hot path, no Path object
    except OSError:
        return None


def changed_ms(path: str) -> int | None:
    """When a file was last written, ms since the epoch; None where it is gone or may not be looked at."""
    try:
        return os.stat(path).st_mtime_ns // 1_000_000  # noqa: PTH116 - as above
    except OSError:
        return None


def subfolders(folder: str) -> list[str] | None:
    """Names of sub-directories; None where the folder is gone or may not be listed."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return None


def names(folder: str) -> list[str]:
    """Names in a directory; none where it cannot be listed."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names, no Path objects
    except OSError:
        return []


def links(folder: str) -> int | None:
    """Link count of a directory; None where it is gone."""
    try:
        return os.stat(folder).st_nlink  # noqa: PTH116 - each tick, no Path object
    except OSError:
        return None


def populated(folder: str) -> bool:
    """Whether a cgroup holds processes itself."""
    try:
        fd = os.open(f"{folder}/cgroup.procs", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return bool(os.read(fd, 1))
    except OSError as error:
        # a threaded cgroup lists its tasks elsewhere; it has some
        return error.errno == errno.EOPNOTSUPP
    finally:
        os.close(fd)
