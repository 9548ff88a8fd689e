"""``wharfinger token create|list|revoke``: bearer tokens for automation; a token is shown once."""

from __future__ import annotations

import argparse
import json

from cli.settings import settings_of
from cli.table import show
from model.outside import rfc3339


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="create a token and show it once")
    create.add_argument("name")
    create.add_argument("--role", choices=("viewer", "operator", "admin"), default="viewer")
    create.add_argument("--expires", metavar="DURATION", help="such as 90d; without it the token does not expire")
    create.add_argument("--json", action="store_true", help="as JSON")
    actions.add_parser("list", help="list the tokens").add_argument("--json", action="store_true", help="as JSON")
    actions.add_parser("revoke", help="revoke a token").add_argument("id", help="id or name of the token")


def run(args: argparse.Namespace) -> int:
    from config.values import parse_duration
    from daemon.accounts import Accounts

    accounts = Accounts(settings_of(args))
    if args.action == "create":
        lifetime_s = parse_duration(args.expires) if args.expires else None
        token, text = accounts.create_token(args.name, args.role, lifetime_s)
        print(json.dumps({"id": token.id, "token": text}) if args.json else text)
    elif args.action == "list":
        tokens = accounts.tokens()
        rows = [
            (t.id, t.name, t.role, rfc3339(t.created_at_ms), rfc3339(t.expires_at_ms), rfc3339(t.last_used_at_ms))
            for t in tokens
        ]
        items = [
            {
                "id": t.id,
                "name": t.name,
                "role": t.role,
                "created_at": rfc3339(t.created_at_ms),
                "expires_at": rfc3339(t.expires_at_ms),
                "last_used_at": rfc3339(t.last_used_at_ms),
            }
            for t in tokens
        ]
        header = ("ID", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED")
        show(args.json, {"items": items, "next": None}, header, rows, "there are no tokens")
    else:
        accounts.revoke(args.id)
        print(f"token {args.id} revoked")
    return 0
