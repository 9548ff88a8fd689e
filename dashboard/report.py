"""The offline report: one HTML file with its charts, plotly itself and the figures inside; nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import escape

from dashboard.charts import CHARTS, TOKENS, layout_of, style_of
from model.outside import rfc3339
from storage.api import SeriesColumn, SeriesQuery, SeriesReader

POINTS: Final = 2000
TITLES: Final = {
    "cpu": "CPU, cores",
    "memory": "Memory, bytes",
    "pressure": "Pressure, share of time",
    "network": "Network, bytes per second (sent below zero)",
    "disk": "Disk, bytes per second (written below zero)",
    "operations": "Disk operations a second (written below zero)",
    "faults": "Memory, pages read from disk and read again, a second",
    "pids": "Processes and threads",
}
STYLE: Final = """
body { font: 14px/1.5 system-ui, sans-serif; color: #14191f; background: #fff; max-width: 1000px;
  margin: 24px auto; padding: 0 16px }
h1 { font-size: 20px; overflow-wrap: anywhere } h2 { font-size: 15px; margin: 24px 0 4px }
table { border-collapse: collapse } th, td { text-align: left; padding: 2px 16px 2px 0;
  vertical-align: top; overflow-wrap: anywhere }
th { font-weight: 500; color: #45505b }
"""


def file_name(name: str, until: str) -> str:
    """A file name that no system and no header trips over. Pure."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "container"
    return f"wharfinger-{safe}-{until[:19].replace(':', '')}.html"


def report(
    reader: SeriesReader, container_id: str, host: str, item: Mapping[str, Any], since_ms: int, until_ms: int
) -> str:
    """The whole document. ``item``: the container as ``GET /containers/{id}`` answers it."""
    metrics = tuple(dict.fromkeys(trace.metric for chart in CHARTS.values() for trace in chart.traces))
    points = POINTS if until_ms - since_ms > POINTS * 1000 else None
    result = reader.query(
        SeriesQuery(metrics, since_ms, until_ms, containers=(container_id,), host=host or None, points=points)
    )
    columns = {column.metric: column for column in result.series}
    parts = [f"<h1>{escape(item['name'])} <small>on {escape(host)}</small></h1>", facts(item, since_ms, until_ms)]
    first = True
    for chart, title in TITLES.items():
        drawing = drawn(chart, columns, result.t0_ms, result.step_ms, with_plotly=first)
        if drawing:
            first = False
            parts.append(f"<h2>{title}</h2>{drawing}")
    if first:
        parts.append("<p>There are no figures in this range.</p>")
    parts.append(findings(item["findings"]))
    head = f'<meta charset="utf-8"><title>{escape(item["name"])} - wharfinger report</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def facts(item: Mapping[str, Any], since_ms: int, until_ms: int) -> str:
    """What it is, as a table. Pure."""
    rows = {
        "Range": f"{rfc3339(since_ms)} to {rfc3339(until_ms)}",
        "Id": item["id"],
        "Image": item["image"],
        "Group": item["group"],
        "Service": item["service"],
        "State": item["state"],
        "CPU limit, cores": item["limits"].get("cpu_cores"),
        "Memory limit, bytes": item["limits"].get("memory_bytes"),
    }
    cells = "".join(
        f"<tr><th scope=row>{escape(name)}<td>{escape('not known' if value is None else str(value))}"
        for name, value in rows.items()
    )
    return f"<table>{cells}</table>"


def findings(items: Sequence[Mapping[str, Any]]) -> str:
    """The sentences of the findings of now. Pure."""
    if not items:
        return ""
    lines = "".join(
        f"<li><b>{escape(f['severity'])}</b>: {escape(f['summary'])} {escape(f['advice'])}</li>" for f in items
    )
    return f"<h2>Bottlenecks at the end</h2><ul>{lines}</ul>"


def drawn(
    chart: str, columns: Mapping[str, SeriesColumn], t0_ms: int, step_ms: int, *, with_plotly: bool
) -> str | None:
    """One chart as a piece of HTML; None where the range holds nothing for it."""
    from plotly import graph_objects

    recipe, tokens = CHARTS[chart], TOKENS["light"]
    traces = []
    for trace in recipe.traces:
        column = columns.get(trace.metric)
        if column is None or all(value is None for value in column.avg):
            continue
        style = style_of(trace, tokens) | {
            "x": [rfc3339(t0_ms + at * step_ms) for at in range(len(column.avg))],
            "y": [None if value is None else value * trace.sign for value in column.avg],
            "hoverinfo": "x+y+name",
        }
        traces.append(graph_objects.Scatter(**style))
    if not traces:
        return None
    layout = layout_of(recipe, tokens) | {"showlegend": True, "hovermode": "x unified", "height": recipe.height + 80}
    layout["legend"] = {"orientation": "h", "y": 1.2}
    figure = graph_objects.Figure(data=traces, layout=graph_objects.Layout(**layout))
    figure.layout.template = None
    html: str = figure.to_html(full_html=False, include_plotlyjs=with_plotly, config={"displaylogo": False})
    return html
