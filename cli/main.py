"""``wharfinger``: one command a file, exit codes 0 ok, 1 failed, 2 usage; an error is one line that says what to do."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from typing import Protocol

from daemon.log import LEVELS
from model.errors import InvalidInput, UsageError, WharfingerError

COMMANDS: tuple[tuple[str, str], ...] = (
    ("run", "start agent and web together"),
    ("agent", "start the agent alone: reads, stores, alerts, adjusts; opens no port"),
    ("web", "start dashboard and API alone"),
    ("check-config", "check the configuration and show it"),
    ("doctor", "what this host gives and lacks, each with its remedy"),
    ("collect", "one snapshot to standard output"),
    ("top", "the containers live in a terminal, worst first"),
    ("limits", "list, plan, set, undo limits; history; pause and resume"),
    ("alerts", "alerts, rules, test of a receiver, silences"),
    ("query", "a metric's history"),
    ("backtest", "judge limit policies on traces or on this host's own history"),
    ("user", "add a user, change a password, remove a user"),
    ("token", "create, list, revoke API tokens"),
    ("health", "exit 0 when ready, for HEALTHCHECK"),
    ("demo", "fill an empty data folder with a plausible history"),
    ("version", "print the version"),
)
"""Name and one-line help; the command's code is ``cli/<name>.py`` (dashes are underscores), loaded only when used."""


class CommandModule(Protocol):
    def arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


def module_of(name: str) -> CommandModule:
    return importlib.import_module(f"cli.{name.replace('-', '_')}")


def common(parser: argparse.ArgumentParser, *, config: str | None, level: str) -> None:
    """The flags that stand before or after the command, with these defaults."""
    parser.add_argument("--config", metavar="FILE", default=config, help="configuration file (TOML)")
    parser.add_argument("--log-level", choices=LEVELS, default=level, help="what is logged (default: info)")


def build_parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser; only the chosen command's own arguments are loaded."""
    parser = argparse.ArgumentParser(
        prog="wharfinger",
        description="Watches every container of a host, explains what holds it back, adjusts its limits.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common(parser, config=None, level="info")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS:
        subparser = subparsers.add_parser(name, help=text, description=text)
        common(subparser, config=argparse.SUPPRESS, level=argparse.SUPPRESS)
        if chosen in (name, None):
            module_of(name).arguments(subparser)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words == ["--version"]:
        words = ["version"]
    chosen = next((w for w in words if w in dict(COMMANDS)), "")
    args = build_parser(chosen).parse_args(words)
    try:
        return module_of(args.command).run(args)
    except InvalidInput as error:
        for fault in error.faults:
            print(f"wharfinger: {fault}", file=sys.stderr)
        return 2
    except UsageError as error:
        print(f"wharfinger: {error}", file=sys.stderr)
        return 2
    except WharfingerError as error:
        print(f"wharfinger: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        logging.shutdown()


if __name__ == "__main__":
    sys.exit(main())
