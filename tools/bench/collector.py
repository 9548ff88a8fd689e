"""What reading costs: one tick of the sampler over many cgroups, beside bare reads of the same files in C."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from collector.sampler import LIMITS_A_TICK, LIMITS_EVERY, Sampler
from config.schema import DiscoverySettings, HostSettings
from daemon.garbage import Garbage
from model.sample import Snapshot
from tools.bench import agent, churn, lateness
from tools.bench.cgroups import at_work, made, names
from tools.bench.floor import Floor, files_read
from tools.bench.result import Measured, Part, Spec, together

SIZES = (10, 100, 1000)
ROUNDS = 3
WARM = 6
"""Ticks until a container is no longer new, and everything was read."""
FLOOR = "the same reads by pread in C"

RESULTS = (
    Spec("collector_cpu_us_per_container_10", "µs", "CPU of a tick per container, 10 containers at work", anchor=FLOOR),
    Spec("collector_cpu_us_per_container_100", "µs", "The same, 100 containers", anchor=FLOOR),
    Spec("collector_cpu_us_per_container_1000", "µs", "The same, 1,000 containers", anchor=FLOOR),
    Spec("collector_still_us_per_container_1000", "µs", "1,000 containers in which nothing runs", anchor=FLOOR),
    Spec(
        "collector_cpu_over_floor_1000", "×", "CPU of reading, parsing, deriving over the floor", bar=2.0, anchor=FLOOR
    ),
    Spec("collector_core_share_1000", "% of a core", "Reading alone, 1,000 containers at 1 s", bar=10.0, anchor=FLOOR),
    *agent.RESULTS,
    *lateness.RESULTS,
    *churn.RESULTS,
)


class Price(NamedTuple):
    """CPU seconds of one tick: over containers that all worked since the tick before, the floor of the same, and
    over containers that did nothing."""

    ours: float
    floor: float
    still: float


def reading() -> dict[str, Measured]:
    """CPU of this thread over ticks of 10, 100 and 1,000 cgroups."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results: dict[str, Measured] = {}
    try:
        for size in SIZES:
            price = one(size)
            results[f"collector_cpu_us_per_container_{size}"] = Measured(
                price.ours / size * 1e6, price.floor / size * 1e6
            )
        results[f"collector_still_us_per_container_{size}"] = Measured(price.still / size * 1e6)
        results[f"collector_cpu_over_floor_{size}"] = Measured(price.ours / price.floor)
        results[f"collector_core_share_{size}"] = Measured(price.ours * 100, price.floor * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return results


def one(size: int) -> Price:
    """One tick over ``size`` cgroups: the sampler's, and the floor's."""
    with made(size) as parent, at_work(parent, names(size)) as work, tempfile.TemporaryDirectory() as folder:
        sampler = Sampler(HostSettings(), DiscoverySettings(docker="off", podman="off", containerd="off"), "bench", 1.0)
        garbage = Garbage()  # as the agent has it
        now_ms = 1_000_000

        def tick() -> Snapshot:
            nonlocal now_ms
            now_ms += 1000
            snapshot = sampler.collect(now_ms)
            garbage.after_tick(now_ms)
            return snapshot

        try:
            garbage.take_over()
            for _ in range(WARM):
                work()
                snapshot = tick()
            watched = sum(t.cgroup.startswith(parent) for t in snapshot.targets.values())
            if watched != size:
                raise RuntimeError(f"the sampler sees {watched} of {size} cgroups")
            ticks = max(LIMITS_EVERY, size // LIMITS_A_TICK)  # as many as it takes to read every file at least once
            lists = []
            for _ in range(ticks):
                work()
                lists.append(files_read(tick))
            ours, theirs = [], []
            with Floor(lists, Path(folder)) as floor:
                for _ in range(ROUNDS):
                    spent, bare = 0.0, 0.0
                    for number in range(ticks):
                        work()
                        spent += thread_s(tick)
                        work()
                        bare += floor.pass_s(number)
                    ours.append(spent / ticks)
                    theirs.append(bare / ticks)
            for _ in range(WARM):
                tick()
            still = [sum(thread_s(tick) for _ in range(ticks)) / ticks for _ in range(ROUNDS)]
            # the least of each: what other processes of the machine do to the caches is no part of the price
            return Price(min(ours), min(theirs), min(still))
        finally:
            garbage.give_back()
            sampler.close()


def thread_s(work: Callable[[], object]) -> float:
    """CPU seconds of this thread."""
    before = time.thread_time()
    work()
    return time.thread_time() - before


PARTS: Mapping[str, Part] = {"reading": reading, **agent.PARTS, **lateness.PARTS, **churn.PARTS}


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    """Over real cgroups made by hand, no runtime asked. Raises Missing without root."""
    return together(PARTS, chosen)
