"""The doctor's look at the stores: pages, checksums; with ``--repair`` what is damaged is set aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config.schema import Settings
from daemon.build import series_path, spool_folder, state_path
from daemon.check import Check
from model.errors import StoreError

NEARLY_FULL = 0.8


def stores(settings: Settings, *, repair: bool) -> Iterator[Check]:
    """One check a database that is there, and one of what waits for InfluxDB."""
    from storage.factory import look_at_store, repair_store

    for path, kind in ((series_path(settings), "series"), (state_path(settings), "state")):
        if not path.exists():
            continue
        if repair:
            whole, said = repair_store(path, kind)
            yield Check(
                path.name, "ok" if whole else "warning", said, "" if whole else "stop the agent, then try again"
            )
            continue
        try:
            found = look_at_store(path, kind)
        except StoreError as e:
            yield Check(path.name, "warning", str(e), "run doctor as the agent's user")
            continue
        if found.fault:
            yield Check(path.name, "warning", found.fault, "stop the agent and run wharfinger doctor --repair")
        elif found.damaged:
            detail = f"{found.damaged} damaged chunks: each is a gap of minutes"
            yield Check(path.name, "warning", detail, "stop the agent and run wharfinger doctor --repair")
        else:
            yield Check(path.name, "ok", "whole")
    if settings.store.influxdb.url:
        yield spool(spool_folder(settings), settings.store.influxdb.spool_max_bytes)


def spool(folder: Path, most_bytes: int) -> Check:
    """What waits for InfluxDB on the disk, and whether it ever refused something."""
    from storage.influx.dead import FILE_NAME, DeadLetters

    try:
        waiting = sum(path.stat().st_size for path in folder.glob("*.spool"))
        refused = DeadLetters(folder / FILE_NAME).last()
    except OSError as error:
        return Check("spool", "warning", f"{folder}: {error.strerror}", "run doctor as the agent's user")
    detail = f"{waiting >> 20} of {most_bytes >> 20} MiB wait for InfluxDB in {folder}"
    if waiting > most_bytes * NEARLY_FULL:
        remedy = "bring InfluxDB back, or raise store.influxdb.spool_max_bytes: at it the oldest lines are dropped"
        return Check("spool", "warning", detail, remedy)
    if refused:
        remedy = f"see {folder / FILE_NAME}; remove it when it is dealt with"
        return Check("spool", "warning", f"{detail}; lines were refused, the last at {refused}", remedy)
    return Check("spool", "ok", detail)
