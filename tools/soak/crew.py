"""The containers: some stay and work in pulses, some are under ``auto``, the rest come and go each second."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import Any

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from tools.servers.docker import IMAGE, LABEL, DockerEngine, connected

PULSE = "while :; do i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep {rest}; done"
BURN = "while :; do :; done"
MANAGED = {"wharfinger.limits": "auto", "wharfinger.cpu.max": "0.15", "wharfinger.memory.max": "64m"}
GIVEN = {"nano_cpus": 50_000_000, "mem_limit": "32m"}
LOST = (DockerException, RequestException, OSError)
"""What the engine answers while it is stopped."""


class Crew:
    """``size`` containers on the engine. :meth:`churn` replaces one at a time; those that stay are begun again after
    the engine was away."""

    def __init__(self, engine: DockerEngine, size: int, seed: int) -> None:
        self._client = connected(engine.address, 60)
        self._draw = random.Random(seed)
        self._stop = threading.Event()
        self._passing: list[str] = []
        self._size = size
        self.paused = threading.Event()
        self.made = 0
        self.staying = [self._run(["sh", "-c", PULSE.format(rest=4 + i)], nano_cpus=150_000_000) for i in range(3)]
        self.managed = [self._run(["sh", "-c", BURN], labels=MANAGED, **GIVEN) for _ in range(2)]
        self.originals = {key: self.limits(key) for key in self.managed}
        self._thread = threading.Thread(target=self._churn, name="churn", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)

    def wake(self) -> None:
        """After the engine was away: what is to stay is started again."""
        for key in (*self.staying, *self.managed):
            with contextlib.suppress(APIError):
                self._client.api.start(key)

    def limits(self, key: str) -> tuple[Any, ...]:
        """What Docker has written down for a container."""
        config = self._client.api.inspect_container(key)["HostConfig"]
        return tuple(config[name] or 0 for name in ("NanoCpus", "CpuQuota", "CpuPeriod", "Memory", "MemorySwap"))

    def _run(self, command: list[str], labels: dict[str, str] | None = None, **options: Any) -> str:
        self.made += 1
        marks = {LABEL: "soak", **(labels or {})}
        container = self._client.containers.create(
            IMAGE, command, network_mode="none", stop_signal="SIGKILL", labels=marks, **options
        )
        container.start()
        return str(container.id)

    def _churn(self) -> None:
        while not self._stop.is_set():
            if self.paused.is_set():
                self._stop.wait(0.2)
                continue
            began = time.monotonic()
            with contextlib.suppress(*LOST):
                self._replace_one()
            full = len(self._passing) >= self._size - len(self.staying) - len(self.managed)
            self._stop.wait(max(0.05, (1.0 if full else 0.1) - (time.monotonic() - began)))

    def _replace_one(self) -> None:
        if len(self._passing) >= self._size - len(self.staying) - len(self.managed):
            gone = self._passing.pop(self._draw.randrange(len(self._passing)))
            with contextlib.suppress(APIError):
                self._client.api.remove_container(gone, force=True)
        self._passing.append(self._run(["sleep", "100000"]))

    def close(self) -> None:
        self._client.close()
