"""``wharfinger user add|password|remove|list``: who may log in."""

from __future__ import annotations

import argparse
import getpass
import sys

from cli.settings import settings_of
from cli.table import show
from model.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add a user")
    add.add_argument("name")
    add.add_argument("--role", choices=("viewer", "operator", "admin"), default="viewer")
    password = actions.add_parser("password", help="change a user's password; ends the user's sessions")
    password.add_argument("name")
    for action in (add, password):
        action.add_argument(
            "--password-file", metavar="FILE", help="read the password from a file; - is standard input"
        )
    actions.add_parser("remove", help="remove a user; ends the user's sessions").add_argument("name")
    actions.add_parser("list", help="list the users").add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    from daemon.accounts import Accounts

    accounts = Accounts(settings_of(args))
    if args.action == "add":
        accounts.add(args.name, args.role, asked_password(args.password_file))
        print(f"user {args.name} added with role {args.role}")
    elif args.action == "password":
        accounts.password(args.name, asked_password(args.password_file))
        print(f"password of {args.name} changed; sessions ended")
    elif args.action == "remove":
        accounts.remove(args.name)
        print(f"user {args.name} removed")
    else:
        users = [{"name": u.name, "role": u.role, "disabled": u.disabled} for u in accounts.users()]
        rows = [(u["name"], u["role"]) for u in users]
        show(args.json, {"items": users, "next": None}, ("NAME", "ROLE"), rows, "there are no users")
    return 0


def asked_password(file: str | None) -> str:
    """The password from a file, standard input, or a prompt asked twice."""
    if file == "-":
        return sys.stdin.readline().rstrip("\n")
    if file:
        try:
            with open(file, encoding="utf-8") as source:  # noqa: PTH123 — a name that the user typed
                return source.readline().rstrip("\n")
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror}") from error
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise UsageError("the two passwords differ; try again")
    return first
