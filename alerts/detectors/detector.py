"""What a detector is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from model.finding import Finding
from model.sample import Snapshot
from storage.api import Recent


class Detector(Protocol):
    """Explains one kind of bottleneck.

    ``detect`` is pure: what it answers depends on the snapshot and the recent minutes alone, and it is called once a
    tick, after the snapshot was appended to ``recent``. A finding's ``id`` is empty and its ``since_ms`` is the
    detector's own estimate; both are fixed by the tracker (``alerts/findings.py``). An absent metric is unknown: it
    never makes a finding.
    """

    @property
    def name(self) -> str: ...

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]: ...
