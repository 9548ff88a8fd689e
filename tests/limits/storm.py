"""A busy controller over files that look like cgroup v2 and a runtime that keeps its word on disk, killed again and
again.

``python -m tests.limits.storm 100`` kills it 100 times; the suite does so a few times.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from collector.cgroupfs.knobs import Knob, knob_path
from config.schema import HostSettings, LimitSettings
from limits.actuator.base import Inspected
from limits.actuator.cgroupfs import CgroupActuator
from limits.actuator.native import cores_of, memory_of, native_of
from limits.controller import Controller
from limits.history import last_written
from limits.sizes import MIB
from limits.track import alike
from model.change import ChangeStatus
from model.limits import bounded
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.api import StateStore
from storage.factory import open_state

ROOT = Path(__file__).parents[2]
START_MS = 1_764_000_000_000
SPEED = 20
"""Seconds of the controller in a second of ours; a loaded machine must not outrun its patience."""
KEYS = tuple(f"{number:064x}" for number in range(1, 9))
NATIVE = native_of({"NanoCpus": 200_000_000, "Memory": 128 * MIB, "MemorySwap": 128 * MIB})
LABELS = {"wharfinger.limits": "auto", "wharfinger.memory.min": "96m", "wharfinger.class": "dense"}
SETTINGS = LimitSettings(shrink_memory=True, memory_peak_window="10m")
GIB = 1024 * MIB


def put(path: Path, text: str) -> None:
    """Whole or not at all, as a write to a kernel's file is."""
    other = path.with_name(f".{path.name}.{threading.get_ident()}")
    other.write_text(text)
    other.replace(path)


class Files(CgroupActuator):
    """The real actuator; only that a kernel's file takes a value at once."""

    def _write(self, cgroup: str, knob: Knob, text: str) -> None:
        put(knob_path(self._trees(), cgroup, knob), text + "\n")

    def has_memory_high(self) -> bool:
        return True


class Runtime:
    """:class:`limits.actuator.base.Actuator` whose containers' settings are files: first saved, then enforced, as
    Docker does it, so that a kill may come in between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def inspect(self, container_id: str) -> Inspected:
        native = json.loads((self._folder / "runtime" / container_id).read_text())
        return Inspected(container_id, container_id[-2:], "running", native)

    def update(self, container_id: str, fields: Mapping[str, int]) -> None:
        native = dict(self.inspect(container_id).native) | {key: value for key, value in fields.items() if value}
        put(self._folder / "runtime" / container_id, json.dumps(native))
        enforce(self._folder, container_id, native)

    def asked(self) -> tuple[int, float]:
        return 0, 0.0

    def close(self) -> None: ...


def enforce(folder: Path, key: str, native: Mapping[str, int]) -> None:
    cores, memory = bounded(cores_of(native)), bounded(memory_of(native))
    group = folder / "tree" / "docker" / key
    put(group / "cpu.max", f"{round((cores or 0) * 100_000)} 100000\n")
    put(group / "memory.max", f"{memory}\n")


def build(folder: Path) -> None:
    """The host at the start."""
    (folder / "proc").mkdir()
    (folder / "runtime").mkdir()
    (folder / "tree").mkdir()
    put(folder / "tree" / "cgroup.controllers", "cpu memory\n")
    put(folder / "tree" / "cgroup.procs", "\n")
    for key in KEYS:
        group = folder / "tree" / "docker" / key
        group.mkdir(parents=True)
        for name, text in (
            ("cpu.weight", "100"),
            ("memory.high", "max"),
            ("memory.swap.max", "0"),
            ("cgroup.procs", ""),
        ):
            put(group / name, text + "\n")
        use(folder, key, 40 * MIB)
        put(folder / "runtime" / key, json.dumps(dict(NATIVE)))
        enforce(folder, key, NATIVE)


def use(folder: Path, key: str, size: int) -> None:
    group = folder / "tree" / "docker" / key
    put(group / "memory.current", f"{size}\n")
    put(group / "memory.stat", f"anon {size}\nfile 0\nshmem 0\ninactive_file 0\nkernel 0\n")


def controller_over(folder: Path, state: StateStore) -> tuple[Controller, Files]:
    host = HostSettings(proc=str(folder / "proc"), cgroup=str(folder / "tree"))
    kernel = Files(host)
    return Controller(
        SETTINGS, "wharfinger.", host, state, Runtime(folder), tuple, lambda _change: None, 32, kernel=kernel
    ), kernel


def snapshot_of(kernel: Files, now_ms: int, cores: Mapping[str, float], sizes: Mapping[str, int]) -> Snapshot:
    targets, samples, limits = {}, {}, {}
    for number, key in enumerate(KEYS):
        cgroup = f"/docker/{key}"
        targets[key] = Target(TargetId("docker", key, number + 1), cgroup, key[-2:], labels=LABELS)
        limits[key] = found = kernel.read(cgroup)
        quota = bounded(found.cpu_cores) or 0.0
        samples[key] = Sample(
            {
                "cpu_usage_cores": min(cores[key], quota),
                "cpu_throttled_periods_ratio": float(cores[key] > quota),
                "memory_working_set_bytes": float(sizes[key]),
            }
        )
    host = {"cpu_usage_cores": 1.0, "host_memory_total_bytes": 64.0 * GIB, "host_memory_available_bytes": 48.0 * GIB}
    return Snapshot(now_ms, 1.0, "harbour", "v2", Sample(host), targets, samples, limits)


def child(folder: Path, began_ns: int, seed: int) -> None:
    """Decides in one thread and acts in another until it is killed."""
    state, draw = open_state(folder / "state.db"), random.Random(seed)
    controller, kernel = controller_over(folder, state)

    def now_ms() -> int:
        return START_MS + (time.time_ns() - began_ns) * SPEED // 1_000_000

    controller.recover(now_ms())

    def act() -> None:
        while True:
            if controller.act(now_ms()) > 0:
                time.sleep(0.001)

    threading.Thread(target=act, daemon=True).start()
    print("up", flush=True)
    sizes = {key: int((folder / f"tree/docker/{key}/memory.current").read_text()) for key in KEYS}
    while True:
        cores = {key: draw.choice((0.05, 0.4, 1.0, 2.0)) for key in KEYS}
        for key in KEYS:
            most = int((folder / f"tree/docker/{key}/memory.max").read_text())
            sizes[key] = min(max(20 * MIB, round(sizes[key] * draw.uniform(0.8, 1.25))), 900 * MIB, most - 4096)
            use(folder, key, sizes[key])
        controller.consider(snapshot_of(kernel, now_ms(), cores, sizes), (), now_ms())
        time.sleep(1 / SPEED)


def kill_often(folder: Path, kills: int, seed: int) -> Counter[str]:
    """The kills, a look after each, and at the end an undo of everything; counts of what happened and what went wrong
    (``unsettled``, ``stale_high``, ``unexplained``, ``no_original``, ``not_restored``)."""
    build(folder)
    draw, began_ns, counts = random.Random(seed), time.time_ns(), Counter[str]()
    for number in range(kills):
        command = [sys.executable, "-m", "tests.limits.storm", "child", str(folder), str(began_ns), str(seed + number)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            if process.stdout is None or process.stdout.readline() != "up\n":
                raise RuntimeError("the child did not begin")
            time.sleep(0.15 + 0.8 * draw.random())
            os.kill(process.pid, signal.SIGKILL)
        now_ms = START_MS + (time.time_ns() - began_ns) * SPEED // 1_000_000
        look_after(folder, now_ms, counts, last=number == kills - 1)
    return counts


def look_after(folder: Path, now_ms: int, counts: Counter[str], *, last: bool) -> None:
    """What the next start finds, and what it makes of it."""
    state = open_state(folder / "state.db")
    highs = {key: (folder / f"tree/docker/{key}/memory.high").read_text().strip() for key in KEYS}
    counts["cut_off"] += len(state.changes(statuses=(ChangeStatus.PENDING.value,), limit=1000))
    counts["highs_left"] += sum(high != "max" for high in highs.values())
    controller, kernel = controller_over(folder, state)
    controller.recover(now_ms)
    counts["stale_high"] += sum(
        (folder / f"tree/docker/{key}/memory.high").read_text().strip() != "max" for key in KEYS
    )
    controller.pause(True, "looking", None, "test", now_ms)
    idle, sizes = dict.fromkeys(KEYS, 0.05), dict.fromkeys(KEYS, 40 * MIB)
    for second in range(15):
        at_ms = now_ms + 1000 * second
        controller.consider(snapshot_of(kernel, at_ms, idle, sizes), (), at_ms)
        while controller.act(at_ms) <= 0:
            pass
    counts["unsettled"] += len(state.changes(statuses=(ChangeStatus.PENDING.value,), limit=1000))
    originals = state.originals()
    for key in KEYS:
        shown, rows = kernel.read(f"/docker/{key}"), state.changes(container_id=key, limit=10_000)
        counts["changes"] = len(state.changes(limit=1_000_000))
        changed = False
        for knob, value, first in (
            ("cpu", shown.cpu_cores, cores_of(NATIVE)),
            ("memory", shown.memory_bytes, memory_of(NATIVE)),
        ):
            if not alike(knob, value, first):
                changed = True
                counts["unexplained"] += not alike(knob, value, last_written(rows, knob))
        counts["no_original"] += changed and (key not in originals or native_of(originals[key].native) != NATIVE)
    if last:
        for key in KEYS:
            use(folder, key, 20 * MIB)
        controller.undo("test", now_ms + 20_000, everything=True)
        for key in KEYS:
            shown = kernel.read(f"/docker/{key}")
            whole = alike("cpu", shown.cpu_cores, cores_of(NATIVE)) and shown.memory_bytes == memory_of(NATIVE)
            saved = native_of(Runtime(folder).inspect(key).native)
            counts["not_restored"] += not whole or saved != NATIVE
    else:
        controller.pause(False, "", None, "test", now_ms + 15_000)
    controller.close()
    state.close()


WRONG = ("unsettled", "stale_high", "unexplained", "no_original", "not_restored")


def main(arguments: list[str]) -> int:
    logging.disable()
    if arguments and arguments[0] == "child":
        child(Path(arguments[1]), int(arguments[2]), int(arguments[3]))
    kills = int(arguments[0]) if arguments else 100
    with tempfile.TemporaryDirectory() as folder:
        counts = kill_often(Path(folder), kills, seed=kills)
    print(f"{kills} kills: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    return int(any(counts[what] for what in WRONG))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
