"""``python -m tools.bench [ROOM[:PART]]…``: print a table, write build/bench.json.

``STRICT=1``: exit 1 on a missed bar.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sqlite3
import sys
from pathlib import Path

from tools.bench.result import judged, table
from tools.bench.rooms import ROOMS
from tools.servers.process import Missing

OUT = Path(__file__).resolve().parent.parent.parent / "build/bench.json"


def machine() -> dict[str, object]:
    """What it ran on: numbers of two machines are not compared."""
    cpus = [
        x.partition(":")[2].strip()
        for x in Path("/proc/cpuinfo").read_text().splitlines()
        if x.startswith("model name")
    ]
    return {
        "cpu": cpus[0] if cpus else platform.processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def main(arguments: list[str]) -> int:
    """0; 1 where a bar is missed and STRICT is set; 2 for an unknown room or part."""
    chosen = [argument.partition(":")[::2] for argument in arguments] or [(name, "") for name in ROOMS]
    for name, part in chosen:
        if name not in ROOMS:
            print(f"no benches of {name}; there are: {', '.join(ROOMS)}", file=sys.stderr)
            return 2
        parts = importlib.import_module(f"tools.bench.{name}").PARTS
        if part and part not in parts:
            print(f"{name} has no part {part}; there are: {', '.join(parts)}", file=sys.stderr)
            return 2
    rows: list[dict[str, object]] = []
    for name, part in chosen:
        print(f"measuring {name} {part}…", file=sys.stderr, flush=True)
        room = importlib.import_module(f"tools.bench.{name}")
        try:
            measured = room.measure([part] if part else [])
        except Missing as reason:
            print(f"{name}: not measured: {reason}", file=sys.stderr)
            continue
        rows += [judged(spec, measured[spec.name]) for spec in room.RESULTS if not part or spec.name in measured]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"machine": machine(), "results": rows}, indent=1) + "\n")
    print(table(rows))
    return 1 if os.environ.get("STRICT") and not all(row["ok"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
