"""One container under watch: its files, its last reading, what is known of it. Tick thread only."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.cgroupfs.files import Descriptors, Unreadable
from collector.cgroupfs.reader import CgroupReader
from collector.discovery.describe import Description, target_of
from collector.discovery.walk import Found
from collector.network import NetworkReader, processes, shares_host_network
from model.errors import Malformed
from model.limits import Limits
from model.reading import CgroupReading, Interface
from model.target import Target

NEW = 5
"""Ticks during which limits are read at each: a runtime sets them after it made the cgroup."""


@dataclass(slots=True)
class Watched:
    """A live cgroup of a container. ``first_seen_ms`` is None for one that was there before us."""

    found: Found
    reader: CgroupReader
    first_seen_ms: int | None
    limits: Limits = field(default_factory=Limits)
    previous: CgroupReading | None = None
    read_as: Target | None = None
    """The target as it was described at the previous reading."""
    target: Target | None = None
    description: Description | None = None
    network: NetworkReader | None = None
    network_asked: bool = False
    on_host_network: bool = False
    network_fault: str | None = None
    peak_bytes: int = 0
    """Highest usage seen, for kernels that keep no peak."""
    ticks: int = 0
    stop_told: int | None = None
    """Inode of the life whose stop was told."""

    @property
    def id(self) -> str:
        return self.found.what.id

    def describe(self, known: Description | None, label_prefix: str) -> Target:
        """The target, made anew when its description or its cgroup became another."""
        if self.target is None or known is not self.description or self.target.id.inode != self.reader.inode:
            what = self.found.what
            self.target = target_of(
                what.runtime, what.id, self.found.cgroup, self.reader.inode, what.name, what.pod,
                known, label_prefix, self.first_seen_ms,
            )  # fmt: skip
            self.description = known
        return self.target

    def interfaces(self, proc: str, folder: str, descriptors: Descriptors) -> tuple[Interface, ...] | None:
        """Interfaces of the container's own network namespace; None where it has none or it cannot be told.

        ``folder``: its directory in the tree whose ``cgroup.procs`` lists its processes.
        """
        if not self.network_asked:
            self._open_network(proc, folder, descriptors)
        if self.network is None:
            return None
        try:
            interfaces = self.network.read()
        except (Unreadable, Malformed) as fault:
            self.network_fault = str(fault)
            return None
        if interfaces is None:
            self.close_network()
        return interfaces

    def _open_network(self, proc: str, folder: str, descriptors: Descriptors) -> None:
        """Find the namespace. What is not known to be its own is not read: the host's traffic is never shown as a
        container's."""
        mode, init = (None, None) if self.target is None else (self.target.network, self.target.pid)
        pids = processes(folder)
        pid = init if init in pids or not pids else pids[0]
        if pid is None:
            return  # not started yet, or of another pid namespace: asked again
        self.network_asked = True
        shared = shares_host_network(proc, pid)
        self.on_host_network = mode == "host" or shared is True
        if self.on_host_network or (shared is None and mode is None):
            return
        reader = NetworkReader(proc, pid, descriptors)
        try:
            reader.open()
        except Unreadable as fault:
            self.network_fault = str(fault)
            return
        self.network = reader

    def close_network(self) -> None:
        if self.network is not None:
            self.network.close()
        self.network = None
        self.network_asked = self.on_host_network = False
        self.network_fault = None

    def close(self) -> None:
        self.close_network()
        self.reader.close()
