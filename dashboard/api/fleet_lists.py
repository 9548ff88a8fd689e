"""Hosts and containers as the other dashboards list them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dashboard.services import Services
from model.errors import AgentAway

Item = dict[str, Any]


def of_fleet(services: Services, host: str | None, *, everything: bool) -> Iterable[Item]:
    """Containers of the other hosts as their own dashboards list them, with limits, findings and policy.

    A host that does not answer lists nothing here: what the remote store knows of it stays.
    """
    fleet = services.fleet
    if fleet is None:
        return ()
    query = {"state": "all" if everything else "running", "limit": "5000"}
    if host is None:
        return [item for items in fleet.gather("/containers", query).values() for item in items]
    if host not in fleet.names():
        return ()
    try:
        return fleet.items(host, "/containers", query | {"host": host})
    except AgentAway:
        return ()


def with_fleet(services: Services, found: list[Item], away: Callable[[str], Item]) -> list[Item]:
    """The hosts, those of the fleet as their own dashboards tell; ``away`` makes the item of one that is not known."""
    fleet = services.fleet
    if fleet is None:
        return found
    by_name = {item["name"]: item for item in found}
    told = fleet.gather("/hosts", {})
    for name in fleet.names():
        if name in by_name and by_name[name]["own"]:
            continue
        item = next((item for item in told.get(name, ()) if item.get("name") == name), None)
        if item is None:
            by_name[name] = by_name.get(name, away(name)) | {"state": "away"}
        else:
            by_name[name] = item | {"own": False}
    return list(by_name.values())
