"""``wharfinger collect --once``: two readings one interval apart, one snapshot to standard output."""

from __future__ import annotations

import argparse
from typing import Any

from cli.settings import settings_of
from cli.table import cores, show, size


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", required=True, help="one snapshot, then end")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    from daemon.once import collect_once
    from model.outside import snapshot_json

    snapshot = collect_once(settings_of(args))
    document: dict[str, Any] = snapshot_json(snapshot)
    rows = [
        (
            c["name"],
            c["runtime"],
            c["state"],
            cores(c["metrics"].get("cpu_usage_cores")),
            cores(c["limits"]["cpu_cores"]),
            size(c["metrics"].get("memory_working_set_bytes")),
            size(c["limits"]["memory_bytes"]),
            c["metrics"].get("pids"),
            c["id"][:12],
        )
        for c in document["containers"]
    ]
    header = ("NAME", "RUNTIME", "STATE", "CPU", "LIMIT", "MEMORY", "LIMIT", "PIDS", "ID")
    show(args.json, document, header, rows, "no containers are running on this host")
    return 0
