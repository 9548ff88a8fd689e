"""One container under watch: its files, its last reading, what is known of it. Tick thread only."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.cgroupfs.files import Descriptors, Unreadable
from collector.cgroupfs.reader import CgroupReader
from collector.derive import Values, container_values, still_values
from collector.discovery.describe import Description, target_of
from collector.discovery.walk import Found
from collector.network import NetworkReader, processes, shares_host_network
from model.errors import Malformed
from model.limits import Limits
from model.reading import CgroupReading, Interface
from model.target import Target

NEW = 5
"""Ticks during which limits are read at each: a runtime sets them after it made the cgroup."""
LONGEST_WAIT = 30
"""Ticks between two looks for processes of a container that shows none."""


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
    network_tries: int = 0
    network_wait: int = 0
    """Ticks until it is asked again for processes: one without any is looked at ever more seldom."""
    on_host_network: bool = False
    network_fault: str | None = None
    peak_bytes: int = 0
    """Highest usage seen, for kernels that keep no peak."""
    ticks: int = 0
    still: tuple[Values, Limits, Target] | None = None
    """Values of the last interval in which nothing moved, and under which limits and description they stood."""
    stop_told: int | None = None
    """Inode of the life whose stop was told."""

    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.found.what.id

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

    def derived(
        self, reading: CgroupReading, before: CgroupReading | None, changed: bool, target: Target, now_ms: int
    ) -> Values:
        """Values of this reading. ``changed``: the kernel's texts are not those of the reading ``before``.

        Most containers of most hosts do nothing for minutes: theirs are not computed again.
        """
        moved = changed or before is None or reading.inode != before.inode or reading.interfaces != before.interfaces
        still = self.still
        if moved or still is None or still[1] is not self.limits or still[2] is not target:
            values = container_values(reading, before, self.limits, target, now_ms)
        else:
            values = still_values(still[0], target, now_ms)
        self.still = None if moved else (values, self.limits, target)
        return values

    def interfaces(self, proc: str, root: str, descriptors: Descriptors) -> tuple[Interface, ...] | None:
        """Interfaces of the container's own network namespace; None where it has none or it cannot be told.

        ``root``: the tree whose ``cgroup.procs`` lists its processes.
        """
        if not self.network_asked:
            if self.network_wait:
                self.network_wait -= 1
                return None
            self._open_network(proc, root + self.found.cgroup, descriptors)
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
            # not started yet, or of another pid namespace: asked again
            self.network_tries += 1
            self.network_wait = min(max(0, self.network_tries - NEW), LONGEST_WAIT)
            return
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
        self.network_tries = self.network_wait = 0
        self.network_fault = None

    def close(self) -> None:
        self.close_network()
        self.reader.close()
