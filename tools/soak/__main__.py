"""Runs a soak and prints its report; see the package. Exit code 1 where something was lost or left wrong."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.alerts.storm import serving
from tools.servers.docker import DockerEngine
from tools.servers.influx import Influxd
from tools.servers.process import Missing, free_port, make_folder, remove_folder
from tools.soak import ledger
from tools.soak.crew import Crew
from tools.soak.faults import FAULTS, Inbox, Stage
from tools.soak.ledger import Line, Watcher
from tools.soak.relay import Relay
from tools.soak.ship import TOKEN, Disk, Ship

ROOT = Path(__file__).resolve().parents[2]
HOST = "soak"
ROUND_S = 180.0
RULE = f'[[rule]]\nname = "{ledger.RULE}"\nmetric = "cpu_usage_cores"\nfunction = "last"\nthreshold = 0.05\n'
SETTLE_S = 90.0
GROWTH_MOST = 15.0
LEVEL_AFTER_S = 300.0
"""A shorter run says nothing about growth."""


def environment(
    folder: Path, engine: DockerEngine, influx: Influxd, inbox: Inbox, port: int
) -> dict[str, dict[str, str]]:
    """Settings of agent and web; each looks for the link in a folder of its own, with the relay in between."""
    (folder / "rules").mkdir()
    (folder / "rules/busy.toml").write_text(RULE)
    both = {
        "WHARFINGER_AGENT__DATA_DIR": str(folder / "disk/data"),
        "WHARFINGER_AGENT__RUN_DIR": str(folder / "agent"),
        "WHARFINGER_AGENT__HOST_NAME": HOST,
        "WHARFINGER_DISCOVERY__DOCKER": engine.address,
        "WHARFINGER_DISCOVERY__PODMAN": "off",
        "WHARFINGER_DISCOVERY__CONTAINERD": "off",
        "WHARFINGER_STORE__INFLUXDB__URL": influx.url,
        "WHARFINGER_ALERTS__RULES": str(folder / "rules/*.toml"),
        "WHARFINGER_ALERTS__DEFAULT_RULES": "false",
        "WHARFINGER_ALERTS__WEBHOOK_URL": inbox.url,
        "WHARFINGER_WEB__USER": "root",
    }
    web = {
        "WHARFINGER_AGENT__RUN_DIR": str(folder / "web"),
        "WHARFINGER_WEB__AUTH_DIR": str(folder / "auth"),
        "WHARFINGER_WEB__LISTEN": f"127.0.0.1:{port}",
        "WHARFINGER_WEB__API_TOKEN": TOKEN,
    }
    return {"agent": both, "web": {**both, **web}}


@contextmanager
def staged(folder: Path, containers: int) -> Iterator[Stage]:
    """Everything up and running, and taken down again whatever happens."""
    with ExitStack() as stack:
        engine = DockerEngine.start(beside=True).prepared()
        stack.callback(engine.close)
        if engine.daemon is None:
            raise RuntimeError("an engine of our own has its daemon")
        influx = Influxd()
        stack.callback(influx.close)
        inbox = stack.enter_context(serving(Inbox(seed=containers)))
        disk = Disk(folder / "disk", 128)
        stack.callback(disk.close)
        crew = Crew(engine, containers, seed=1)
        stack.callback(crew.close)
        port = free_port()
        ship = Ship(folder, port, environment(folder, engine, influx, inbox, port))  # type: ignore[arg-type]
        relay = Relay(folder / "web/agent.sock", folder / "agent/agent.sock")
        stack.callback(relay.cut)
        yield Stage(ship, disk, crew, engine.daemon, influx, relay, inbox)  # type: ignore[arg-type]


def until_ready(ship: Ship, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ship.answer("/readyz")[0] == 200:
            return True
        time.sleep(0.2)
    return False


def weather(stage: Stage, seconds: float) -> Counter[str]:
    """Fault after fault until the time is over; how often each came."""
    done: Counter[str] = Counter()
    began = time.monotonic()
    turn_s = min(ROUND_S, seconds) / len(FAULTS)
    while time.monotonic() - began < seconds * 0.8:
        for fault in FAULTS:
            name = str(getattr(fault, "__name__", fault))
            say(f"{time.monotonic() - began:6.0f} s  {name}")
            from_s = time.time()
            with fault(stage):
                time.sleep(turn_s * 0.4)
            if name == "disk_full":
                stage.full.append((from_s, time.time()))
            done[name] += 1
            ready = until_ready(stage.ship, 30)
            say(f"{time.monotonic() - began:6.0f} s  {'mended' if ready else 'NOT READY'}")
            done["not ready 30 s after"] += not ready
            time.sleep(max(0.0, turn_s * 0.4))
    return done


def settle(stage: Stage) -> None:
    """Until InfluxDB has caught up and the last alert is out, within reason."""
    stage.crew.stop()
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        status, body = stage.ship.answer("/api/v1/status")
        spool = json.loads(body).get("metrics", {}).get("wharfinger_spool_bytes", 1) if status == 200 else 1
        if spool == 0:
            return
        time.sleep(0.5)


def soak(seconds: float, containers: int) -> list[Line]:
    """One run. Raises Missing where a server cannot be had."""
    folder = make_folder("soak")
    try:
        with staged(folder, containers) as stage:
            began_ms = time.time_ns() // 1_000_000
            stage.ship.start()
            watcher = Watcher(folder / "agent/agent.sock", stage.crew.staying)
            if not until_ready(stage.ship, 60):
                raise RuntimeError((folder / "agent.log").read_text()[-2000:])
            stage.crew.start()
            done = weather(stage, seconds)
            settle(stage)
            undone = stage.ship.command("limits", "undo", "--all")
            changes = json.loads(stage.ship.command("limits", "history", "--json", "--limit", "100000").stdout)["items"]
            time.sleep(2.0)
            watcher.stop()
            codes = stage.ship.stop()
            return judged(folder, stage, watcher, began_ms, done, {**codes, "undo": undone.returncode}, len(changes))
    finally:
        keep_logs(folder)
        remove_folder(folder)


def keep_logs(folder: Path) -> None:
    target = ROOT / "build/soak"
    target.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        (target / log.name).write_bytes(log.read_bytes())


def judged(
    folder: Path, stage: Stage, watcher: Watcher, began_ms: int, done: Counter[str], codes: dict[str, int], changes: int
) -> list[Line]:
    """The report."""
    data = folder / "disk/data"
    until_ms = max(watcher.ticks) + 60_000
    host = ledger.kept(data / "series.db", began_ms - 60_000, until_ms)
    own_lost = sum(
        len(seen - ledger.kept(data / "series.db", began_ms - 60_000, until_ms, (key,)))
        for key, seen in watcher.own.items()
    )
    lacking = host - ledger.pushed(stage.influx.url, HOST)
    outside = {at for at in lacking if not any(a - 2 <= at / 1000 <= b + 2 for a, b in stage.full)}
    stage.inbox.fails = stage.inbox.down = False
    ledger.drain(data / "state.db", stage.inbox.url, HOST)
    wrong = ledger.wrong(stage.crew.originals, stage.crew.limits)
    told = ledger.alerts(data / "state.db", stage.inbox)
    lines = [
        Line("faults", sum(v for k, v in done.items() if k != "not ready 30 s after"), None, "made and mended"),
        Line("not_ready", done["not ready 30 s after"], 0, "times that it was not ready 30 s after a fault was mended"),
        Line("containers", stage.crew.made, None, "containers that came, most of which went"),
        Line("ticks", len(watcher.ticks), None, "seconds that the agent published"),
        Line("samples_lost", len(watcher.ticks - host), 0, "of those, the host's that the store does not have"),
        Line("container_samples_lost", own_lost, 0, "the same of three containers that stayed"),
        Line("points_lost", len(outside), 0, "seconds in the store that InfluxDB lacks, the full disk's apart"),
        Line("points_lost_disk_full", len(lacking - outside), None, "those of the full disk: the spool was on it"),
        Line("alerts", told["expected"], None, "alerts that fired or resolved"),
        Line("alerts_lost", told["lost"], 0, "of those, never taken by the receiver"),
        Line("alerts_waiting", told["waiting"], 0, "still in the outbox after a day of retries"),
        Line("limit_changes", changes, None, "limits changed, refused and put back"),
        Line("limits_wrong", wrong, 0, "containers not as they were made, after undo"),
        Line("ended_by_itself", len(stage.ship.ended), 0, "times that a process ended without being told to"),
        Line("bad_exits", sum(code != 0 for code in codes.values()), 0, "last exits that were not 0"),
    ]  # fmt: skip
    for kind, rows in stage.ship.grown.items():
        level = GROWTH_MOST if rows and rows[-1][0] >= LEVEL_AFTER_S else None
        about = "last quarter over second, per cent"
        lines.append(Line(f"{kind}_memory_growth", ledger.growth(rows, 2), level, f"resident memory: {about}"))
        lines.append(Line(f"{kind}_files_growth", ledger.growth(rows, 3), level, f"open descriptors: {about}"))
    return lines


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=3600.0, help="how long (3600 unless told)")
    parser.add_argument("--containers", type=int, default=200, help="how many at a time (200 unless told)")
    arguments = parser.parse_args()
    try:
        lines = soak(arguments.seconds, arguments.containers)
    except Missing as reason:
        print(f"soak: {reason}", file=sys.stderr)
        return 2
    for line in lines:
        bar = "" if line.bar is None else f"<= {line.bar:g}"
        print(f"{'ok  ' if line.ok else 'MISS'}  {line.name:24} {line.value:>10g}  {bar:8} {line.help}")
    report = [{"name": x.name, "value": x.value, "bar": x.bar, "ok": x.ok, "help": x.help} for x in lines]
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/soak.json").write_text(json.dumps(report, indent=1) + "\n")
    return int(not all(line.ok for line in lines))


if __name__ == "__main__":
    sys.exit(main())
