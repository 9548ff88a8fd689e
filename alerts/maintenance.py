"""Maintenance windows of the configuration: silences whose hours recur."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from alerts.hours import hours_of
from alerts.table import Table
from config.schema import AlertSettings, MaintenanceSettings
from model.alert import Selector, Silence
from model.errors import Fault, InvalidInput
from model.identity import fingerprint

FOREVER_MS: Final = round(datetime(9999, 1, 1, tzinfo=UTC).timestamp() * 1000)


def windows(settings: AlertSettings) -> tuple[Silence, ...]:
    """One silence a window. Raises InvalidInput with all faults."""
    faults: list[Fault] = []
    found = tuple(window(item, f"alerts.maintenance[{i}]", faults) for i, item in enumerate(settings.maintenance))
    if faults:
        raise InvalidInput(tuple(faults))
    return found


def window(item: MaintenanceSettings, path: str, faults: list[Fault]) -> Silence:
    """One window; what is wrong with it joins ``faults``."""
    if not (item.start or item.end or item.days):
        faults.append(Fault(path, "has neither start, end nor days, so nobody would ever be told: give it hours"))
    hours = hours_of(
        Table({"start": item.start, "end": item.end, "days": list(item.days), "zone": item.zone}, path, faults),
        since="start",
        until="end",
    )
    parts = (item.comment, item.start, item.end, *item.days, "|", *item.rules, "|", *item.name, "|", *item.group)
    return Silence(
        id=fingerprint(("maintenance", path, *parts)),
        selector=Selector(name=tuple(item.name), group=tuple(item.group), host=tuple(item.host)),
        rules=tuple(item.rules),
        starts_at_ms=0,
        ends_at_ms=FOREVER_MS,
        created_by="configuration",
        comment=item.comment,
        hours=hours,
        source="config",
    )
