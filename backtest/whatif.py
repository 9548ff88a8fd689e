"""What one container would have gone through under other policies, beside what it did go through."""

from __future__ import annotations

from math import inf
from typing import Any

from backtest import policies
from backtest.history import from_store
from backtest.run import judge
from backtest.simulator import Options
from model.errors import Fault, InvalidInput, UsageError
from model.whatif import WhatIf
from storage.api import SeriesQuery, SeriesReader

MEASURED = {
    "throttled_period_ratio": "cpu_throttled_periods_ratio",
    "cpu_usage_cores": "cpu_usage_cores",
    "cpu_allocation_cores": "cpu_limit_cores",
    "memory_allocation_bytes": "memory_limit_bytes",
}
"""Number of the answer → metric whose mean it is."""
MOST_EVENTS = 10_000
HOUR_MS = 3_600_000


def what_if(series: SeriesReader, asked: WhatIf, memory_peak_window: str = "24h") -> dict[str, Any]:
    """The form of the command's ``--json``, and with it ``seconds`` of history and ``measured``: what really was.

    Raises InvalidInput for a policy that there is none, NotThere where the store holds no minute, StoreError.
    """
    for number, name in enumerate(asked.policies):
        try:
            policies.check(name)
        except UsageError as fault:
            raise InvalidInput((Fault(f"policies[{number}]", str(fault)),)) from None
    traces = from_store(series, asked.since_ms, asked.until_ms, asked.container_id)
    judged = judge(traces, asked.policies, seeds=asked.seeds, options=options_of(asked, memory_peak_window), workers=1)
    return {**judged, "seconds": max(map(len, traces)), "measured": measured(series, asked)}


def options_of(asked: WhatIf, memory_peak_window: str) -> Options:
    """Options that begin where the container is, and end where its owner says. Pure."""
    return Options(
        cpu_start=inf if asked.cpu_start is None else asked.cpu_start,
        cpu_min=asked.cpu_min,
        cpu_max=asked.cpu_max,
        cores=asked.cores,
        memory_start=inf if asked.memory_start is None else asked.memory_start,
        memory_min=asked.memory_min,
        memory_max=asked.memory_max,
        cgroup="v2" if asked.v2 else "v1",
        shrink_memory=asked.shrink_memory,
        memory_peak_window=memory_peak_window,
    )


def measured(series: SeriesReader, asked: WhatIf) -> dict[str, float | None]:
    """Means of what the store holds of that time; None: not known, or without a limit."""
    span = max(1000, asked.until_ms - asked.since_ms)
    found = series.query(
        SeriesQuery(
            tuple(MEASURED.values()),
            asked.since_ms,
            asked.until_ms,
            containers=(asked.container_id,),
            step_ms=1000,
        )
    )
    means: dict[str, float] = {}
    for column in found.series:
        values = [value for value in column.avg if value is not None]
        if values:
            means[column.metric] = sum(values) / len(values)
    events = series.events(
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        container_id=asked.container_id,
        kinds=("limit_change", "oom"),
        limit=MOST_EVENTS,
    )
    numbers: dict[str, float | None] = {name: means.get(metric) for name, metric in MEASURED.items()}
    kills = sum(event.kind == "oom" for event in events)
    return numbers | {
        "changes_per_container_hour": (len(events) - kills) * HOUR_MS / span,
        "oom_kills_per_container_day": kills * 24 * HOUR_MS / span,
    }
