"""Traffic of a container's own network namespace, through the ``net/dev`` of its init process."""

from __future__ import annotations

from collector.cgroupfs import files
from collector.cgroupfs.files import CLOSED, Descriptors
from collector.cgroupfs.parse import network_devices
from model.reading import Interface

CHILDLESS = 2
"""Links of a cgroup's directory that has no other in it."""
ONE_READ = 3_000
"""A shorter answer is the whole: seq_file gives about a page at a time."""


def host_namespace(proc: str) -> int | None:
    """The host's network namespace: init's, or that of the kernel's own threads, which never leave it.

    None where neither may be looked at (another pid namespace, missing rights).
    """
    found = files.inode_of(f"{proc}/1/ns/net")
    if found is None and (files.read_text(f"{proc}/2/comm") or "").strip() == "kthreadd":
        found = files.inode_of(f"{proc}/2/ns/net")
    return found


def shares_host_network(proc: str, pid: int) -> bool | None:
    """Whether a process lives in the host's network namespace; None where that may not be looked at."""
    own, host = files.inode_of(f"{proc}/{pid}/ns/net"), host_namespace(proc)
    return None if own is None or host is None else own == host


def processes(folder: str) -> list[int]:
    """Processes of a cgroup, else of its children, as the host counts them; none where none can be seen."""
    own = listed(folder)
    if own or files.links(folder) == CHILDLESS:
        return own
    return next(filter(None, (listed(f"{folder}/{name}") for name in files.subfolders(folder) or ())), [])


def listed(folder: str) -> list[int]:
    """Processes of a cgroup itself."""
    words = (files.read_text(f"{folder}/cgroup.procs") or "").split()
    return [int(word) for word in words if word.isdigit() and word != "0"]  # 0: of another pid namespace


class NetworkReader:
    """Reads the interfaces of the namespace that a process lives in. Tick thread only.

    The open file holds the namespace, not the process: it is closed as soon as the container is known to be gone.
    """

    __slots__ = ("_descriptors", "_fd", "_interfaces", "_path", "_text", "pid")

    def __init__(self, proc: str, pid: int, descriptors: Descriptors) -> None:
        self.pid = pid
        self._path = f"{proc}/{pid}/net/dev"
        self._descriptors = descriptors
        self._fd = CLOSED
        self._text = b""
        self._interfaces: tuple[Interface, ...] = ()

    def open(self) -> None:
        """Keep the file open where the budget allows. Raises :class:`Unreadable`."""
        fd = files.open_file(self._path)
        if fd is None:
            return
        if self._descriptors.take():
            self._fd = fd
        else:
            files.close_file(fd)

    def read(self) -> tuple[Interface, ...] | None:
        """Every interface but the loopback; None when the process is gone.

        Raises :class:`Unreadable` and :class:`model.errors.Malformed`.
        """
        if self._fd == CLOSED:
            text = files.read_once(self._path)
        else:
            try:
                text = files.read_open(self._fd)
                if len(text) > ONE_READ:
                    text = files.read_whole(self._fd)
            except files.Gone:
                return None
        if text is None:
            return None
        if text != self._text:
            self._interfaces = network_devices(text)
            self._text = text
        return self._interfaces

    def close(self) -> None:
        if self._fd != CLOSED:
            files.close_file(self._fd)
            self._descriptors.give()
            self._fd = CLOSED
