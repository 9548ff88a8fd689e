"""``wharfinger demo --backfill 24h --containers 50``: an empty data folder filled with a plausible history."""

from __future__ import annotations

import argparse

from cli.settings import settings_of
from cli.table import show, size
from model.errors import Malformed, UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backfill", default="24h", metavar="DURATION", help="how far back (default: 24h)")
    parser.add_argument("--containers", type=int, default=50, metavar="N", help="how many (default: 50)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed makes the same history")
    parser.add_argument("--data-dir", metavar="DIR", help="the folder to fill (agent.data_dir)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    from config.values import parse_duration
    from daemon.clock import now_ms
    from daemon.demo.fill import backfill

    settings = settings_of(args)
    try:
        span_ms = round(parse_duration(args.backfill) * 1000)
    except Malformed as error:
        raise UsageError(f"--backfill: {error}") from error
    made = backfill(settings, until_ms=now_ms(), span_ms=span_ms, containers=args.containers, seed=args.seed)
    document = {
        "folder": str(made.folder),
        "containers": args.containers,
        "rows": made.rows,
        "values": made.values,
        "bytes": made.bytes,
        "alerts": made.alerts,
        "changes": made.changes,
    }
    header = ("FOLDER", "CONTAINERS", "ROWS", "VALUES", "SIZE")
    row = (str(made.folder), str(args.containers), f"{made.rows:,}", f"{made.values:,}", size(made.bytes))
    show(args.json, document, header, [row], "nothing was written")
    if not args.json:
        print(f"see it: wharfinger run --data-dir {made.folder}")
    return 0
