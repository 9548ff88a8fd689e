"""Fills an empty data folder with the demo's history, through the ordinary stores, and marks it."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from config.schema import Settings
from daemon.build import host_name, make_folder, series_path, state_path
from daemon.demo.load import MIB, Columns, Plan, columns, noise
from daemon.demo.story import Story, told
from model.errors import StoreError, UsageError
from model.outside import rfc3339
from storage.api import Stretch
from storage.factory import open_history_writer, open_state

log = logging.getLogger(__name__)

MARK = "demo.json"
STRETCH_MS = 300_000
EDGE_MS = 10_000
MOST_CONTAINERS = 2000
MOST_MS = 31 * 86_400_000
HOST_CORES = 16
HOST_MEMORY = 64 << 30


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written."""

    folder: Path
    rows: int
    values: int
    bytes: int
    alerts: int
    changes: int


def backfill(settings: Settings, *, until_ms: int, span_ms: int, containers: int, seed: int) -> Filled:
    """Seconds of ``containers`` up to ``until_ms``. Raises UsageError where the folder holds anything already."""
    if not 1 <= containers <= MOST_CONTAINERS:
        raise UsageError(f"--containers is between 1 and {MOST_CONTAINERS}")
    if not 600_000 <= span_ms <= MOST_MS:
        raise UsageError("--backfill is between 10m and 31d")
    folder = Path(settings.agent.data_dir)
    refuse_filled(folder)
    make_folder(folder, "agent.data_dir")
    until_ms -= until_ms % EDGE_MS
    since_ms = (until_ms - span_ms) // STRETCH_MS * STRETCH_MS
    host = host_name(settings)
    put_mark(folder, until_ms, containers, seed)
    story = told(host, since_ms, until_ms, containers, seed)
    rows, values = write_series(settings, story, host, since_ms, until_ms, seed)
    write_state(settings, story)
    size = sum(p.stat().st_size for p in folder.glob("series.db*"))
    return Filled(folder, rows, values, size, len(story.transitions), len(story.changes))


def refuse_filled(folder: Path) -> None:
    """Raises UsageError where a history, real or made up, is there."""
    if is_demo(folder):
        raise UsageError(f"{folder} holds a demo already: delete it, or name another folder with --data-dir")
    there = [p.name for name in ("series.db", "state.db", "spool") if (p := folder / name).exists()]
    if there:
        raise UsageError(f"{folder} holds real data ({', '.join(there)}): name an empty folder with --data-dir")


def is_demo(folder: Path) -> bool:
    """Whether the folder's history is made up."""
    return (folder / MARK).exists()


def put_mark(folder: Path, until_ms: int, containers: int, seed: int) -> None:
    """Before the first row, so that half a demo is never taken for a history."""
    try:
        (folder / MARK).write_text(
            json.dumps({"demo": True, "until": rfc3339(until_ms), "containers": containers, "seed": seed}) + "\n"
        )
    except OSError as e:
        raise StoreError(f"cannot write in {folder} ({e.strerror}): make it writable") from e


def write_series(
    settings: Settings, story: Story, host: str, since_ms: int, until_ms: int, seed: int
) -> tuple[int, int]:
    """(rows, values) written: five minutes of everything a transaction."""
    writer = open_history_writer(series_path(settings), settings.store, host)
    wave = noise(seed)
    rows = values = 0
    events = list(story.events)
    try:
        for begin in range(since_ms, until_ms, STRETCH_MS):
            end = min(begin + STRETCH_MS, until_ms)
            stretches = [
                Stretch(plan.target, times, made)
                for i, plan in enumerate(story.plans)
                for times, made in part(plan, begin, end, wave, i)
            ]
            stretches.append(Stretch(None, range(begin, end, 1000), of_host(stretches, begin, end)))
            happened = [e for e in events if e.at_ms < end]
            del events[: len(happened)]
            writer.append_many(stretches, happened)
            rows += sum(len(s.times) for s in stretches)
            values += sum(len(s.times) * len(s.columns) for s in stretches)
        writer.append_many((), events)
    finally:
        writer.close()
    return rows, values


def part(plan: Plan, begin: int, end: int, wave: Sequence[float], number: int) -> list[tuple[range, Columns]]:
    """What of a plan lies in these minutes; cut where a limit changes, so that each piece has one. Pure."""
    first, last = max(begin, plan.since_ms), min(end, plan.until_ms)
    cuts = [first, *(t for t, _ in plan.limits if first < t < last), last]
    offset = (begin // STRETCH_MS * 611 + number * 1499) % (len(wave) // 2)
    pieces = [range(a, b, 1000) for a, b in pairwise(cuts) if a < b]
    return [(times, columns(plan, times, wave, offset)) for times in pieces]


def of_host(stretches: Sequence[Stretch], begin: int, end: int) -> Columns:
    """The host's own columns: the sums of its containers, and what the machine has. Pure."""
    rows = (end - begin) // 1000
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * rows)
    for stretch in stretches:
        first = (stretch.times[0] - begin) // 1000
        for name in ("cpu_usage_cores", "memory_usage_bytes", "network_receive_bytes_per_second"):
            whole, added = sums[name], stretch.columns[name]
            whole[first : first + len(added)] = map(sum, zip(whole[first : first + len(added)], added, strict=True))
    used = [min(HOST_MEMORY * 0.97, v + 900 * MIB) for v in sums["memory_usage_bytes"]]
    cpu = [min(float(HOST_CORES), v + 0.05) for v in sums["cpu_usage_cores"]]
    return {
        "cpu_usage_cores": cpu,
        "memory_usage_bytes": used,
        "network_receive_bytes_per_second": sums["network_receive_bytes_per_second"],
        "host_cpu_count": [float(HOST_CORES)] * rows,
        "host_load_1m": [v * 1.1 for v in cpu],
        "host_memory_total_bytes": [float(HOST_MEMORY)] * rows,
        "host_memory_available_bytes": [HOST_MEMORY - v for v in used],
        "host_disk_used_ratio{/}": [0.41] * rows,
    }


def write_state(settings: Settings, story: Story) -> None:
    """Alerts and limit changes, as the agent would have left them."""
    state = open_state(state_path(settings))
    try:
        for transition in story.transitions:
            state.commit([transition], [transition.alert], [])
        for change in story.changes:
            state.put_change(change)
            state.audit(change.at_ms, change.actor, "limits.set", change.name, {"change_id": change.id})
    finally:
        state.close()


def say_if_demo(settings: Settings) -> None:
    """One line in the log where the history is made up."""
    if is_demo(Path(settings.agent.data_dir)):
        log.warning("%s is a demo: its history was made up by 'wharfinger demo'", settings.agent.data_dir)
