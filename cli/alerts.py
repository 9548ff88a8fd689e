"""``wharfinger alerts list|rules|test-receiver|silence``."""

from __future__ import annotations

import argparse
from typing import Any

from cli.ask import ask
from cli.settings import settings_of
from cli.table import show
from config.schema import Settings
from model.errors import WharfingerError


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (("list", "alerts that are pending or firing"), ("rules", "the rules in force")):
        actions.add_parser(name, help=text).add_argument("--json", action="store_true", help="as JSON")
    actions.choices["rules"].add_argument(
        "--against",
        metavar="DURATION",
        help="try the rules on so much stored history, such as 24h: when would each fire?",
    )
    test = actions.add_parser("test-receiver", help="send a test message")
    test.add_argument("name")
    test.add_argument("--json", action="store_true", help="as JSON")
    silence = actions.add_parser("silence", help="say nothing about some alerts for a time")
    silence.add_argument(
        "--rule", action="append", default=[], metavar="GLOB", help="rule names; without it every rule"
    )
    silence.add_argument("--name", action="append", default=[], metavar="GLOB", help="container names")
    silence.add_argument("--group", action="append", default=[], metavar="GLOB", help="groups")
    silence.add_argument("--for", dest="duration", required=True, metavar="DURATION", help="such as 2h")
    silence.add_argument("--from", dest="since", default="", metavar="HH:MM", help="only from this time of day on")
    silence.add_argument("--to", dest="until", default="", metavar="HH:MM", help="and only until this one")
    silence.add_argument("--day", action="append", default=[], metavar="DAY", help="and only on mon, tue, … sun")
    silence.add_argument("--zone", default="", help="time zone of --from and --to; the host's own unless told")
    silence.add_argument("--comment", default="")
    silence.add_argument("--json", action="store_true", help="as JSON")


def tried(args: argparse.Namespace, settings: Settings) -> None:
    """When the rules of the configuration would have fired; asks the store, not the agent."""
    from config.values import parse_duration
    from daemon.clock import now_ms
    from daemon.replay import firing_json, replay_rules

    firings = replay_rules(settings, now_ms(), parse_duration(args.against))
    items = [firing_json(firing) for firing in firings]
    rows = [(i["started_at"], i["ended_at"] or "", i["severity"], i["rule"], i["name"], i["summary"]) for i in items]
    header = ("FROM", "TO", "SEVERITY", "RULE", "CONTAINER", "SUMMARY")
    show(args.json, {"items": items, "next": None}, header, rows, f"no rule would have fired in {args.against}")


def hours_of(args: argparse.Namespace) -> dict[str, Any] | None:
    """The hours in which the silence holds; None: all the time."""
    hours = {"from": args.since, "to": args.until, "days": args.day, "zone": args.zone}
    given = {key: value for key, value in hours.items() if value}
    return given or None


def run(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if args.action == "list":
        alerts: list[dict[str, Any]] = ask(settings, "alerts.list")
        rows: list[tuple[Any, ...]] = [
            (a["severity"], a["state"], a["rule"], a["name"], a["started_at"] or a["at"], a["summary"]) for a in alerts
        ]
        header = ("SEVERITY", "STATE", "RULE", "CONTAINER", "SINCE", "SUMMARY")
        show(args.json, {"items": alerts, "next": None}, header, rows, "no alert is pending or firing")
    elif args.action == "rules" and args.against:
        tried(args, settings)
    elif args.action == "rules":
        rules = ask(settings, "rules.list")
        rows = [
            (r["name"], r["severity"], r["detector"] or r["metric"], f"{r['for_s']:g} s", r["source"]) for r in rules
        ]
        show(
            args.json, {"items": rules, "next": None}, ("RULE", "SEVERITY", "ABOUT", "FOR", "SOURCE"), rows, "no rules"
        )
    elif args.action == "test-receiver":
        delivery = ask(settings, "receivers.test", name=args.name)
        row = (delivery["receiver"], delivery["state"], delivery["http_status"], delivery["detail"])
        show(args.json, delivery, ("RECEIVER", "STATE", "HTTP", "DETAIL"), [row], "")
        if delivery["state"] != "accepted":
            raise WharfingerError(f"{args.name} did not accept the test: {delivery['detail']}")
    else:
        from config.values import parse_duration

        silence = ask(
            settings,
            "silences.create",
            rules=args.rule,
            name=args.name,
            group=args.group,
            duration_s=parse_duration(args.duration),
            hours=hours_of(args),
            comment=args.comment,
        )
        show(args.json, silence, ("ID", "UNTIL"), [(silence["id"], silence["ends_at"])], "")
    return 0
