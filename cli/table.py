"""Tables for people: columns as wide as they need, hostile text made harmless."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence


def printable(value: object) -> str:
    """A cell's text, control characters escaped (a container's name must not drive the terminal). Pure."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lines of a plain table; the last column is not padded. Pure."""
    cells = [[printable(c) for c in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def show(as_json: bool, value: object, header: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """``value`` as JSON, or ``rows`` as a table, or the sentence for none."""
    if as_json:
        json.dump(value, sys.stdout, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
    else:
        print(table(header, rows) if rows else empty)


def cores(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, (int, float)) else printable(value)


def size(value: object) -> str:
    """Bytes in binary units with three digits; other values as they are. Pure."""
    if not isinstance(value, (int, float)):
        return printable(value)
    number = float(value)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(number) < 1000 or unit == "TiB":
            digits = 0 if unit == "B" or abs(number) >= 100 else 1 if abs(number) >= 10 else 2
            return f"{number:.{digits}f} {unit}"
        number /= 1024
    return ""


def knobs(value: object) -> str:
    """``{"cpu_cores": 1.5, "memory_bytes": …}`` as "1.50 cores, 512 MiB". Pure."""
    if not isinstance(value, Mapping):
        return ""
    words = []
    for key, item in value.items():
        if key == "cpu_cores":
            words.append(f"{cores(item)} cores")
        elif key.endswith("_bytes"):
            words.append(f"{key.removesuffix('_bytes')} {size(item)}")
        else:
            words.append(f"{key} {printable(item)}")
    return ", ".join(words)
