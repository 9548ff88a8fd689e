"""``wharfinger health``: exit 0 when ready, 1 when not; for HEALTHCHECK."""

from __future__ import annotations

import argparse

from cli.settings import settings_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    import json

    from daemon.once import readiness

    ready, document = readiness(settings_of(args))
    if args.json:
        print(json.dumps(document))
    else:
        bad = [f"{p['name']} {p['state']}" for p in document["parts"] if p["state"] not in ("ok", "off")]
        print(f"{document['status']}" + (f": {', '.join(bad)}" if bad else ""))
    return 0 if ready else 1
