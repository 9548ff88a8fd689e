"""``wharfinger run``: agent and web together."""

from __future__ import annotations

import argparse
from functools import partial

from cli.settings import WEB_NEEDS, settings_of, source_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", metavar="HOST:PORT", help="address of the dashboard (web.listen)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the databases (agent.data_dir)")


def run(args: argparse.Namespace) -> int:
    from daemon import agent, web
    from daemon.supervisor import Child, Supervisor

    settings_of(args)  # a bad configuration starts nothing
    source = source_of(args)
    children = [
        Child("agent", partial(agent.main, source, args.log_level)),
        Child("web", partial(web.main, source_of(args, WEB_NEEDS), args.log_level)),
    ]
    return Supervisor(children).run(args.log_level)
