"""Dead letters: lines that the server will never take, kept for a look, bounded in size."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FILE_NAME: Final = "dead_letters.lp"
FILE_BYTES: Final = 4 * 1024 * 1024
TAIL_BYTES: Final = 256 * 1024

log = logging.getLogger(__name__)


class DeadLetters:
    """A text file of line protocol with a comment line of time and reason above each group.

    At 4 MiB it becomes ``….1.lp``, which replaces the one before: never more than twice that on the disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> str:
        """Time and reason of the newest group; empty where there are none. Raises OSError."""
        if not self._path.exists():
            return ""
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - TAIL_BYTES))
            notes = [line for line in file.read().splitlines() if line.startswith(b"# ")]
        return notes[-1][2:].decode("utf-8", "replace") if notes else "some lines"

    def bury(self, lines: bytes, reason: str) -> None:
        """Keep the lines; a disk that takes them no more is said in the log and harms nobody."""
        why = " ".join(reason.split())[:500]
        entry = f"# {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {why}\n".encode() + lines[:FILE_BYTES].rstrip(b"\n") + b"\n"
        try:
            if self._path.exists() and self._path.stat().st_size + len(entry) > FILE_BYTES:
                self._path.replace(self._path.with_suffix(".1.lp"))
            with self._path.open("ab") as file:
                file.write(entry)
        except OSError as error:
            log.warning("spool: dead letters can't be kept (%s); make room below %s", error.strerror, self._path.parent)
