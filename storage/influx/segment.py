"""One file of the spool: records of gzip-packed lines, each with its own checksum.

A record is ``magic, length, lines, crc32`` (16 bytes, little endian) and ``length`` bytes: one gzip member.
Members stand alone and may be joined (RFC 1952 §2.2), so that a batch is sent as it lies on the disk.
What does not check out is stepped over up to the next record that does: a torn end costs only itself.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MAGIC: Final = b"WHS1"
HEADER: Final = struct.Struct("<4sIII")
LEVEL: Final = 1
"""Level 6 halves the speed for a fifth of the size; level 9 costs nine times level 1."""
SUFFIX: Final = ".spool"


@dataclass(slots=True)
class Segment:
    """A file of the spool: how long it is, and how much of it the server has."""

    number: int
    path: Path
    size: int = 0
    acknowledged: int = 0

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


def pack(text: bytes) -> bytes:
    """One gzip member without a time stamp: the same lines are the same bytes."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    return deflate.compress(text) + deflate.flush()


def unpack(member: bytes) -> bytes:
    """The text of one gzip member; raises :class:`zlib.error` where it is damaged."""
    return zlib.decompress(member, 31)


def encode(packed: bytes, count: int) -> bytes:
    """Header and body of one record."""
    return HEADER.pack(MAGIC, len(packed), count, _checksum(packed, count)) + packed


def read(fd: int, start: int, end: int) -> Record | None:
    """The record at ``start``; None where there is no whole and sound one before ``end``."""
    head = os.pread(fd, HEADER.size, start)
    if len(head) < HEADER.size:
        return None
    magic, length, count, checksum = HEADER.unpack(head)
    behind = start + HEADER.size + length
    if magic != MAGIC or behind > end:
        return None
    packed = os.pread(fd, length, start + HEADER.size)
    if len(packed) < length or _checksum(packed, count) != checksum:
        return None
    return Record(packed, count, behind)


def next_sound(fd: int, start: int, end: int) -> int:
    """Offset of the first sound record behind ``start``; ``end`` when there is none."""
    data = os.pread(fd, end - start, start)
    at = data.find(MAGIC, 1)
    while at >= 0:
        if read(fd, start + at, end) is not None:
            return start + at
        at = data.find(MAGIC, at + 1)
    return end


def read_batch(path: Path, start: int, end: int, max_lines: int) -> tuple[tuple[Record, ...], int, int]:
    """(records, offset behind them, damaged bytes stepped over), beginning at ``start``.

    At least one record, where there is one, and as many as stay within ``max_lines``. Raises OSError.
    """
    records: list[Record] = []
    lines, at, damaged = 0, start, 0
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while at < end:
            record = read(fd, at, end)
            if record is None:
                sound = next_sound(fd, at, end)
                damaged += sound - at
                at = sound
                continue
            if records and lines + record.count > max_lines:
                break
            records.append(record)
            lines += record.count
            at = record.end
    finally:
        os.close(fd)
    return tuple(records), at, damaged


def _checksum(packed: bytes, count: int) -> int:
    return zlib.crc32(packed, count)


def sync(fds: Iterable[int], folder: Path) -> None:
    """Bring what was written to the disk, and close the descriptors."""
    for fd in fds:
        try:
            os.fsync(fd)
        except OSError as error:
            log.warning("spool %s: %s; check the disk", folder, error.strerror)
        os.close(fd)
