"""One file of the spool: records of gzip-packed lines, each with its own checksum.

A record is ``magic, length, lines, crc32`` (16 bytes, little endian) and ``length`` bytes: one gzip member.
Members stand alone and may be joined (RFC 1952 §2.2), so that a batch is sent as it lies on the disk.
What does not check out is stepped over up to the next record that does: a torn end costs only itself.
"""

from __future__ import annotations

import errno
import gzip
import logging
import os
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MAGIC: Final = b"WHS1"
HEADER: Final = struct.Struct("<4sIII")
LEVEL: Final = 1
"""Level 6 halves the speed for a fifth of the size; level 9 costs nine times level 1."""
SUFFIX: Final = ".spool"
READ_BYTES: Final = 2 * 1024 * 1024
"""Of one reading: more than a batch of 5,000 lines mostly takes."""


@dataclass(slots=True)
class Segment:
    """A file of the spool: how long it is, and how much of it the server has."""

    number: int
    path: Path
    size: int = 0
    acknowledged: int = 0
    tight: bool = False
    """Packed again since it was closed, or not to be tried again."""

    @property
    def waiting(self) -> int:
        return self.size - self.acknowledged


@dataclass(frozen=True, slots=True)
class Record:
    """``packed``: one gzip member that holds ``count`` lines, each with its line end; ``end``: offset behind it."""

    packed: bytes
    count: int
    end: int


def file_name(number: int) -> str:
    return f"{number:012d}{SUFFIX}"


def number_of(path: Path) -> int | None:
    """Segment number of a file; None when the file is none of ours."""
    stem = path.name.removesuffix(SUFFIX)
    return int(stem) if path.name != stem and stem.isascii() and stem.isdigit() else None


def pack(text: bytes, level: int = LEVEL) -> bytes:
    """One gzip member without a time stamp: the same lines are the same bytes."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, 31)
    return deflate.compress(text) + deflate.flush()


def unpack(members: bytes) -> bytes:
    """The text of gzip members, joined. They are what :func:`pack` made: each record's checksum has said so."""
    return gzip.decompress(members)


def encode(packed: bytes, count: int) -> bytes:
    """Header and body of one record."""
    return HEADER.pack(MAGIC, len(packed), count, _checksum(packed, count)) + packed


def read(data: bytes, at: int) -> Record | None:
    """The record at ``at``; None where there is no whole and sound one."""
    if at + HEADER.size > len(data):
        return None
    magic, length, count, checksum = HEADER.unpack_from(data, at)
    end = at + HEADER.size + length
    if magic != MAGIC or end > len(data):
        return None
    packed = data[at + HEADER.size : end]
    return Record(packed, count, end) if _checksum(packed, count) == checksum else None


def next_sound(data: bytes, at: int) -> int:
    """Offset of the first sound record behind ``at``; the end when there is none."""
    found = data.find(MAGIC, at + 1)
    while found >= 0:
        if read(data, found) is not None:
            return found
        found = data.find(MAGIC, found + 1)
    return len(data)


def read_batch(path: Path, start: int, end: int, max_lines: int) -> tuple[tuple[Record, ...], int, int]:
    """(records, offset behind them, damaged bytes stepped over), beginning at ``start``. Raises OSError.

    At least one record, where there is one before ``end``, and as many as stay within ``max_lines`` and one reading.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(fd, min(READ_BYTES, end - start), start)
        records, behind = _sound(data, max_lines)
        damaged = 0
        if not records:  # damage, or a record larger than one reading
            data = os.pread(fd, end - start, start)
            damaged = 0 if read(data, 0) is not None else next_sound(data, 0)
            records, behind = _sound(data, max_lines, damaged)
        return records, start + behind if records else end, damaged
    finally:
        os.close(fd)


def count_lines(path: Path, start: int, end: int) -> int:
    """Lines of all sound records between the two offsets. Raises OSError."""
    at, count = start, 0
    while at < end:
        records, at, _ = read_batch(path, at, end, sys.maxsize)
        count += sum(record.count for record in records)
    return count


def _sound(data: bytes, max_lines: int, at: int = 0) -> tuple[tuple[Record, ...], int]:
    """The sound records that stand without a gap from ``at`` on, and the offset behind the last."""
    records: list[Record] = []
    lines = 0
    while (record := read(data, at)) is not None:
        lines += record.count
        if records and lines > max_lines:
            break
        records.append(record)
        at = record.end
    return tuple(records), at


def _checksum(packed: bytes, count: int) -> int:
    return zlib.crc32(packed, count)


def write(fd: int, blob: bytes, size: int) -> None:
    """Append to a segment of ``size`` bytes in one write: all of it, or nothing. Raises OSError."""
    try:
        if os.write(fd, blob) < len(blob):
            raise OSError(errno.ENOSPC, "no space left on the device")
    except OSError:
        os.ftruncate(fd, size)
        raise


def sync(fds: list[int], folder: Path) -> None:
    """Bring what was written to the disk, and the folder's names; the descriptors are closed."""
    try:
        fds.append(os.open(folder, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        log.warning("spool %s: %s", folder, error.strerror)
    for fd in fds:
        try:
            os.fsync(fd)
        except OSError as error:
            log.warning("spool %s: %s; check the disk", folder, error.strerror)
        os.close(fd)
