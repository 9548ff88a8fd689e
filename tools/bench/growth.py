"""What the look between two ticks gains, and what it costs: containers on cgroup v1 whose memory grows fast."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from collector.quick import QuickLook
from limits.between import EVERY_MS
from limits.sizes import MIB
from tests.limits.quay import Quay
from tests.limits.test_growth import GROW, LABELS
from tests.limits.world import AUTO, M64, World
from tools.bench.cgroups import ROOT, made, names
from tools.bench.result import Measured, Part, Spec
from tools.servers.docker import DockerEngine
from tools.servers.process import Missing

RATES = (5, 20, 60, 120)
GROWERS = 6
TO_MIB = 400
SETTLE_S = 8.0
WATCHED = (0, 10, 100)
SECONDS = 30
WITHOUT = "the same without the look"

RESULTS = (
    *(
        Spec(f"growth_killed_of_6_at_{rate}", "kills", f"Of 6 that grow {rate} MiB/s from 96 MiB, v1", anchor=WITHOUT)
        for rate in RATES
    ),
    *(
        Spec(
            f"look_core_share_{n}",
            "% of a core",
            f"The look at memory ten times a second, {n} containers under auto",
            bar=0.5 if n == WATCHED[-1] else None,
        )
        for n in WATCHED
    ),
)


def growth() -> dict[str, Measured]:
    """Real containers, the real kernel, a tick a second; with the look between the ticks, then without it."""
    if not (ROOT / "memory").is_dir():
        raise Missing("the memory controller is on cgroup v2: the airbag stands in for the look")
    return {
        f"growth_killed_of_6_at_{rate}": Measured(killed(rate, looks=True), killed(rate, looks=False)) for rate in RATES
    }


def killed(mib_a_second: int, *, looks: bool) -> int:
    """How many of them were killed for lack of memory."""
    engine, step = DockerEngine.find(), mib_a_second * MIB // 20
    with contextlib.ExitStack() as stack:
        stack.callback(engine.close)
        quay = Quay(Path(stack.enter_context(tempfile.TemporaryDirectory())), engine.address, looks=looks)
        quay.start()
        stack.callback(quay.close)
        argv = ["awk", GROW % (TO_MIB * MIB // step, step)]
        containers = [
            engine.run(argv, labels=LABELS, mem_limit="96m", memswap_limit="96m", name=f"wharfinger-bench-growth-{i}")
            for i in range(GROWERS)
        ]
        quay.watched.update(str(container.id) for container in containers)
        time.sleep(SETTLE_S + TO_MIB / mib_a_second)
        for container in containers:
            container.reload()
        return sum(not container.attrs["State"]["Running"] for container in containers)


def look() -> dict[str, Measured]:
    """CPU of the thread that looks, over real files; containers whose memory stays as it is."""
    return {f"look_core_share_{count}": Measured(looking(count) * 100) for count in WATCHED}


def looking(count: int) -> float:
    """CPU seconds of a second of looks."""
    with made(count) as parent, contextlib.closing(QuickLook()) as quick:
        world = World()
        ids = [world.ship(f"{i:04d}", labels=AUTO, **M64).dry.container_id for i in range(count)]
        paths = dict(zip(ids, (f"{parent}/{name}" for name in names(count)), strict=True))
        folder, spent = str(ROOT / "memory"), 0.0
        world.tick(5)
        for _ in range(SECONDS):
            world.tick()
            begun = time.thread_time()
            for _ in range(1000 // EVERY_MS):
                world.now_ms += EVERY_MS
                wait_s = world.controller.between_ticks(
                    lambda keys: quick.look(folder, {k: paths[k] for k in keys}), world.now_ms
                )
                if wait_s >= 1:
                    break
            spent += time.thread_time() - begun
        return spent / SECONDS


PARTS: Mapping[str, Part] = {"growth": growth, "look": look}
