"""Where a question about history is answered: by this host's store, by InfluxDB, or by another host's dashboard."""

from __future__ import annotations

from typing import Any

from dashboard.api.elsewhere import is_elsewhere, on_its_host
from dashboard.api.inventory import resolve
from dashboard.api.layer import Call
from dashboard.api.values import listed
from dashboard.errors import invalid
from dashboard.services import Services
from model.errors import NotThere
from model.metrics import spec_of
from storage.api import SeriesReader


def reader_of(services: Services, host: str | None) -> SeriesReader:
    """The store that holds a host's history. Raises NotThere."""
    own = services.own_host()
    if host == own or (host is None and (own or services.remote is None)):
        return services.series
    if services.remote is None:
        raise NotThere(f"the history of {host} is not here: set store.influxdb.url, or ask that host (this is {own})")
    return services.remote


def by_its_dashboard(call: Call[Any, None]) -> object:
    """Where no InfluxDB is named: the answer of the other host's own dashboard; None where we can ask a store."""
    if call.services.remote is not None:
        return None
    asked = call.query
    hosts = {asked.host} if asked.host else set()
    for text in () if asked.host else listed(asked.container)[:1]:
        hosts = {resolve(call.services, text).host}
    host = next(iter(hosts), None)
    return on_its_host(call, host) if is_elsewhere(call, host) else None


def metric_names(text: str) -> tuple[str, ...]:
    """Checked catalogue names. Raises Problem 422."""
    names = listed(text)
    unknown = [name for name in names if spec_of(name) is None]
    if unknown or not names:
        raise invalid("metrics", f"{', '.join(unknown[:5]) or 'an empty list'}: not in the metric catalogue")
    return names
