"""``wharfinger limits list|plan|set|undo|history|pause|resume|release``."""

from __future__ import annotations

import argparse
from typing import Any

from cli.ask import ask, container_id
from cli.settings import settings_of
from cli.table import cores, knobs, show, size
from model.errors import UsageError
from model.snippets import SNIPPETS, snippet


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=text)
        added.add_argument("--json", action="store_true", help="as JSON")
        return added

    action("list", "limits and use of every container")
    planned = action("plan", "what would be changed, and why")
    planned.add_argument("--export", choices=tuple(SNIPPETS), help="as compose text, or as docker update commands")
    history = action("history", "changes made, refused and undone, newest first")
    history.add_argument("--container", metavar="NAME")
    history.add_argument("--limit", type=int, default=50, metavar="N")
    change = action("set", "set limits of a container by hand")
    change.add_argument("container", metavar="NAME")
    change.add_argument("--cpu", type=cores_or_none, metavar="CORES", help="cores, or unlimited")
    change.add_argument("--memory", metavar="SIZE", help="such as 512m or 2g")
    change.add_argument("--cpu-weight", type=int, metavar="N")
    change.add_argument("--reason", default="")
    change.add_argument("--hold", metavar="DURATION", help="how long the controller keeps off (1h unless told)")
    change.add_argument("--dry-run", action="store_true", help="say what would happen")
    undo = action("undo", "put limits back")
    undo.add_argument("change", nargs="?", metavar="CHANGE", help="id of one change")
    undo.add_argument("--container", metavar="NAME", help="everything on this container")
    undo.add_argument("--all", action="store_true", help="everything on this host")
    pause = action("pause", "stop every automatic change")
    pause.add_argument("--reason", default="")
    pause.add_argument("--for", dest="duration", metavar="DURATION")
    action("resume", "let automatic changes go on")
    action("release", "lift the memory.high that an agent which was killed left behind (agent stopped)")


def cores_or_none(text: str) -> float | str:
    """Cores, or ``unlimited``."""
    try:
        return text if text == "unlimited" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of cores, nor unlimited") from None


def run(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    return {
        "list": list_limits,
        "plan": plan,
        "history": history,
        "set": set_limits,
        "undo": undo,
        "pause": pause,
        "resume": pause,
        "release": release,
    }[args.action](args, settings)


def list_limits(args: argparse.Namespace, settings: Any) -> int:
    from daemon.build import socket_path
    from daemon.link_client import LinkClient
    from model.outside import limits_json, target_json, values_json

    snapshot = LinkClient(socket_path(settings)).snapshot()
    items: list[dict[str, Any]] = [
        {
            **target_json(target),
            "limits": limits_json(snapshot.limits.get(key)),
            "metrics": values_json(snapshot.samples[key].values) if key in snapshot.samples else {},
        }
        for key, target in snapshot.targets.items()
    ]
    rows = [
        (
            i["name"],
            cores(i["metrics"].get("cpu_usage_cores")),
            cores(i["limits"]["cpu_cores"]),
            size(i["metrics"].get("memory_working_set_bytes")),
            size(i["limits"]["memory_bytes"]),
            i["id"][:12],
        )
        for i in items
    ]
    header = ("NAME", "CPU", "LIMIT", "MEMORY", "LIMIT", "ID")
    show(args.json, {"items": items, "next": None}, header, rows, "no containers are running on this host")
    return 0


def plan(args: argparse.Namespace, settings: Any) -> int:
    items = ask(settings, "limits.recommendations")
    if args.export:
        print(snippet(items, args.export), end="")
        return 0

    def amount(knob: str, value: object) -> str:
        return size(value) if knob == "memory" else cores(value)

    rows = [
        (i["name"], i["knob"], amount(i["knob"], i["now"]), amount(i["knob"], i["proposed"]), i["reason"])
        for i in items
    ]
    header = ("NAME", "KNOB", "NOW", "PROPOSED", "REASON")
    show(args.json, {"items": items, "next": None}, header, rows, "nothing would be changed")
    return 0


def history(args: argparse.Namespace, settings: Any) -> int:
    container = container_id(settings, args.container) if args.container else None
    show_changes(args.json, ask(settings, "limits.changes", container_id=container, limit=args.limit), as_list=True)
    return 0


def set_limits(args: argparse.Namespace, settings: Any) -> int:
    from config.values import parse_duration, parse_size

    change = ask(
        settings,
        "limits.set",
        container_id=container_id(settings, args.container),
        cpu_cores=args.cpu,
        memory_bytes=parse_size(args.memory) if args.memory else None,
        cpu_weight=args.cpu_weight,
        reason=args.reason or None,
        hold_s=parse_duration(args.hold) if args.hold else None,
        dry_run=args.dry_run,
    )
    show_changes(args.json, [change], as_list=False)
    return 0


def undo(args: argparse.Namespace, settings: Any) -> int:
    if sum((bool(args.change), bool(args.container), args.all)) != 1:
        raise UsageError("name one of: a change's id, --container NAME, --all")
    answer = ask(
        settings,
        "limits.undo",
        change_id=args.change,
        container_id=container_id(settings, args.container) if args.container else None,
        everything=args.all or None,
    )
    show_changes(args.json, answer["changes"], as_list=True)
    return 0


def pause(args: argparse.Namespace, settings: Any) -> int:
    from config.values import parse_duration

    paused = args.action == "pause"
    state = ask(
        settings,
        "limits.pause.put",
        paused=paused,
        reason=args.reason if paused else None,
        hold_s=parse_duration(args.duration) if paused and args.duration else None,
    )
    until = f" until {state['until']}" if state.get("until") else ""
    show(args.json, state, ("STATE",), [(f"paused{until}" if state["paused"] else "running",)], "")
    return 0


def release(args: argparse.Namespace, settings: Any) -> int:
    from daemon.once import lift_left_over

    left = lift_left_over(settings)
    text = f"{left} could not be lifted; the next start of the agent tries again" if left else "nothing is left behind"
    show(args.json, {"left": left}, ("STATE",), [(text,)], "")
    return 1 if left else 0


def show_changes(as_json: bool, changes: list[dict[str, Any]], *, as_list: bool) -> None:
    rows = [
        (c["at"], c["status"], c["name"], knobs(c["before"]), knobs(c["after"]), c["rule"], c["reason"], c["id"])
        for c in changes
    ]
    document: object = {"items": changes, "next": None} if as_list else (changes[0] if changes else None)
    header = ("AT", "STATUS", "NAME", "BEFORE", "AFTER", "RULE", "REASON", "ID")
    show(as_json, document, header, rows, "no changes")
