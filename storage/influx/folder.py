"""The spool's folder: made, locked against a second agent, and listed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from model.errors import StoreError
from storage.influx.segment import Segment, number_of
from storage.influx.tighten import clear


def claim(folder: Path) -> tuple[int, list[Segment]]:
    """(descriptor that holds the lock, segments by number). Raises StoreError."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(folder)
            found = sorted((n, p) for p in folder.iterdir() if (n := number_of(p)) is not None)
            return fd, [Segment(number, path, path.stat().st_size) for number, path in found]
        except OSError:
            os.close(fd)
            raise
    except BlockingIOError as error:
        raise StoreError(f"spool {folder}: another agent uses it; stop that one or set another data_dir") from error
    except OSError as error:
        raise StoreError(f"spool {folder}: {error.strerror}; make the folder writable for the agent") from error
