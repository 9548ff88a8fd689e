"""``wharfinger query METRIC --container NAME --since 1h --step 10s [--csv|--json|…]``: history from the store."""

from __future__ import annotations

import argparse
import json
import sys

from cli.settings import settings_of
from cli.table import table
from config.schema import Settings
from model.errors import NotThere, UsageError
from model.export import exported, unrunnable
from model.metrics import METRICS, spec_of
from model.outside import rfc3339
from storage.api import SeriesQuery, SeriesReader, SeriesResult


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("metrics", metavar="METRIC[,METRIC]", help="metrics of the catalogue")
    parser.add_argument("--container", metavar="NAME", help="one container, by name or id; without it all of them")
    parser.add_argument("--service", metavar="NAME", help="one service, as one line over its recreates and replicas")
    parser.add_argument("--group", metavar="NAME", help="the containers of one group")
    parser.add_argument("--host-metrics", action="store_true", help="of the host itself")
    parser.add_argument("--since", default="1h", metavar="DURATION", help="how far back (default: 1h)")
    parser.add_argument("--until", default="0", metavar="DURATION", help="how far back the range ends (default: now)")
    parser.add_argument("--step", metavar="DURATION", help="width of a point; without it seconds")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV")
    form.add_argument("--json", action="store_true", help="as JSON, the form of /api/v1/series")
    form.add_argument("--jsonl", action="store_true", help="as JSON lines, one for each container and point")
    form.add_argument("--line-protocol", action="store_true", help="as InfluxDB's line protocol, times in ms")


def run(args: argparse.Namespace) -> int:
    from config.values import parse_duration
    from daemon.clock import now_ms
    from daemon.once import open_series

    settings: Settings = settings_of(args)
    metrics = tuple(args.metrics.split(","))
    for name in metrics:
        if spec_of(name) is None:
            raise UsageError(f"there is no metric {name!r}; one of {', '.join(m.name for m in METRICS[:6])}, …")
    asked_ms = now_ms()
    series = open_series(settings)
    query = SeriesQuery(
        metrics=metrics,
        since_ms=asked_ms - round(parse_duration(args.since) * 1000),
        until_ms=asked_ms - round(parse_duration(args.until) * 1000),
        containers=named(series, args.container),
        services=(args.service,) if args.service else (),
        groups=(args.group,) if args.group else (),
        join_service=bool(args.service),
        of_host=args.host_metrics,
        step_ms=round(parse_duration(args.step) * 1000) if args.step else None,
    )
    result = series.query(query)
    series.close()
    if args.json:
        json.dump(result_json(result), sys.stdout)
        print()
    elif args.csv or args.jsonl or args.line_protocol:
        sys.stdout.writelines(
            exported(
                "csv" if args.csv else "jsonl" if args.jsonl else "line-protocol",
                result.t0_ms,
                result.step_ms,
                result.series,
            )
        )
    else:
        header, rows = grid(result)
        print(table(header, rows) if rows else "no data in this range")
    return 0


def named(series: SeriesReader, name: str | None) -> tuple[str, ...]:
    """Ids of the containers with this name, or this id, or this beginning of an id; () for no name."""
    if name is None:
        return ()
    known = series.containers()
    found = [c.id for c in known if name in (c.id, c.name)] or [c.id for c in known if c.id.startswith(name)]
    if not found:
        raise NotThere(f"the store knows no container {name!r}; see 'wharfinger limits list'")
    return tuple(found)


def result_json(result: SeriesResult) -> dict[str, object]:
    """The body of ``/api/v1/series``. Pure."""
    return {
        "t0": result.t0_ms,
        "step_ms": result.step_ms,
        "series": [
            {
                "host": s.host,
                "container": s.container,
                "name": s.name,
                "metric": s.metric,
                "unit": s.unit,
                "avg": list(s.avg),
                "min": list(s.min),
                "max": list(s.max),
            }
            for s in result.series
        ],
    }


def grid(result: SeriesResult) -> tuple[list[str], list[list[object]]]:
    """A row a point that has any value, a column a series; names cannot start a spreadsheet formula. Pure."""
    header = ["time", *(unrunnable(f"{s.name or s.host} {s.metric}") for s in result.series)]
    length = max((len(s.avg) for s in result.series), default=0)
    rows: list[list[object]] = []
    for i in range(length):
        values = [s.avg[i] for s in result.series]
        if any(v is not None for v in values):
            rows.append([rfc3339(result.t0_ms + i * result.step_ms), *values])
    return header, rows
