"""``wharfinger top``: the overview's table live in a terminal; ``--once`` or ``--json`` for one look."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from typing import TYPE_CHECKING

from cli.settings import settings_of
from cli.table import show
from cli.toprows import HEADER, ORDERS, host_line, row_json, rows_of
from model.errors import AgentAway
from model.live import Frame

if TYPE_CHECKING:
    from rich.console import RenderableType

    from daemon.link_client import LinkClient

FIRST_S = 5.0
"""How long the first frame may take: a tick, and the agent's start."""
STALE_S = 3.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sort", choices=tuple(ORDERS), default="worst", help="order of the rows (default: worst first)"
    )
    parser.add_argument("--filter", metavar="TEXT", default="", help="only names, groups and images that hold TEXT")
    parser.add_argument("--once", action="store_true", help="one look, then end")
    parser.add_argument("--json", action="store_true", help="one look as JSON")


def run(args: argparse.Namespace) -> int:
    from daemon.build import socket_path
    from daemon.link_client import LinkClient

    client = LinkClient(socket_path(settings_of(args)))
    threading.Thread(target=follow, args=(client,), name="link", daemon=True).start()
    try:
        frame = client.wait(0, FIRST_S)
        if frame is None:
            raise AgentAway("the agent does not answer on its socket; is it running, and may you use its group?")
        if args.once or args.json or not sys.stdout.isatty():
            rows = rows_of(frame, args.sort, args.filter)
            document = {"host": frame.host, "items": [row_json(row) for row in rows], "next": None}
            show(args.json, document, HEADER, [row.cells for row in rows], "no container matches")
            return 0
        live(client, frame, args.sort, args.filter)
    except KeyboardInterrupt:
        return 0
    finally:
        client.close()
    return 0


def follow(client: LinkClient) -> None:
    """Read the stream until the program ends, through restarts of the agent."""
    while True:
        time.sleep(client.follow(0))


def live(client: LinkClient, frame: Frame, order: str, words: str) -> None:
    """Draw each tick until Ctrl-C. The screen of before comes back at the end."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False, markup=False)
    with Live(screen=True, auto_refresh=False, console=console) as screen:
        while True:
            screen.update(
                drawn(frame, order, words, console.width, console.height, client.age_s() or 0.0), refresh=True
            )
            frame = client.wait(frame.at_ms, 1.0) or frame


def drawn(frame: Frame, order: str, words: str, width: int, height: int, age_s: float) -> RenderableType:
    """One screen: the host, then as many rows as fit. Pure."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = rows_of(frame, order, words)
    columns = [n for n, least in enumerate(LEAST_WIDTH) if width >= least]
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    for n in columns:
        start = HEADER[n] in ("NAME", "FINDING", "POLICY")
        table.add_column(HEADER[n], justify="left" if start else "right", no_wrap=True, overflow="ellipsis")
    shown, stale = rows[: max(1, height - 4)], age_s > STALE_S
    for row in shown:
        style = "dim" if stale else STYLE.get(row.severity, "")
        table.add_row(*(Text(row.cells[n]) for n in columns), style=style)
    more = f"{len(rows) - len(shown)} more; " if len(rows) > len(shown) else ""
    old = f"stale {age_s:.0f} s; " if stale else ""
    head = Text(host_line(frame), style="bold", no_wrap=True, overflow="ellipsis")
    return Group(head, table, Text(f"{old}{more}Ctrl-C ends", style="dim"))


LEAST_WIDTH = (0, 0, 90, 110, 0, 90, 70, 130, 150, 150, 140, 60)
"""The width from which on each column of the header is shown."""
STYLE = {"critical": "red", "warning": "yellow"}
