"""``wharfinger web``: dashboard and API alone."""

from __future__ import annotations

import argparse

from cli.settings import WEB_NEEDS, source_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", metavar="HOST:PORT", help="address of the dashboard (web.listen)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the databases (agent.data_dir)")


def run(args: argparse.Namespace) -> int:
    from daemon.web import main

    source = source_of(args, WEB_NEEDS)
    source()
    return main(source, args.log_level)
