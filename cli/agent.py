"""``wharfinger agent``: the agent alone."""

from __future__ import annotations

import argparse

from cli.settings import settings_of, source_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the databases (agent.data_dir)")


def run(args: argparse.Namespace) -> int:
    from daemon.agent import main

    settings_of(args)
    return main(source_of(args), args.log_level)
