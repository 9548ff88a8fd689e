"""``wharfinger check-config``: every fault of the configuration at once, else what is in force."""

from __future__ import annotations

import argparse
import json

from cli.settings import settings_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the settings in force as JSON, secrets hidden")
    parser.add_argument("--show", action="store_true", help="print the settings in force, secrets hidden")


def run(args: argparse.Namespace) -> int:
    from config.load import show
    from daemon.build import check_rules

    settings = settings_of(args)
    rules, receivers = check_rules(settings)
    if args.json or args.show:
        print(json.dumps(show(settings), indent=None if args.json else 2, ensure_ascii=False))
    else:
        print(f"the configuration is good: {rules} rules, {receivers} receivers")
    return 0
