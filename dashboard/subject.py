"""The host or one target as the metric families ask for it, with what is the same for many series made once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.labels import labels_text
from model.limits import Limits
from model.reading import CgroupReading, HostReading, Interface, IoDevice
from model.sample import Snapshot
from model.target import Target


@dataclass(frozen=True, slots=True)
class Subject:
    """The host (``target`` None) or one target, with its raw counters and limits.

    ``devices`` and ``interfaces``: extra labels as text, and the counters.
    """

    snapshot: Snapshot
    target: Target | None
    reading: CgroupReading | None
    limits: Limits | None
    host: HostReading | None
    quota: bool
    devices: tuple[tuple[str, str, IoDevice], ...]
    """Label ``device`` as text, the labels of ``blkio``, and the counters."""
    interfaces: tuple[tuple[str, Interface], ...]


def subject_of(snapshot: Snapshot, key: str | None, device_names: Mapping[str, tuple[str, str]]) -> Subject:
    """What the families ask of one target, or of the host (``key`` None). ``device_names``: :func:`device_labels`."""
    if key is None:
        host, target, reading, limits = snapshot.host_reading, None, None, None
    else:
        host = None
        target, reading, limits = snapshot.targets[key], snapshot.readings.get(key), snapshot.limits.get(key)
    source = host or reading
    return Subject(
        snapshot,
        target,
        reading,
        limits,
        host,
        limits is not None and isinstance(limits.cpu_quota_us, int),
        tuple((*device_names[d.device], d) for d in (source.io_devices if source else None) or ()),
        tuple(
            (f",{labels_text((('interface', i.name),))}", i)
            for i in (source.interfaces if source else None) or ()
            if i.name != "lo"
        ),
    )


def device_labels(snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    """``MAJ:MIN`` → label ``device`` as text, and the same with major and minor. Pure."""
    sources = [snapshot.host_reading, *snapshot.readings.values()]
    found: dict[str, tuple[str, str]] = {}
    for number in {d.device for source in sources if source for d in source.io_devices or ()}:
        name = snapshot.devices.get(number)
        label = (("device", f"/dev/{name}" if name else number),)
        major, _, minor = number.partition(":")
        found[number] = (
            f",{labels_text(label)}",
            f",{labels_text((*label, ('major', major), ('minor', minor)))}",
        )
    return found
