"""``python -m tools.gen_docs``: the parts of the docs that are made from code, written between their marks.

A page holds ``<!-- made from code: NAME -->`` … ``<!-- end -->``; what stands between is replaced. Pages that
are wholly handwritten have no marks. ``tests/docs`` checks that nothing is stale.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

from config.describe import SettingSpec, settings
from dashboard.exposition import MACHINE_GAUGES, SCRAPE_ERROR
from dashboard.families import FAMILIES as CADVISOR_FAMILIES
from dashboard.own import OWN_FAMILIES
from model.metrics import METRICS, MetricSpec
from tools.bench.result import Spec
from tools.bench.rooms import ROOMS
from tools.licences import licences

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- made from code: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

SECTIONS = {
    "agent": "The agent itself.",
    "host": "Where the host's file systems are seen; other paths inside a container.",
    "discovery": "Which containers are found.",
    "store": "What is kept, for how long. SQLite is always there.",
    "store.influxdb": "InfluxDB: a `url` alone turns the push on.",
    "web": "Dashboard, API and `/metrics`.",
    "web.oidc": "Signing in by an OpenID Connect provider; see [sign-in](sign-in.md).",
    "alerts": "Rules and receivers; `webhook_url` alone is enough for a first receiver.",
    "alerts.receiver[]": "One receiver each, written `[[alerts.receiver]]`.",
    "alerts.maintenance[]": "Hours that recur in which nobody is told, written `[[alerts.maintenance]]`; "
    "see [alerts](alerts.md).",
    "limits": "What the limit controller may do to a container that says nothing itself.",
    "fleet[]": "Other hosts whose limits, alerts and live stream this dashboard reaches, written `[[fleet]]`.",
}
FAMILIES = {
    "cpu": "CPU",
    "memory": "Memory",
    "io": "Block I/O",
    "pids": "Processes",
    "network": "Network",
    "host": "Host only",
}


def toml(value: object) -> str:
    """A default as it would be written in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(toml(v) for v in value)}]"
    return "{}" if value == {} else f"{value}"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell(c) for c in line)} |" for line in lines) + "\n"


def settings_tables() -> str:
    """One table a section of the configuration."""

    def section(s: SettingSpec) -> str:
        return s.path.rpartition(".")[0]

    def row(s: SettingSpec) -> tuple[str, ...]:
        name = s.path.rpartition(".")[2]
        return f"`{name}`", s.type, f"`{toml(s.default)}`", s.help + (" A secret." if s.secret else "")

    parts = []
    for name, rows in groupby(sorted(settings(), key=lambda s: list(SECTIONS).index(section(s))), key=section):
        title = f"[[{name.removesuffix('[]')}]]" if name.endswith("[]") else f"[{name}]"
        parts.append(f"### `{title}`\n\n{SECTIONS[name]}\n\n")
        parts.append(table(("setting", "type", "default", "what"), map(row, rows)) + "\n")
    return "".join(parts)


def metric_tables() -> str:
    """One table a family of the catalogue."""

    def family(m: MetricSpec) -> str:
        return FAMILIES.get(m.name.partition("_")[0], "Life")

    def row(m: MetricSpec) -> tuple[str, ...]:
        of = {"both": "container, host"}.get(m.scope, m.scope)
        return f"`{m.name}`", m.unit, m.kind, of, f"{m.resolution:g}", m.help

    parts = []
    for name, rows in groupby(METRICS, key=family):
        parts.append(f"## {name}\n\n")
        parts.append(table(("metric", "unit", "kind", "of", "resolution", "what"), map(row, rows)) + "\n")
    return "".join(parts)


def exposition_table() -> str:
    """The families of ``/metrics`` that cAdvisor has."""
    rows = [(f"`{f.name}`", f.kind, f.help.rstrip(".") + ".") for f in CADVISOR_FAMILIES]
    rows += [(f"`{name}`", "gauge", text) for name, text in (*MACHINE_GAUGES, SCRAPE_ERROR)]
    return "\n" + table(("family", "type", "what"), rows)


def own_table() -> str:
    """Those of the daemon itself."""
    rows = ((f"`{f.name}`", f.kind, f.label and f"`{f.label}`", f.help) for f in OWN_FAMILIES)
    return "\n" + table(("family", "type", "label", "what"), rows)


def bench_tables() -> str:
    """One table a room that has benches."""
    parts = []
    for name in ROOMS:
        specs: tuple[Spec, ...] = importlib.import_module(f"tools.bench.{name}").RESULTS
        rows = ((f"`{s.name}`", s.help, s.unit, "" if s.bar is None else f"{s.op} {s.bar:g}", s.anchor) for s in specs)
        parts.append(f"## {name}\n\n" + table(("name", "what", "unit", "bar", "baseline"), rows) + "\n")
    return "".join(parts)


def licence_table() -> str:
    """What an installation consists of."""
    return "\n" + table(("package", "version", "licence"), ((x.package, x.version, x.licence) for x in licences()))


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings_tables,
    "metrics": metric_tables,
    "benches": bench_tables,
    "exposition": exposition_table,
    "own-numbers": own_table,
    "licences": licence_table,
}


def renewed(text: str) -> str:
    """The page with every block made anew. Raises KeyError for a block that nobody makes."""
    return BLOCK.sub(lambda m: f"{m[1]}{BLOCKS[m[2]]()}{m[3]}", text)


def main() -> int:
    for page in sorted((ROOT / "docs").rglob("*.md")):
        before = page.read_text()
        after = renewed(before)
        if after != before:
            page.write_text(after)
            print(f"written: {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
