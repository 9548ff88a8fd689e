"""Sleeping until a cgroup is made: the kernel tells by inotify(7) when somebody makes a directory below a parent."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Iterable

from inotify_simple import INotify, flags

log = logging.getLogger(__name__)

MASK = flags.CREATE | flags.ONLYDIR
"""The kernel's own files of a new cgroup are not told: only what is made through the file system is."""


class Arrivals:
    """:meth:`wait` belongs to one thread; :meth:`close` to any."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._turn = threading.Lock()
        self._notify: INotify | None = None
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._watched: dict[str, int] = {}
        self._shut = False

    def wait(self, parents: Iterable[str], timeout_s: float) -> bool:
        """Until a directory is made below one of these cgroup paths, a call of :meth:`close`, or the time is over.

        False at once where nothing can be waited for: the kernel has no inotify left for us
        (``fs.inotify.max_user_instances``), or none of the parents is there. A parent that appears itself is told by
        the one above it, and waited for from the next call on.
        """
        with self._turn:
            if self._shut or not self._watching(parents) or self._notify is None:
                return False
            poll = select.poll()
            for fd in (self._notify.fileno(), self._wake):
                poll.register(fd, select.POLLIN)
            poll.poll(timeout_s * 1000)
            went = {event.wd for event in self._notify.read(timeout=0) if event.mask & flags.IGNORED}
            self._watched = {path: wd for path, wd in self._watched.items() if wd not in went}
            return True

    def close(self) -> None:
        """End a wait that is under way, and let go of the descriptors."""
        if self._shut:
            return
        self._shut = True
        os.eventfd_write(self._wake, 1)
        with self._turn:
            if self._notify is not None:
                self._notify.close()
            os.close(self._wake)

    def _watching(self, parents: Iterable[str]) -> bool:
        """Watch those that are not watched yet; False where no one is."""
        try:
            self._notify = self._notify or INotify()
        except OSError as error:
            log.debug("no inotify (%s): new cgroups are looked for ten times a second", error)
            return False
        for path in parents:
            if path in self._watched:
                continue
            try:
                self._watched[path] = self._notify.add_watch(self._root + path, MASK)
            except OSError:
                continue  # not there, or no watch left: the ticks look there
        return bool(self._watched)
