"""What a detector is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from model.finding import Finding
from model.sample import Snapshot
from storage.api import Recent


class Detector(Protocol):
    """Explains one kind of bottleneck.

    ``detect`` does no I/O: what it answers depends on the ticks that it was given alone, and it is called once a tick,
    after the snapshot was appended to ``recent``. What it remembers itself is bounded. A finding's ``id`` is empty and
    its ``since_ms`` is the detector's own estimate; both are fixed by the tracker (``alerts/findings.py``). An absent
    metric is unknown: it never makes a finding.
    """

    @property
    def name(self) -> str: ...

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]: ...
