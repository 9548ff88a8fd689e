"""What a bench says: a value, the bar it must clear, and the anchor measured in the same run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spec:
    """One row of the table. ``bar`` None: shown, not judged. ``anchor``: what the baseline is."""

    name: str
    unit: str
    help: str
    op: str = "<="
    bar: float | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    value: float
    baseline: float | None = None


Part = Callable[[], Mapping[str, Measured]]
"""What measures some rows of a room's table."""


def together(parts: Mapping[str, Part], chosen: Sequence[str]) -> dict[str, Measured]:
    """The rows of the chosen parts; of all where none is chosen."""
    found: dict[str, Measured] = {}
    for name in chosen or tuple(parts):
        found.update(parts[name]())
    return found


def judged(spec: Spec, measured: Measured) -> dict[str, object]:
    """The row as ``build/bench.json`` has it."""
    value, bar, baseline = measured.value, spec.bar, measured.baseline
    ok = bar is None or (value <= bar if spec.op == "<=" else value >= bar)
    return {
        "name": spec.name,
        "value": rounded(value),
        "unit": spec.unit,
        "op": spec.op,
        "bar": bar,
        "ok": ok,
        "baseline": None if baseline is None else rounded(baseline),
        "ratio": rounded(value / baseline) if baseline else None,
    }


def rounded(value: float) -> float:
    """Four significant digits: more would only be noise."""
    return float(f"{value:.4g}")


def table(rows: list[dict[str, object]]) -> str:
    """The rows for people."""
    head = ("name", "value", "unit", "bar", "", "baseline", "ratio")
    lines: list[tuple[str, ...]] = [head]
    for row in rows:
        bar = "" if row["bar"] is None else f"{row['op']} {row['bar']:g}"
        verdict = "" if row["bar"] is None else "ok" if row["ok"] else "MISSED"
        rest = ["" if row[k] is None else f"{row[k]:g}" for k in ("baseline", "ratio")]
        lines.append((str(row["name"]), f"{row['value']:g}", str(row["unit"]), bar, verdict, *rest))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
