"""The results as a page: tables with mean, least and most over seeds, losses included. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backtest.report import Row
from tools.evaluation.cells import BURSTS, CAPTAIN, CVS, MEMORY_POLICIES, OURS, TARGETS, VPA, Cell
from tools.evaluation.frontier import Point, ratios

Rows = Mapping[Cell, Row]
HEAD = """# Results of the evaluation

Written by `make evaluation`; what is simulated stands in [evaluation](evaluation.md). Cells are means over containers
and seeds, in brackets the least and most over seeds. `rps` and `nab` were used for tuning, `vasim` is the test.
`nab`: the first 4 h of ten instances; `vasim`: four windows of 2 h of two containers; `rps`: 1 h of four; memory: 40
synthetic containers with bursts of 2–200 MiB/s, every fourth leaking, 3 h.

**Ratio** is our CPU law's cores over the other's at equal throttled share: our frontier (targets from .0003 to .8, the
law alone) read at the other's points. Below 1 we need less.
"""
AIRBAG = (
    "Real containers on a real kernel with cgroup v2 (6.1, in the guest of `tests/vm`), under `auto`: from 64 to",
    "300 MiB under a limit of 128 MiB, while the whole agent watches. The guest's processor is emulated, and the agent",
    "shares it: growth may be slower than its rate says. Without a stall it takes 11.8, 3.9 and 1.6 s.",
)


def page(rows: Rows, seeds: int, airbag: Sequence[str] = ()) -> str:
    """``airbag``: the table of what real containers did in the guest, where that was run."""
    groups = [(group, "none", cv) for group in ("rps", "nab", "vasim") for cv in CVS]
    groups += [("rps", bursts, 0.6) for bursts in BURSTS]
    there = {(cell.group, cell.bursts, cell.cv) for cell in rows}
    groups = [group for group in groups if group in there]
    parts = [HEAD, f"Seeds: {seeds}.", "", "## Cores at equal throttling", "", *frontier_table(rows, groups, seeds)]
    for group in groups:
        parts += ["", f"## {title(group)}", "", *cpu_table(rows, group)]
    parts += ["", "![Cores against throttled share](images/frontier.svg)", "", "## Memory", "", *memory_table(rows)]
    if airbag:
        parts += ["", "## Memory that outgrows the tick", "", *AIRBAG, "", *airbag]
    return "\n".join([*parts, ""])


def title(group: tuple[str, str, float]) -> str:
    name, bursts, cv = group
    return f"{name}, cv {cv}" + ("" if bursts == "none" else f", bursts {bursts}")


def picked(rows: Rows, group: tuple[str, str, float], policy: str) -> list[Row]:
    return [row for cell, row in rows.items() if (cell.group, cell.bursts, cell.cv, cell.policy) == (*group, policy)]


def points(rows: Rows, group: tuple[str, str, float], policies: Iterable[str], seed: int) -> list[Point]:
    """(throttled share, cores) of these policies with one seed."""
    wanted = set(policies)
    return [
        (row["throttled_period_ratio"] or 0.0, row["cpu_allocation_cores"] or 0.0)
        for cell, row in rows.items()
        if (cell.group, cell.bursts, cell.cv, cell.seed) == (*group, seed) and cell.policy in wanted
    ]


def frontier_table(rows: Rows, groups: list[tuple[str, str, float]], seeds: int) -> list[str]:
    lines = ["| set | ratio to Captain | ratio to VPA live, r ≥ 1.5 |", "|---|---|---|"]
    everything: list[float] = []
    for group in groups:
        cells = [title(group)]
        for others in (CAPTAIN, VPA):
            found = []
            for seed in range(1, seeds + 1):
                own = points(rows, group, (f"law-{target}" for target in TARGETS), seed)
                found += ratios(own, points(rows, group, others, seed))
            if others is CAPTAIN:
                everything += found
            cells.append(spread(found, "{:.3f}"))
        lines.append(f"| {' | '.join(cells)} |")
    mean = sum(everything) / len(everything) if everything else float("nan")
    return [*lines, f"| **mean** | **{mean:.3f}** | |"]


def spread(values: list[float], form: str) -> str:
    if not values:
        return "–"
    low, high = form.format(min(values)), form.format(max(values))
    middle = form.format(sum(values) / len(values))
    return middle if low == high else f"{middle} ({low}–{high})"


COLUMNS = (
    ("throttled %", "throttled_period_ratio", 100.0, "{:.2f}"),
    ("cores", "cpu_allocation_cores", 1.0, "{:.3f}"),
    ("slack %", "cpu_slack_ratio", 100.0, "{:.0f}"),
    ("delay ms", "delay_ms", 1.0, "{:.2f}"),
    ("lost %", "lost_work_ratio", 100.0, "{:.3f}"),
    ("changes/h", "changes_per_container_hour", 1.0, "{:.0f}"),
    ("API/h", "api_updates_per_container_hour", 1.0, "{:.0f}"),
)


def cpu_table(rows: Rows, group: tuple[str, str, float]) -> list[str]:
    lines = [f"| policy | {' | '.join(head for head, *_ in COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for policy in (*OURS, *CAPTAIN, *VPA, "unlimited"):
        own = picked(rows, group, policy)
        cells = [
            spread([value * factor for row in own if (value := row[name]) is not None], form)
            for _, name, factor, form in COLUMNS
        ]
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    return lines


def memory_table(rows: Rows) -> list[str]:
    lines = [
        "| policy | kills per container-day | stall s per container-day | MiB | changes/h |",
        "|---|---|---|---|---|",
    ]
    for policy in MEMORY_POLICIES:
        for cgroup in ("v1", "v2"):
            own = [
                row
                for cell, row in rows.items()
                if (cell.group, cell.policy, cell.cgroup) == ("memory", policy, cgroup)
            ]
            if not own:
                continue
            cells = [
                spread([(row[name] or 0.0) * factor for row in own], form)
                for name, factor, form in (
                    ("oom_kills_per_container_day", 1.0, "{:.2f}"),
                    ("stall_s_per_container_day", 1.0, "{:.1f}"),
                    ("memory_allocation_bytes", 2.0**-20, "{:.0f}"),
                    ("changes_per_container_hour", 1.0, "{:.1f}"),
                )
            ]
            lines.append(f"| {policy}{f' ({cgroup})' if policy == 'balanced' else ''} | {' | '.join(cells)} |")
    return lines
