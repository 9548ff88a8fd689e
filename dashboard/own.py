"""The daemon's own numbers on ``/metrics``: name, type, help, and the labels that each series has. Pure.

The agent and the web process count; here stands what the numbers mean. One row a family: it feeds the page and the docs.
"""

# ruff: noqa: E501 - one row a family, as one reads a table

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isinf, isnan
from typing import Final, Literal

PREFIX: Final = "wharfinger_"


@dataclass(frozen=True, slots=True)
class OwnFamily:
    """``label``: what tells its series apart; empty: there is one."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    label: str = ""


# fmt: off
OWN_FAMILIES: Final[tuple[OwnFamily, ...]] = (
    OwnFamily("wharfinger_build_info", "gauge", "Always 1; the version that runs.", "version"),
    OwnFamily("wharfinger_ticks_total", "counter", "Ticks since the start."),
    OwnFamily("wharfinger_late_ticks_total", "counter", "Ticks that were skipped because the one before was not done."),
    OwnFamily("wharfinger_tick_seconds_total", "counter", "Time that ticks took."),
    OwnFamily("wharfinger_tick_last_seconds", "gauge", "Time that the last tick took."),
    OwnFamily("wharfinger_tick_lateness_seconds", "gauge", "How much after its second the last tick began."),
    OwnFamily("wharfinger_clock_steps_total", "counter", "Times that the wall clock was set."),
    OwnFamily("wharfinger_step_seconds_total", "counter", "Time that a step of the tick took.", "step"),
    OwnFamily("wharfinger_step_failures_total", "counter", "Ticks in which a step failed; step series is the store's.", "step"),
    OwnFamily("wharfinger_worker_failures_total", "counter", "Faults of a job beside the tick.", "worker"),
    OwnFamily("wharfinger_store_lost_rows_total", "counter", "Samples that the store did not take and that had no more room in memory."),
    OwnFamily("wharfinger_spool_bytes", "gauge", "What waits on the disk for InfluxDB; absent where none is named."),
    OwnFamily("wharfinger_spool_dropped_lines_total", "counter", "Oldest lines dropped because the spool was full."),
    OwnFamily("wharfinger_influxdb_lines_accepted_total", "counter", "Lines that InfluxDB took."),
    OwnFamily("wharfinger_influxdb_lines_rejected_total", "counter", "Lines that InfluxDB refused for good."),
    OwnFamily("wharfinger_influxdb_requests_total", "counter", "Requests to InfluxDB."),
    OwnFamily("wharfinger_influxdb_requests_failed_total", "counter", "Requests to InfluxDB that failed; their lines wait."),
    OwnFamily("wharfinger_limit_changes_applied_total", "counter", "Limit changes in force, undoing ones included."),
    OwnFamily("wharfinger_limit_changes_refused_total", "counter", "Limit changes that the guard or the runtime refused."),
    OwnFamily("wharfinger_limit_changes_failed_total", "counter", "Limit changes that were tried and are not in force."),
    OwnFamily("wharfinger_limit_changes_reverted_total", "counter", "Limit changes that were taken back."),
    OwnFamily("wharfinger_limits_auto_containers", "gauge", "Containers whose limits may be adjusted (auto)."),
    OwnFamily("wharfinger_link_connections", "gauge", "Connections to the agent's socket."),
    OwnFamily("wharfinger_web_streams", "gauge", "Live streams that are open."),
    OwnFamily("wharfinger_web_streams_refused_total", "counter", "Live streams over the cap."),
    OwnFamily("wharfinger_process_cpu_seconds_total", "counter", "Processor time of the agent."),
    OwnFamily("wharfinger_process_resident_memory_bytes", "gauge", "Resident memory of the agent, shared pages included."),
    OwnFamily("wharfinger_process_open_fds", "gauge", "Files that the agent has open."),
    OwnFamily("wharfinger_process_threads", "gauge", "Threads of the agent."),
    OwnFamily("wharfinger_own_cpu_seconds_total", "counter", "Processor time of each of our processes.", "process"),
    OwnFamily("wharfinger_own_memory_bytes", "gauge", "Memory of each of our processes: its share of what is shared (PSS) where that may be read.", "process"),
    OwnFamily("wharfinger_runtime_cpu_seconds_total", "counter", "Processor time of a runtime's daemon, for whomever it worked.", "process"),
    OwnFamily("wharfinger_runtime_memory_bytes", "gauge", "Resident memory of a runtime's daemon.", "process"),
    OwnFamily("wharfinger_runtime_requests_total", "counter", "Requests that we made of a runtime.", "runtime"),
    OwnFamily("wharfinger_runtime_request_seconds_total", "counter", "Time that those took to be answered.", "runtime"),
)
# fmt: on
OWN_BY_NAME: Final = {family.name: family for family in OWN_FAMILIES}


def header(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def number(value: float) -> str:
    """As Go prints it, near enough for every parser."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def own_lines(numbers: Mapping[str, float]) -> Iterator[str]:
    """``numbers`` by name, labels in it. A family that has no row is shown all the same, by what its name says."""
    families: dict[str, list[str]] = {}
    for name, value in numbers.items():
        families.setdefault(name.partition("{")[0], []).append(f"{name} {number(value)}")
    for name in sorted(families):
        known = OWN_BY_NAME.get(name)
        kind = known.kind if known else "counter" if name.endswith("_total") else "gauge"
        yield from header(name, kind, known.help if known else name.removeprefix(PREFIX).replace("_", " "))
        yield from families[name]
