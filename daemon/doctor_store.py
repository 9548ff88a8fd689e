"""The doctor's look at the stores: pages, checksums; with ``--repair`` what is damaged is set aside."""

from __future__ import annotations

from collections.abc import Iterator

from config.schema import Settings
from daemon.build import series_path, state_path
from daemon.check import Check
from model.errors import StoreError


def stores(settings: Settings, *, repair: bool) -> Iterator[Check]:
    """One check a database that is there."""
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
