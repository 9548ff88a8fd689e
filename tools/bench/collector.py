"""What reading costs: one tick of the sampler over many cgroups, beside bare reads of the same files in C."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from collector.sampler import LIMITS_A_TICK, LIMITS_EVERY, Sampler
from config.schema import DiscoverySettings, HostSettings
from tools.bench import agent, churn, lateness
from tools.bench.cgroups import files_read, floor_s, made
from tools.bench.result import Measured, Part, Spec, together

SIZES = (10, 100, 1000)
ROUNDS = 7
WARM = 6
"""Ticks until a container is no longer new, and everything was read."""
FLOOR = "the same reads by pread in C"

RESULTS = (
    Spec("collector_cpu_us_per_container_10", "µs", "CPU of a tick per container, 10 containers", anchor=FLOOR),
    Spec("collector_cpu_us_per_container_100", "µs", "CPU of a tick per container, 100 containers", anchor=FLOOR),
    Spec("collector_cpu_us_per_container_1000", "µs", "CPU of a tick per container, 1,000 containers", anchor=FLOOR),
    Spec(
        "collector_cpu_over_floor_1000", "×", "CPU of reading, parsing, deriving over the floor", bar=2.0, anchor=FLOOR
    ),
    Spec("collector_core_share_1000", "% of a core", "Reading alone, 1,000 containers at 1 s", bar=10.0, anchor=FLOOR),
    *agent.RESULTS,
    *lateness.RESULTS,
    *churn.RESULTS,
)


def reading() -> dict[str, Measured]:
    """CPU of this thread over ticks of 10, 100 and 1,000 cgroups."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results: dict[str, Measured] = {}
    try:
        for size in SIZES:
            ours, floor = one(size)
            results[f"collector_cpu_us_per_container_{size}"] = Measured(ours / size * 1e6, floor / size * 1e6)
            if size == SIZES[-1]:
                results[f"collector_cpu_over_floor_{size}"] = Measured(ours / floor)
                results[f"collector_core_share_{size}"] = Measured(ours * 100, floor * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return results


def one(size: int) -> tuple[float, float]:
    """CPU seconds of one tick over ``size`` cgroups: the sampler's, and the floor's."""
    with made(size) as parent, tempfile.TemporaryDirectory() as folder:
        sampler = Sampler(HostSettings(), DiscoverySettings(docker="off", podman="off", containerd="off"), "bench", 1.0)
        try:
            now_ms = 1_000_000
            watched = 0
            for _ in range(WARM):
                now_ms += 1000
                snapshot = sampler.collect(now_ms)
                watched = sum(t.cgroup.startswith(parent) for t in snapshot.targets.values())
            if watched != size:
                raise RuntimeError(f"the sampler sees {watched} of {size} cgroups")
            ticks = max(LIMITS_EVERY, size // LIMITS_A_TICK)

            def all_of_it() -> None:
                """As many ticks as it takes to read every file at least once."""
                nonlocal now_ms
                for _ in range(ticks):
                    now_ms += 1000
                    sampler.collect(now_ms)

            spent = []
            for _ in range(ROUNDS):
                before = time.thread_time()
                all_of_it()
                spent.append(time.thread_time() - before)
            # the least of both: what other processes of the machine do to the caches is no part of the price
            return min(spent) / ticks, floor_s(files_read(all_of_it), Path(folder)) / ticks
        finally:
            sampler.close()


PARTS: Mapping[str, Part] = {"reading": reading, **agent.PARTS, **lateness.PARTS, **churn.PARTS}


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    """Over real cgroups made by hand, no runtime asked. Raises Missing without root."""
    return together(PARTS, chosen)
