"""``wharfinger doctor``: what this host gives and lacks, each with its remedy; exit 1 if containers can't be seen."""

from __future__ import annotations

import argparse

from cli.settings import settings_of
from cli.table import show


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--repair", action="store_true", help="set aside what is damaged in the stores (agent stopped)")
    depth.add_argument("--quick", action="store_true", help="leave the stores unread: for the start of a service")


def run(args: argparse.Namespace) -> int:
    from daemon.doctor import examine

    ok, checks = examine(settings_of(args), repair=args.repair, quick=args.quick)
    rows = [(c.name, c.state, c.detail, c.remedy) for c in checks]
    document = {
        "ok": ok,
        "checks": [{"name": c.name, "state": c.state, "detail": c.detail, "remedy": c.remedy} for c in checks],
    }
    show(args.json, document, ("CHECK", "STATE", "DETAIL", "REMEDY"), rows, "nothing was checked")
    return 0 if ok else 1
