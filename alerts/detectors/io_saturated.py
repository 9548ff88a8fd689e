"""It waits for a disk: which one, and who uses it most.

Kernel: Documentation/accounting/psi.rst (io full), Documentation/admin-guide/cgroup-v2.rst (io.stat).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alerts.detectors.suspects import Suspects, above, average, fact, told
from alerts.words import say_bytes, say_duration, say_ratio
from model.alert import Severity
from model.finding import Finding
from model.reading import CgroupReading
from model.sample import Snapshot
from storage.api import Recent

FULL = "io_pressure_full_ratio"
READ, WRITE = "io_read_bytes_per_second", "io_write_bytes_per_second"
OPERATIONS = ("io_read_operations_per_second", "io_write_operations_per_second")


@dataclass(frozen=True, slots=True)
class IoSaturated:
    """A finding while all tasks waited for I/O in ``full_ratio`` of ``window_s`` and it did I/O worth the name (or its
    I/O is not counted). Devices are compared over ``device_s`` of their counters; critical from ``critical_ratio``."""

    name: str = "io_saturated"
    window_s: float = 30.0
    full_ratio: float = 0.3
    critical_ratio: float = 0.8
    least_bytes: float = 65_536.0
    least_operations: float = 5.0
    device_s: float = 10.0
    suspects: Suspects = field(default_factory=lambda: Suspects(above(FULL, 0.3, 30.0)))
    earlier: list[tuple[int, Mapping[str, CgroupReading]]] = field(default_factory=list)
    """Readings of the last ``device_s``, kept only while somebody waits."""

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        waiting = []
        for key, target in self.suspects.of(snapshot, recent):
            full = average(recent, key, FULL, self.window_s, snapshot.interval_s)
            if full is not None and full >= self.full_ratio and self._does(key, snapshot, recent):
                waiting.append((key, target, full))
        self._remember(snapshot, wanted=bool(waiting))
        found = []
        for key, target, full in waiting:
            device, users = self._device(snapshot, key)
            read, written = (average(recent, key, m, self.window_s, snapshot.interval_s) or 0.0 for m in (READ, WRITE))
            where = f" for the disk {device}" if device else " for I/O"
            found.append(
                told(
                    snapshot,
                    target,
                    self.name,
                    Severity.CRITICAL if full >= self.critical_ratio else Severity.WARNING,
                    summary=(
                        f"Waits{where}. All of its tasks waited in {say_ratio(full)} of the last "
                        f"{say_duration(self.window_s)}, at {say_bytes(read + written)}/s of its own.{users}"
                    ),
                    evidence=(
                        fact(FULL, full, self.full_ratio, self.window_s),
                        fact(READ, read, None, self.window_s),
                        fact(WRITE, written, None, self.window_s),
                    ),
                    advice=(
                        "Give the disk less to do, or move one of its users to another. More memory helps only where "
                        "it reads again what did not fit into its cache."
                    ),
                )
            )
        return found

    def _does(self, key: str, snapshot: Snapshot, recent: Recent) -> bool:
        """Whether its own I/O is enough to wait for; true where it is not counted."""
        sums = [average(recent, key, m, self.window_s, snapshot.interval_s) for m in (READ, WRITE, *OPERATIONS)]
        known = [value for value in sums if value is not None]
        if not known or not any(known):
            return READ not in snapshot.samples[key].values
        volume = sum(value for value in sums[:2] if value is not None)
        operations = sum(value for value in sums[2:] if value is not None)
        return volume >= self.least_bytes or operations >= self.least_operations

    def _remember(self, snapshot: Snapshot, *, wanted: bool) -> None:
        if not wanted or (self.earlier and snapshot.at_ms < self.earlier[-1][0]):
            self.earlier.clear()
        if wanted:
            self.earlier.append((snapshot.at_ms, snapshot.readings))
            while self.earlier[0][0] < snapshot.at_ms - self.device_s * 1000:
                del self.earlier[0]

    def _device(self, snapshot: Snapshot, key: str) -> tuple[str, str]:
        """The device on which the container did most, and a sentence about who used it most; empty where unknown."""
        before = self.earlier[0][1]
        own = moved(before.get(key), snapshot.readings.get(key))
        if not any(own.values()):
            return "", ""
        number = max(own, key=lambda device: own[device])
        device = snapshot.devices.get(number, number)
        used = {
            other: size
            for other, reading in snapshot.readings.items()
            if (size := moved(before.get(other), reading).get(number, 0))
        }
        first = max(used, key=lambda other: used[other])
        share = used[first] / sum(used.values())
        if first == key:
            return device, f" It is the one that uses {device} most ({say_ratio(share)} of what containers do)."
        target = snapshot.targets.get(first)
        name = target.name if target else first[:12]
        return device, f" {name} uses {device} most ({say_ratio(share)} of what containers do)."


def moved(before: CgroupReading | None, now: CgroupReading | None) -> dict[str, int]:
    """Device → bytes read and written between two readings. Pure."""
    if before is None or now is None or before.inode != now.inode:
        return {}
    old = {d.device: d.read_bytes + d.write_bytes for d in before.io_devices or ()}
    return {d.device: max(0, d.read_bytes + d.write_bytes - old.get(d.device, 0)) for d in now.io_devices or ()}
