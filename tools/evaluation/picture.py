"""The frontier as SVG: cores over throttled share, a panel a set. Pure; no library, so that it is small."""

from __future__ import annotations

from math import log10

from tools.evaluation.cells import CAPTAIN, OURS, TARGETS, VPA
from tools.evaluation.frontier import Point
from tools.evaluation.page import Rows, points

WIDE, HIGH, EDGE = 300, 240, 40
KINDS = (
    ("our law", tuple(f"law-{target}" for target in TARGETS), "#2f6fb3", True),
    ("latency, balanced, dense", OURS, "#12385f", False),
    ("Captain", CAPTAIN, "#c2571a", False),
    ("VPA live", VPA, "#6b7280", False),
)
SHARES = (0.001, 0.01, 0.1)


def picture(rows: Rows) -> str:
    """Three panels at cv .6, seed 1."""
    there = {cell.group for cell in rows}
    names = [name for name in ("rps", "nab", "vasim") if name in there]
    panels = [panel(rows, name, number * WIDE) for number, name in enumerate(names)]
    legend = "".join(
        f'<circle cx="{20 + 220 * i}" cy="{HIGH + 14}" r="4" fill="{color}"/>'
        f'<text x="{30 + 220 * i}" y="{HIGH + 18}">{name}</text>'
        for i, (name, _, color, _) in enumerate(KINDS)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {3 * WIDE} {HIGH + 30}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}{legend}</svg>\n'
    )


def panel(rows: Rows, name: str, left: int) -> str:
    drawn = [(color, line, points(rows, (name, "none", 0.6), kinds, 1)) for _, kinds, color, line in KINDS]
    top = max((cores for _, _, found in drawn for _, cores in found), default=1.0) * 1.05

    def at(point: Point) -> tuple[float, float]:
        share, cores = max(point[0], 0.0003), point[1]
        x = left + EDGE + (log10(share) + 3.55) / 3.55 * (WIDE - EDGE - 10)
        return round(x, 1), round(HIGH - EDGE - cores / top * (HIGH - 2 * EDGE), 1)

    parts = [f'<text x="{left + EDGE}" y="20" font-weight="bold">{name}, cv 0.6: cores by throttled share</text>']
    for share in SHARES:
        x, y = at((share, 0.0))
        parts.append(f'<text x="{x}" y="{y + 14}" text-anchor="middle">{share:.1%}</text>')
        parts.append(f'<line x1="{x}" x2="{x}" y1="{EDGE}" y2="{y}" stroke="#e5e7eb"/>')
    for part in (0.25, 0.5, 0.75, 1.0):
        x, y = at((0.0003, top * part))
        parts.append(f'<text x="{left + EDGE - 4}" y="{y + 4}" text-anchor="end">{top * part:.2f}</text>')
    for color, line, found in drawn:
        places = [at(point) for point in sorted(found)]
        if line:
            path = " ".join(f"{x},{y}" for x, y in places)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        else:
            parts += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{color}"/>' for x, y in places]
    return "".join(parts)
