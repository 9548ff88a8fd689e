"""This host's own history as traces: what its containers used is taken for what they wanted.

That is too little where a container was held back: usage is cut off at its quota. The report says how often.
"""

from __future__ import annotations

from backtest.trace import Trace, of_points
from model.errors import NotThere
from storage.api import SeriesQuery, SeriesReader

METRICS = ("cpu_usage_cores", "memory_working_set_bytes")
LEAST_S = 60


def from_store(series: SeriesReader, since_ms: int, until_ms: int, container: str = "") -> tuple[Trace, ...]:
    """A trace a container that was seen for a minute at least, or of that one alone. Raises NotThere where there is
    none."""
    only = (container,) if container else ()
    result = series.query(
        SeriesQuery(metrics=METRICS, since_ms=since_ms, until_ms=until_ms, containers=only, step_ms=1000)
    )
    points: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for one in result.series:
        key = (one.container, one.name)
        found = [(index * result.step_ms / 1000, value) for index, value in enumerate(one.avg) if value is not None]
        if found:
            points.setdefault(key, {})[one.metric] = found
    traces = [
        of_points(name, sides.get(METRICS[0], ()), sides.get(METRICS[1], ()))
        for (_, name), sides in sorted(points.items(), key=lambda item: item[0])
    ]
    long_enough = tuple(trace for trace in traces if len(trace) >= LEAST_S)
    if not long_enough:
        raise NotThere(
            f"the store holds no minute of {'it' if container else 'any container'} in that time: choose a longer range"
        )
    return long_enough
