"""How far segments that are sent in part were sent. A lost or stale note costs nothing: lines are sent again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)


class Progress:
    """A small JSON file, segment number → acknowledged bytes; replaced whole, removed when there is nothing to say."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[int, int]:
        """Empty where the file is not there or not whole."""
        try:
            found = json.loads(self._path.read_text())
            return {int(number): max(0, int(offset)) for number, offset in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write(self, progress: Mapping[int, int]) -> None:
        try:
            if not progress:
                self._path.unlink(missing_ok=True)
                return
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(progress))
            new.replace(self._path)
        except OSError as error:
            log.debug("spool: progress not noted (%s); after a restart some lines are sent twice", error.strerror)
