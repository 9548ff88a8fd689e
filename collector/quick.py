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
            for key in [key for key, (path, _) in self._open.items() if paths.get(key) != path]:
                self._forget(key)
            for key, path in paths.items():
                used = self._read(folder, key, path)
                if used is not None:
                    found[key] = used
        return found

    def close(self) -> None:
        with self._turn:
            for key in list(self._open):
                self._forget(key)

    def _read(self, folder: str, key: str, path: str) -> int | None:
        """One value; None when it is gone, cannot be read, or there are too many. Made anew: found at the next look."""
        try:
            if key not in self._open:
                if len(self._open) >= MOST:
                    return None
                fd = files.open_file(f"{folder}{path}/memory.usage_in_bytes")
                if fd is None:
                    return None
                self._open[key] = (path, fd)
            return number(files.read_open(self._open[key][1], SHORT))
        except Gone:
            self._forget(key)
        except (Unreadable, Malformed):
            return None
        return None

    def _forget(self, key: str) -> None:
        _, fd = self._open.pop(key)
        files.close_file(fd)
