"""Roll-ups that are still open, kept beside the spool: a restart in the middle of an hour splits no hour.

Written every five minutes and at the end. After a kill -9 the roll-ups lack what came since it was written, where it
is lost what the open hour had; the seconds themselves are never in it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storage.influx.rollups import Ladder, Part

log = logging.getLogger(__name__)

Saved = dict[str, tuple[str, int, int, int, list[Part]]]


class Unfinished:
    """A msgpack file, container id → open buckets; replaced whole, removed when there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Ladder]:
        """Empty where the file is not there or not whole."""
        try:
            found = msgspec.msgpack.decode(self._path.read_bytes(), type=Saved)
        except (OSError, ValueError, msgspec.MsgspecError):
            return {}
        return {name: Ladder.restored(*row) for name, row in found.items() if all(map(_whole, row[4]))}

    def write(self, saved: Mapping[str, list[Any]]) -> None:
        try:
            if not saved:
                self._path.unlink(missing_ok=True)
                return
            new = self._path.with_suffix(".new")
            new.write_bytes(msgspec.msgpack.encode(saved))
            new.replace(self._path)
        except OSError as error:
            log.debug("spool: open roll-ups not noted (%s); a restart splits their buckets", error.strerror)


def _whole(part: Part) -> bool:
    lists = (part.counts, part.sums, part.lows, part.highs)
    return bool(part.names) and all(len(numbers) == len(part.names) for numbers in lists)
