"""``wharfinger backtest (TRACE… | --store --since 24h) --policy P[,P…]``: limit policies judged on history."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from cli.settings import settings_of
from cli.table import table
from model.errors import Malformed, UsageError

if TYPE_CHECKING:
    from backtest.simulator import Options
    from backtest.trace import Trace


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("traces", metavar="TRACE", nargs="*", help="rps, nab, vasim, or a CSV file (.gz too)")
    parser.add_argument("--store", action="store_true", help="this host's own history instead of traces")
    parser.add_argument("--since", default="24h", metavar="DURATION", help="how far back, with --store (default: 24h)")
    parser.add_argument(
        "--policy",
        default="balanced,static,vpa-live-2",
        metavar="P[,P…]",
        help="latency balanced dense static unlimited vpa vpa-live-R captain-T krr kubecost dockpulse senpai",
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="runs with different noise (default: 1)")
    parser.add_argument("--cv", type=float, default=0.6, help="noise between 100 ms periods (default: 0.6)")
    parser.add_argument("--cpu-start", type=float, default=2.0, metavar="CORES", help="quota at the start (default: 2)")
    parser.add_argument("--cpu-max", type=float, default=4.0, metavar="CORES", help="most cores (default: 4)")
    parser.add_argument(
        "--cpu-min", default="0.02", metavar="CORES", help="least cores, or 'owner': the quota at the start"
    )
    parser.add_argument(
        "--memory-start-ratio", type=float, default=1.3, metavar="R", help="limit at the start ÷ use (default: 1.3)"
    )
    shrink = parser.add_mutually_exclusive_group()
    shrink.add_argument("--shrink-memory", action="store_true", default=True, help="take memory back (default)")
    shrink.add_argument("--no-shrink-memory", action="store_false", dest="shrink_memory", help="only ever give memory")
    parser.add_argument("--memory-peak-window", default="10m", metavar="DURATION", help="peak to keep (default: 10m)")
    parser.add_argument("--cgroup", choices=("v1", "v2"), default="v1", help="kernel interface (default: v1)")
    parser.add_argument("--speed", choices=("max",), default="max", help="as fast as it goes")
    parser.add_argument("--json", action="store_true", help="for programs; the form is fixed")


def run(args: argparse.Namespace) -> int:
    from backtest.report import lines_of
    from backtest.run import judge

    names = [name.strip() for name in args.policy.split(",") if name.strip()]
    if not names:
        raise UsageError("name a policy: --policy balanced,vpa")
    if not 1 <= args.seeds <= 1000:
        raise UsageError("--seeds must be from 1 to 1000")
    options = options_of(args)
    traces = traces_of(args)
    result = judge(traces, names, seeds=args.seeds, options=options)
    if args.json:
        json.dump(result, sys.stdout)
        print()
    else:
        head, *rows = lines_of(result["policies"])
        print(f"{len(traces)} containers, {sum(map(len, traces)) / 3600:.1f} container-hours, seeds: {args.seeds}")
        print(table(head, rows))
    return 0


def options_of(args: argparse.Namespace) -> Options:
    """The options of the run. Raises UsageError."""
    from backtest.simulator import MEMORY_MIN, Options
    from config.values import parse_duration

    least = None
    if args.cpu_min != "owner":
        try:
            least = float(args.cpu_min)
        except ValueError:
            raise UsageError("--cpu-min must be a number of cores, or owner") from None
    numbers = {"cpu-start": args.cpu_start, "cpu-max": args.cpu_max, "cpu-min": 0.01 if least is None else least}
    for name, value in numbers.items():
        if not 0.01 <= value <= 4096:
            raise UsageError(f"--{name} must be from 0.01 to 4096 cores")
    if not 0 <= args.cv <= 3:
        raise UsageError("--cv must be from 0 to 3")
    if not 1 <= args.memory_start_ratio <= 100:
        raise UsageError("--memory-start-ratio must be from 1 to 100")
    try:
        parse_duration(args.memory_peak_window)
    except Malformed as fault:
        raise UsageError(f"--memory-peak-window: {fault}") from None
    return Options(
        cpu_start=args.cpu_start,
        cpu_min=least,
        cpu_max=args.cpu_max,
        memory_min=None if least is None else MEMORY_MIN,
        memory_start_ratio=args.memory_start_ratio,
        cv=args.cv,
        cgroup=args.cgroup,
        shrink_memory=args.shrink_memory,
        memory_peak_window=args.memory_peak_window,
    )


def traces_of(args: argparse.Namespace) -> tuple[Trace, ...]:
    """The traces that were named, or this host's history. Raises UsageError, NotThere."""
    from backtest.history import from_store
    from backtest.trace import load
    from config.values import parse_duration
    from daemon.clock import now_ms
    from daemon.once import open_series

    if args.store == bool(args.traces):
        raise UsageError("name traces, or --store for this host's own history, and not both")
    if not args.store:
        return tuple(trace for name in args.traces for trace in load(name))
    try:
        back_ms = round(parse_duration(args.since) * 1000)
    except Malformed as fault:
        raise UsageError(f"--since: {fault}") from None
    until_ms = now_ms()
    series = open_series(settings_of(args))
    try:
        return from_store(series, until_ms - back_ms, until_ms)
    finally:
        series.close()
