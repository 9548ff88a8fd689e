"""Its own health check says that it is not well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.detectors.suspects import fact, told
from model.alert import Severity
from model.finding import Finding
from model.sample import Snapshot
from storage.api import Recent


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """A finding while the runtime calls a running container unhealthy."""

    name: str = "unhealthy"

    def detect(self, snapshot: Snapshot, recent: Recent) -> Sequence[Finding]:
        del recent
        return [
            told(
                snapshot,
                target,
                self.name,
                Severity.WARNING,
                summary="Unhealthy. Its health check fails again and again.",
                evidence=(fact("health", 0.0, 1.0, 0.0),),
                advice=(
                    "See what its check says with 'docker inspect', and whether it is short of CPU or memory: a check "
                    "that is too slow fails as well."
                ),
            )
            for target in snapshot.targets.values()
            if target.health == "unhealthy" and target.state == "running"
        ]
