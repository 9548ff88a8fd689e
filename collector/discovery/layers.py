"""Sizes of the containers' writable layers, asked of a Docker-compatible daemon seldom, and only where it is wished.

The daemon walks every file of every layer for it: 0.13 s of its CPU time for 30,000 files. So it is asked by a job and
a connection of its own, seldom, and never reads the daemon's folders itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import docker

from collector.discovery.describe import text, whole
from collector.discovery.docker import FAULTS, connect
from collector.discovery.runtime import Job, addresses, remedy, there

TIMEOUT_S = 120
RETRY_S = 60.0
log = logging.getLogger(__name__)


class Layers:
    """One daemon. ``setting``: auto, off or an address; ``every_s``: seconds between two looks, 0: never."""

    def __init__(self, runtime: str, setting: str, environ: Mapping[str, str], every_s: float) -> None:
        self._runtime = runtime
        self._addresses = addresses(runtime, setting, environ) if every_s > 0 else ()
        self._environ = dict(environ)
        self._every_s = every_s
        self._sizes: Mapping[str, int] = {}
        self._fault = ""

    def sizes(self) -> Mapping[str, int]:
        """Bytes by full container id, as of the last look. Any thread."""
        return self._sizes

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        return ((f"{self._runtime}-layers", self.look),) if self._addresses else ()

    def look(self, now_ms: int) -> float:  # noqa: ARG002 - a job
        """Ask once. A daemon that is away or slow keeps what was known and is asked again later."""
        address = next((a for a in self._addresses if there(a)), None)
        if address is None:
            return RETRY_S
        try:
            api = connect(address, self._environ)
            try:
                self._sizes = layer_sizes(asked(api))
            finally:
                api.close()
        except FAULTS as fault:
            said = remedy(self._runtime, address, str(fault) or type(fault).__name__)
            if said != self._fault:
                log.warning("the sizes of writable layers are not known anew: %s", said)
            self._fault = said
            return max(RETRY_S, self._every_s)
        self._fault = ""
        return self._every_s


def asked(api: docker.APIClient) -> object:
    """The list of running containers with their sizes; may take the daemon a minute. Raises one of FAULTS."""
    api.timeout = TIMEOUT_S
    return api.containers(size=True)


def layer_sizes(answer: object) -> dict[str, int]:
    """``SizeRw`` of each row of ``GET /containers/json?size=1``; an empty layer has none and counts 0. Pure."""
    sizes: dict[str, int] = {}
    for row in answer if isinstance(answer, list) else ():
        if isinstance(row, Mapping) and (container_id := text(row.get("Id"))) is not None:
            size = whole(row.get("SizeRw", 0))
            if size is not None and size >= 0:
                sizes[container_id] = size
    return sizes
