"""Chart figures: layout and trace styles, made by the plotly package, without data. The browser fills them in.

plotly is imported when the first figure is asked for: it costs 0.1 s and 28 MiB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

TOKENS: Final = {
    "light": {
        "surface": "#ffffff",
        "line": "#e4e8eb",
        "ink1": "#14191f",
        "ink2": "#45505b",
        "ink3": "#5f6b76",
        "accent": "#0b6f69",
        "bad": "#bf2a23",
        "warn": "#875800",
        "c0": "#0b6edc",
        "c2": "#06513a",
        "c5": "#6d3ca4",
    },
    "dark": {
        "surface": "#13181d",
        "line": "#212931",
        "ink1": "#e7ecf0",
        "ink2": "#b0bac4",
        "ink3": "#86929e",
        "accent": "#56bdb4",
        "bad": "#ff7d73",
        "warn": "#e8b152",
        "c0": "#2478d6",
        "c2": "#68c591",
        "c5": "#a59eeb",
    },
}
"""The colour tokens of the style sheet that charts use."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of a chart. ``colour``: a token. ``style``: line, area (filled to zero), stack (on the one before),
    limit (a step line, dashed), soft (dotted), held (hatched on top of the one before)."""

    metric: str
    label: str
    colour: str
    style: str = "line"
    sign: int = 1
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Chart:
    """``unit``: what the axis counts. ``least``: the axis reaches at least this far."""

    unit: str
    height: int
    traces: tuple[Trace, ...]
    least: float | None = None
    mirrored: bool = False


CHARTS: Final = {
    "cpu": Chart(
        "cores",
        206,
        (
            Trace("cpu_usage_cores", "used", "c0", "area"),
            Trace("cpu_throttled_seconds_per_second", "held back", "warn", "held"),
            Trace("cpu_limit_cores", "limit", "ink2", "limit"),
        ),
    ),
    "memory": Chart(
        "bytes",
        186,
        (
            Trace("memory_anon_bytes", "anonymous", "c5", "stack", strength=0.55),
            Trace("memory_file_bytes", "file", "c5", "stack", strength=0.3),
            Trace("memory_kernel_bytes", "kernel", "c5", "stack", strength=0.15),
            Trace("memory_working_set_bytes", "working set", "ink1"),
            Trace("memory_limit_bytes", "limit", "ink2", "limit"),
            Trace("memory_high_bytes", "high", "ink2", "soft"),
        ),
    ),
    "pressure": Chart(
        "ratio",
        124,
        (
            Trace("cpu_pressure_some_ratio", "CPU", "c0"),
            Trace("memory_pressure_some_ratio", "memory", "c5"),
            Trace("io_pressure_some_ratio", "I/O", "c2"),
        ),
        least=0.1,
    ),
    "network": Chart(
        "bytes/s",
        136,
        (
            Trace("network_receive_bytes_per_second", "received", "c0", "area"),
            Trace("network_transmit_bytes_per_second", "sent", "c2", "area", sign=-1),
        ),
        mirrored=True,
    ),
    "disk": Chart(
        "bytes/s",
        108,
        (
            Trace("io_read_bytes_per_second", "read", "c0", "area"),
            Trace("io_write_bytes_per_second", "written", "c2", "area", sign=-1),
        ),
        mirrored=True,
    ),
    "operations": Chart(
        "1/s",
        92,
        (
            Trace("io_read_operations_per_second", "read", "c0", "area"),
            Trace("io_write_operations_per_second", "written", "c2", "area", sign=-1),
        ),
        mirrored=True,
    ),
    "faults": Chart(
        "1/s",
        92,
        (
            Trace("memory_major_faults_per_second", "read from disk", "c5"),
            Trace("memory_refaults_per_second", "read again", "warn"),
        ),
    ),
    "pids": Chart(
        "1",
        92,
        (Trace("pids", "processes and threads", "ink2"), Trace("pids_limit", "limit", "ink2", "limit")),
    ),
}

CONFIG: Final = {
    "displayModeBar": False,
    "doubleClick": False,
    "responsive": False,
    "scrollZoom": False,
    "showTips": False,
    "displaylogo": False,
}


@cache
def figure(chart: str, theme: str) -> dict[str, Any]:
    """``{"data", "layout", "config"}`` of one chart, JSON values only; each trace names its metric in ``meta``."""
    from plotly import graph_objects

    tokens, recipe = TOKENS[theme], CHARTS[chart]
    made = graph_objects.Figure(
        data=[graph_objects.Scatter(**style_of(trace, tokens)) for trace in recipe.traces],
        layout=graph_objects.Layout(**layout_of(recipe, tokens)),
    ).to_plotly_json()
    made["layout"].pop("template", None)
    return {"data": made["data"], "layout": made["layout"], "config": dict(CONFIG)}


def style_of(trace: Trace, tokens: dict[str, str]) -> dict[str, Any]:
    """One trace without data. Pure."""
    colour = tokens[trace.colour]
    style: dict[str, Any] = {
        "name": trace.label,
        "mode": "lines",
        "x": [],
        "y": [],
        "connectgaps": False,
        "hoverinfo": "skip",
        "line": {"color": colour, "width": 1.4},
        "meta": {"metric": trace.metric, "sign": trace.sign, "style": trace.style},
    }
    if trace.style == "limit":
        style["line"] |= {"shape": "hv", "dash": "5px,3px"}
    elif trace.style == "soft":
        style["line"] |= {"shape": "hv", "dash": "1.5px,3px"}
    elif trace.style == "area":
        style |= {"fill": "tozeroy", "fillcolor": faded(colour, 0.18)}
    elif trace.style == "stack":
        style |= {"stackgroup": "parts", "fillcolor": faded(colour, trace.strength), "stackgaps": "infer zero"}
        style["line"] |= {"width": 0}
        style.pop("connectgaps")
    elif trace.style == "held":
        hatch = {"shape": "/", "size": 5, "solidity": 0.28, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)"}
        style |= {"fill": "tonexty", "fillpattern": hatch}
        style["line"] |= {"width": 1}
    return style


def layout_of(chart: Chart, tokens: dict[str, str]) -> dict[str, Any]:
    """The frame of one chart: no legend, no hover, no tool bar; left and right margins equal, so axes line up. Pure."""
    axis = {
        "tickfont": {"color": tokens["ink3"], "size": 11},
        "zeroline": False,
        "linecolor": tokens["line"],
        "automargin": False,
    }
    return {
        "height": chart.height,
        "margin": {"l": 62, "r": 14, "t": 8, "b": 22},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": tokens["ink2"], "size": 11, "family": "system-ui, sans-serif"},
        "showlegend": False,
        "hovermode": False,
        "dragmode": "zoom",
        "xaxis": {**axis, "type": "date", "showgrid": False},
        "yaxis": {
            **axis,
            "fixedrange": True,
            "showgrid": True,
            "gridcolor": tokens["line"],
            "nticks": 4,
            "rangemode": "normal" if chart.mirrored else "tozero",
            **({"zeroline": True, "zerolinecolor": tokens["ink3"], "zerolinewidth": 1} if chart.mirrored else {}),
        },
        "meta": {"unit": chart.unit, "least": chart.least, "mirrored": chart.mirrored},
    }


def faded(colour: str, strength: float) -> str:
    """``#0b6edc`` → ``rgba(11,110,220,0.18)``. Pure."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength:g})"
