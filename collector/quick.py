"""Memory usage alone, many times a second: on cgroup v1 nothing tells of a shortage before it is there."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from collector.cgroupfs import files
from collector.cgroupfs.files import Gone, Unreadable
from collector.cgroupfs.parse import number
from collector.cgroupfs.source import SHORT
from model.errors import Malformed

MOST = 256
"""Files kept open for it; the containers above that number are not looked at."""


class QuickLook:
    """Keeps ``memory.usage_in_bytes`` of a few containers open, apart from the tick's files. Any one thread."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, int]] = {}
        self._turn = threading.Lock()

    def look(self, folder: str, paths: Mapping[str, str]) -> dict[str, int]:
        """Bytes in use by container. ``folder``: the memory controller's tree; ``paths``: cgroups below it."""
        found: dict[str, int] = {}
        with self._turn:
            opened = self._open
            if opened.keys() - paths.keys():
                for key in [key for key in opened if key not in paths]:
                    self._forget(key)
            for key, path in paths.items():
                at = opened.get(key)
                if at is None or at[0] != path:
                    at = self._opened(folder, key, path)
                if at is not None:
                    try:
                        found[key] = number(files.read_open(at[1], SHORT))
                    except Gone:
                        self._forget(key)  # made anew: found at the next look
                    except (Unreadable, Malformed):
                        continue
        return found

    def close(self) -> None:
        with self._turn:
            for key in list(self._open):
                self._forget(key)

    def _opened(self, folder: str, key: str, path: str) -> tuple[str, int] | None:
        """Opened now; None when it is gone, may not be read, or there are too many."""
        if key in self._open:
            self._forget(key)
        if len(self._open) >= MOST:
            return None
        try:
            fd = files.open_file(f"{folder}{path}/memory.usage_in_bytes")
        except Unreadable:
            return None
        if fd is None:
            return None
        self._open[key] = (path, fd)
        return self._open[key]

    def _forget(self, key: str) -> None:
        _, fd = self._open.pop(key)
        files.close_file(fd)
