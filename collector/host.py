"""The host itself: processors, memory, pressure, disks, interfaces. Its OSErrors end here."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import psutil

from collector.cgroupfs import files
from collector.cgroupfs.parse import Fields, Keyed, Parser, network_devices, pressure
from collector.hostparse import (
    counted_interfaces,
    device_names,
    disk_counters,
    load_and_tasks,
    real_mounts,
    whole_disks,
)
from config.schema import HostSettings
from model.errors import Malformed
from model.reading import HostReading
from model.sample import HOST_KEY, Gap

DEVICES_EVERY_NS = 30_000_000_000
"""File systems fill slowly, and asking each costs a call that may have to wait for the device."""
MAX_MOUNTS = 64
log = logging.getLogger(__name__)


class HostReader:
    """Reads the host through ``host.proc`` and ``host.sys``. Used by the tick thread alone.

    psutil knows one place of /proc a process: where ours is another, it is told so at the first read.
    """

    def __init__(self, settings: HostSettings) -> None:
        self._proc = settings.proc
        self._sys = settings.sys
        self._vmstat = Keyed({"pgfault": "page_faults", "pgmajfault": "major_faults", "oom_kill": "oom_kills"})
        self._pressures = tuple((what, pressure(what)) for what in ("cpu", "memory", "io"))
        self._disks: tuple[tuple[str, float], ...] = ()
        self._inodes: tuple[tuple[str, float], ...] = ()
        self._looked_at_ns: int | None = None
        self._whole: frozenset[str] = frozenset()
        self._physical: frozenset[str] = frozenset()
        self._told = False
        self.faults: tuple[Gap, ...] = ()
        self.devices: Mapping[str, str] = {}
        """Block devices' ``MAJ:MIN`` → name, as of the last look at devices."""

    def read(self, at_ns: int) -> HostReading | None:
        """One reading, None where there is no /proc to read; what could not be read is named in ``faults``."""
        faults: list[Gap] = []
        reading: HostReading | None = None
        try:
            reading = self._read(at_ns, faults)
        except (OSError, Malformed, ValueError, KeyError, IndexError) as fault:
            # psutil takes /proc apart itself: a /proc that is none shows as any of these
            faults.append(Gap(HOST_KEY, "host", f"{self._proc} cannot be read ({fault}): set host.proc"))
            if not self._told:
                log.error("the host cannot be read: set host.proc to where its /proc is seen (%s)", fault)
                self._told = True
        self.faults = tuple(faults)
        return reading

    def _read(self, at_ns: int, faults: list[Gap]) -> HostReading:
        if self._proc != psutil.PROCFS_PATH:
            psutil.PROCFS_PATH = self._proc
        if self._looked_at_ns is None or at_ns - self._looked_at_ns >= DEVICES_EVERY_NS:
            self._looked_at_ns = at_ns
            self._look_at_devices()
        cpu, memory = psutil.cpu_times(), psutil.virtual_memory()
        load, tasks = load_and_tasks(files.read_text(f"{self._proc}/loadavg") or "")
        fields = Fields()
        for what, parse in self._pressures:
            self._take(parse, f"pressure/{what}", fields, "pressure", faults)
        # "full" means nothing for the CPU of a whole system: the kernel shows zeroes there (psi.rst)
        fields.pop("cpu_pressure_full_us", None)
        self._take(self._vmstat, "vmstat", fields, "memory", faults)
        self._take(self._take_disks, "diskstats", fields, "io", faults)
        # init's, since our own namespace may be a container's
        if not self._take(self._take_interfaces, "1/net/dev", fields, "network", faults):
            self._take(self._take_interfaces, "net/dev", fields, "network", faults)
        return HostReading(
            read_at_ns=at_ns,
            cpu_count=psutil.cpu_count() or 1,
            cpu_user_s=cpu.user + cpu.nice,
            cpu_system_s=cpu.system + cpu.irq + cpu.softirq,
            cpu_idle_s=cpu.idle,
            cpu_iowait_s=cpu.iowait,
            cpu_steal_s=cpu.steal,
            load_1m=load,
            memory_total_bytes=memory.total,
            memory_available_bytes=memory.available,
            swap_used_bytes=psutil.swap_memory().used,
            processes=tasks,
            disks=self._disks,
            inodes=self._inodes,
            **fields,
        )

    def _take(self, parse: Parser, name: str, fields: Fields, part: str, faults: list[Gap]) -> bool:
        """Read and parse one file of /proc; False where the host has none."""
        text = files.read_text(f"{self._proc}/{name}")
        if text is None:
            return False
        try:
            parse(text.encode("utf-8", "surrogateescape"), fields)
        except Malformed as fault:
            faults.append(Gap(HOST_KEY, part, str(fault)))
        return True

    def _take_disks(self, text: bytes, fields: Fields) -> None:
        fields["io_devices"] = disk_counters(text.decode("utf-8", "replace"), self._whole)

    def _take_interfaces(self, text: bytes, fields: Fields) -> None:
        fields["interfaces"] = counted_interfaces(network_devices(text), self._physical)

    def _look_at_devices(self) -> None:
        """Which disks and interfaces there are, and how full the file systems."""
        self.devices = device_names(files.read_text(f"{self._proc}/diskstats") or "")
        self._whole = whole_disks(files.names(f"{self._sys}/block"))
        net = f"{self._sys}/class/net"
        self._physical = frozenset(name for name in files.names(net) if Path(f"{net}/{name}/device").exists())
        mounts = files.read_text(f"{self._proc}/1/mounts") or files.read_text(f"{self._proc}/self/mounts") or ""
        disks, inodes = [], []
        for mount in real_mounts(mounts)[:MAX_MOUNTS]:
            space = self._space(f"{self._proc}/1/root{mount}") or self._space(mount)
            if space is None:
                continue
            if (ratio := used_share(space.f_blocks, space.f_bfree, space.f_bavail)) is not None:
                disks.append((mount, ratio))
            if (ratio := used_share(space.f_files, space.f_ffree, space.f_favail)) is not None:
                inodes.append((mount, ratio))
        self._disks, self._inodes = tuple(disks), tuple(inodes)

    @staticmethod
    def _space(mount: str) -> os.statvfs_result | None:
        """What a file system says of itself; None where it may not be asked."""
        try:
            return os.statvfs(mount)
        except OSError:
            return None


def used_share(total: int, free: int, available: int) -> float | None:
    """Used share of blocks or inodes as ``df`` counts it; None of a file system that has no fixed number. Pure."""
    used = total - free
    return used / (used + available) if total > 0 and used + available > 0 else None
