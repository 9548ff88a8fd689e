"""Texts of the host's /proc, and which of its devices count. Pure (proc(5), Documentation/admin-guide/iostats.rst)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from math import isfinite

from model.errors import Malformed
from model.reading import Interface, IoDevice

SECTOR_BYTES = 512
"""The unit of diskstats, whatever the device's own sectors are."""
STACKED = ("loop", "ram", "dm-", "md", "zram", "sr", "fd", "nbd")
"""Block devices that stand on others (counted there) or are no disks."""
VIRTUAL = ("veth", "docker", "br-", "cni", "flannel", "cali", "virbr", "nerdctl", "podman", "vxlan", "ifb", "tun",
           "tap", "dummy", "kube-", "lxc", "vnet", "wg", "bond")  # fmt: skip
"""Interfaces behind which the traffic passes a physical one as well, where we cannot see which are physical."""
VIRTUAL_MOUNTS = ("squashfs", "iso9660", "udf", "erofs")
"""Images: always full."""
SHOWN_FILE_SYSTEMS = ("zfs", "btrfs", "bcachefs")
"""Real file systems whose source is not a device's path."""


def load_and_tasks(text: str) -> tuple[float, int]:
    """``loadavg``: the load over one minute, and the number of all tasks. Raises :class:`Malformed`."""
    words = text.split()
    try:
        load, tasks = float(words[0]), int(words[3].partition("/")[2])
    except (IndexError, ValueError):
        raise Malformed(f"loadavg: got {text[:60]!r}") from None
    if not isfinite(load):
        raise Malformed(f"loadavg: got {text[:60]!r}")
    return load, tasks


def disk_counters(text: str, whole: Collection[str]) -> tuple[IoDevice, ...]:
    """``diskstats`` of the disks named in ``whole`` (no partitions: they are part of them)."""
    devices = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 11:
            raise Malformed(f"diskstats: got {line[:60]!r}")
        if words[2] not in whole:
            continue
        try:
            reads, sectors_read, writes, sectors_written = (int(words[i]) for i in (3, 5, 7, 9))
        except ValueError:
            raise Malformed(f"diskstats: got {line[:60]!r}") from None
        devices.append(
            IoDevice(
                f"{words[0]}:{words[1]}", sectors_read * SECTOR_BYTES, sectors_written * SECTOR_BYTES, reads, writes
            )
        )
    return tuple(devices)


def device_names(text: str) -> dict[str, str]:
    """``MAJ:MIN`` → name in /dev, of every line of ``diskstats``; lines that are none are passed over."""
    lines = (line.split() for line in text.splitlines())
    return {f"{w[0]}:{w[1]}": w[2] for w in lines if len(w) > 2 and w[0].isdigit() and w[1].isdigit()}


def whole_disks(names: Iterable[str]) -> frozenset[str]:
    """Of the names in ``/sys/block``: the disks that stand on no other."""
    return frozenset(name for name in names if not name.startswith(STACKED))


def counted_interfaces(interfaces: Iterable[Interface], physical: Collection[str]) -> tuple[Interface, ...]:
    """The interfaces that make up the host's traffic: the physical ones where they are known.

    Bridges, veths, tunnels and bonds carry what passes a physical interface too; to add them would count it twice.
    """
    known = list(interfaces)
    chosen = [i for i in known if i.name in physical] if physical else []
    return tuple(chosen or (i for i in known if not i.name.startswith(VIRTUAL)))


def real_mounts(text: str) -> tuple[str, ...]:
    """Mount points of ``/proc/<pid>/mounts`` that hold files on disks; one a device, the shortest path."""
    by_source: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) < 4:
            continue
        source, kind = words[0], words[2]
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), words[1])
        real = source.startswith("/dev/") or kind in SHOWN_FILE_SYSTEMS or point == "/"
        if not real or kind in VIRTUAL_MOUNTS or source.startswith("/dev/loop"):
            continue
        known = by_source.get(source)
        if known is None or (len(point), point) < (len(known), known):
            by_source[source] = point
    return tuple(sorted(by_source.values()))
