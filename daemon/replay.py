"""Rules tried on the stored history, in the process that asks: never in the agent's, whose clock it would hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from alerts.replay import Firing, replay
from alerts.rulefile import parse
from alerts.rules import load
from config.schema import Settings
from daemon.build import host_name, series_path
from model.alert import Rule
from model.limits import Limits
from model.metrics import CONTAINER_METRICS, HOST_METRICS, METRIC_BY_NAME
from model.outside import finite, rfc3339
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.api import KnownContainer, SeriesQuery, SeriesReader
from storage.factory import open_series_reader
from storage.recent import RecentMemory

CHUNK_MS = 1_800_000
FINE_MS = 2 * 3_600_000
"""So much history is gone through second by second; more in steps of ten seconds."""


def replay_rules(settings: Settings, until_ms: int, seconds: float, text: str = "") -> tuple[Firing, ...]:
    """When the rules of the settings, or those of ``text`` (a rule file), would have fired in the last ``seconds``.
    Raises InvalidInput, StoreError."""
    rules = parse(text, "toml") if text else load(settings.alerts)
    reader = open_series_reader(series_path(settings))
    try:
        snapshots = history(reader, rules, host_name(settings), until_ms - round(seconds * 1000), until_ms)
        prefix = settings.discovery.label_prefix
        return replay(rules, snapshots, RecentMemory(), host_name(settings), prefix)
    finally:
        reader.close()


def firing_json(firing: Firing) -> dict[str, object]:
    """One firing as it looks from outside."""
    return {
        "rule": firing.rule,
        "severity": firing.severity,
        "container_id": firing.container_id,
        "name": firing.name,
        "started_at": rfc3339(firing.started_at_ms),
        "ended_at": rfc3339(firing.ended_at_ms),
        "value": finite(firing.value),
        "summary": firing.summary,
    }


def history(reader: SeriesReader, rules: Sequence[Rule], host: str, since_ms: int, until_ms: int) -> Iterator[Snapshot]:
    """The stored ticks of the host as snapshots, oldest first. What the store does not keep (labels, events, raw
    readings) is not in them."""
    step_ms = 1000 if until_ms - since_ms <= FINE_MS else 10_000
    known = {c.id: c for c in reader.containers(seen_since_ms=since_ms) if c.host == host}
    own, hosts = metrics_of(rules)
    begin = -(-since_ms // step_ms) * step_ms
    for at_ms in range(begin, until_ms, CHUNK_MS):
        end_ms = min(until_ms, at_ms + CHUNK_MS)
        values = chunk(reader, SeriesQuery(own, at_ms, end_ms, host=host, step_ms=step_ms))
        of_host = chunk(reader, SeriesQuery(hosts, at_ms, end_ms, host=host, of_host=True, step_ms=step_ms))
        for moment in sorted(values.keys() | of_host.keys()):
            yield snapshot_of(moment, step_ms, host, values.get(moment, {}), of_host.get(moment, {}).get("", {}), known)


def metrics_of(rules: Sequence[Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of the containers' and of the host's metrics the rules need: all, where a detector is among them."""
    enabled = [rule for rule in rules if rule.enabled]
    named = [n for rule in enabled for n in (rule.condition.metric, rule.condition.divisor) if n and "{" not in n]
    if any(rule.condition.detector for rule in enabled):
        named += [spec.name for spec in CONTAINER_METRICS + HOST_METRICS]
    scopes = {name: METRIC_BY_NAME[name].scope for name in (*named, "pids", "host_cpu_count")}
    own = tuple(name for name, scope in scopes.items() if scope != "host")
    return own, tuple(name for name, scope in scopes.items() if scope != "container")


def chunk(reader: SeriesReader, query: SeriesQuery) -> dict[int, dict[str, dict[str, float]]]:
    """Moment → container → metric → value."""
    found: dict[int, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    result = reader.query(query)
    for column in result.series:
        counted = METRIC_BY_NAME[column.metric].kind == "count" if column.metric in METRIC_BY_NAME else False
        for i, value in enumerate(column.max if counted else column.avg):
            if value is not None:
                found[result.t0_ms + i * result.step_ms][column.container][column.metric] = value
    return found


def snapshot_of(
    at_ms: int,
    step_ms: int,
    host: str,
    values: dict[str, dict[str, float]],
    of_host: dict[str, float],
    known: dict[str, KnownContainer],
) -> Snapshot:
    """One tick."""
    targets, limits = {}, {}
    for key, metrics in values.items():
        if (container := known.get(key)) is None:
            continue
        targets[key] = Target(
            TargetId(container.runtime, key, 0),
            f"/{key}",
            container.name,
            container.image,
            group=container.group,
            service=container.service,
        )
        memory = metrics.get("memory_limit_bytes")
        limits[key] = Limits(
            cpu_cores=metrics.get("cpu_limit_cores"), memory_bytes=None if memory is None else round(memory)
        )
    samples = {key: Sample(values[key]) for key in targets}
    return Snapshot(at_ms, step_ms / 1000, host, "", Sample(of_host), targets, samples, limits)
