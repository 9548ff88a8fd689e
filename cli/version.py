"""``wharfinger version``."""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import version


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    own = version("wharfinger")
    text = json.dumps({"version": own, "python": platform.python_version()}) if args.json else f"wharfinger {own}"
    print(text)
    return 0
