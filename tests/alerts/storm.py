"""A storm of 500 alerts to a receiver that fails half the time, and an agent's alerting that is killed again and again.

``python -m tests.alerts.storm 100`` kills it 100 times; the suite does so a few times.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alerts.engine import Engine
from alerts.outbox import Dispatcher
from model.alert import Condition, Receiver, Rule, Severity
from model.outside import rfc3339
from model.sample import Sample, Snapshot
from storage.factory import open_state
from storage.recent import RecentMemory
from tests.alerts.story import START_MS, target
from tests.support.webhook import Request, Scripted, WebhookServer

ROOT = Path(__file__).parents[2]
ALERTS = 500
SPEED = 30
"""Seconds of the story in a second of ours, so that retries come soon."""
WRONG = ("lost", "foreign", "disordered", "mixed", "grown", "waiting")
"""What must not happen: a transition that is neither told nor superseded; one told again under another id, or before an
earlier one of its alert; a message of more than one service, or that holds more when it is sent again; a queue that
does not run empty."""
RULE = Rule("Busy", Severity.WARNING, Condition("cpu_usage_cores", function="last", threshold=1.0))
SCALED, REPLICAS = 250, 5
"""So many of the containers are replicas of services, whose alerts go out together; the others stand alone."""


def service_of(i: int) -> str | None:
    """The service of container ``i``."""
    return f"shop/s{i // REPLICAS}" if i < SCALED else None


TARGETS = {key: target(key, f"c{i}", service=service_of(i)) for i in range(ALERTS) for key in [f"{i:064x}"]}


class HalfFailing(WebhookServer):
    """Answers 503 to every other message, at random; ``answers`` has each request with its status."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._draw = random.Random(seed)
        self.answers: list[tuple[Request, int]] = []
        self.fails = True

    def taken(self, request: Request) -> Scripted:
        status = 503 if self.fails and self._draw.random() < 0.5 else 200
        self.answers.append((request, status))
        return Scripted(status)


def snapshot_of(at_ms: int, *, storm: bool) -> Snapshot:
    """Each container is busy four minutes of ten, each at a time of its own, replicas within some seconds."""
    second = at_ms // 1000
    begins = {key: 7 * (i - i % REPLICAS) + i % REPLICAS if i < SCALED else 7 * i for i, key in enumerate(TARGETS)}
    values = {
        key: Sample({"cpu_usage_cores": 2.0 if storm and (second + begin) % 600 < 240 else 0.1})
        for key, begin in begins.items()
    }
    return Snapshot(at_ms, 1.0, "harbour", "v2", Sample({}), TARGETS, values, {})


def child(path: Path, url: str, began_ns: int) -> None:
    """Evaluates and delivers until it is killed."""
    state, recent, receiver = open_state(path), RecentMemory(), Receiver("ops", "webhook", url)
    engine = Engine((RULE,), (receiver,), state, recent, "harbour")
    dispatcher = Dispatcher(state, lambda: (receiver,), "harbour")

    def now_ms() -> int:
        return START_MS + (time.time_ns() - began_ns) * SPEED // 1_000_000

    def deliver() -> None:
        while True:
            if dispatcher.deliver("ops", now_ms()):
                time.sleep(0.005)

    threading.Thread(target=deliver, daemon=True).start()
    print("up", flush=True)
    last_ms = 0
    while True:
        at_ms = now_ms() // 1000 * 1000
        if at_ms > last_ms:
            last_ms = at_ms
            snapshot = snapshot_of(at_ms, storm=True)
            recent.append(snapshot)
            engine.evaluate(snapshot, (), at_ms)
        time.sleep(0.002)


def weather(path: Path, kills: int, seed: int) -> HalfFailing:
    """The storm, the kills, and the calm after it in which everything is delivered; the receiver with what it got."""
    draw, began_ns = random.Random(seed), time.time_ns()
    with serving(HalfFailing(seed)) as server:
        for _ in range(kills):
            command = [sys.executable, "-m", "tests.alerts.storm", "child", str(path), server.url, str(began_ns)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                if process.stdout is None or process.stdout.readline() != "up\n":
                    raise RuntimeError("the child did not begin")
                time.sleep(0.02 + draw.random())
                os.kill(process.pid, signal.SIGKILL)
        calm(path, server, START_MS + (time.time_ns() - began_ns) * SPEED // 1_000_000 // 1000 * 1000 + 1000)
    return server


def calm(path: Path, server: HalfFailing, now_ms: int) -> None:
    """Everything resolves, the receiver is well, and the queue runs empty."""
    state, recent, receiver = open_state(path), RecentMemory(), Receiver("ops", "webhook", server.url)
    engine = Engine((RULE,), (receiver,), state, recent, "harbour")
    dispatcher = Dispatcher(state, lambda: (receiver,), "harbour")
    snapshot = snapshot_of(now_ms, storm=False)
    recent.append(snapshot)
    engine.evaluate(snapshot, (), now_ms)
    server.fails = False
    for _ in range(100):
        now_ms += 3_600_000
        while dispatcher.deliver("ops", now_ms) == 0:
            pass
        if not state.undelivered():
            break
    dispatcher.close()
    state.close()


@contextmanager
def serving(server: HalfFailing) -> Iterator[HalfFailing]:
    """A running receiver."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def judged(path: Path, server: HalfFailing) -> dict[str, int]:
    """Counts of what went right and of what went wrong (:data:`WRONG`).

    Of one alert (start, status) sorts by time, since "firing" stands before "resolved" in the alphabet too.
    """
    told: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    order: dict[str, list[tuple[str, str]]] = defaultdict(list)
    inside: dict[str, set[tuple[str, str, str]]] = {}
    together = mixed = grown = 0
    for request, status in server.answers:
        try:
            body = request.json()
        except ValueError:
            continue  # cut off in the middle by a kill: nobody heard the answer
        alerts, message = body["alerts"], request.headers["webhook-id"]
        said = {(a["fingerprint"], a["startsAt"], a["status"]) for a in alerts}
        grown += not said <= inside.setdefault(message, said)
        together += len(alerts) > 1
        services = {TARGETS[a["labels"]["container_id"]].service for a in alerts}
        mixed += len(alerts) > 1 and services != {body["groupLabels"]["service"]}
        for what in said if status == 200 else ():
            if what not in told:
                order[what[0]].append(what[1:])
            told[what].append(message)
    state = open_state(path)
    history = [t for t in state.alert_history(since_ms=0, limit=1_000_000) if t.notify or t.alert.started_at_ms]
    waiting = sum(state.undelivered().values())
    state.close()
    with closing(sqlite3.connect(path)) as database:
        dropped = set(database.execute("SELECT alert_id, doc FROM notification WHERE state = 'dropped'"))
    superseded = {
        (alert_id, rfc3339(json.loads(doc)["alert"]["started_at_ms"]), json.loads(doc)["status"])
        for alert_id, doc in dropped
    }
    expected = {
        (t.alert.id, rfc3339(t.alert.started_at_ms or 0), t.alert.state.value)
        for t in history
        if t.alert.state.value in ("firing", "resolved")
    }
    return {
        "transitions": len(expected),
        "delivered": len(told),
        "superseded": len(superseded),
        "messages": len(server.answers),
        "failed": sum(status != 200 for _, status in server.answers),
        "together": together,
        "repeated": sum(len(ids) - 1 for ids in told.values()),
        "lost": len(expected - told.keys() - superseded),
        "foreign": sum(len(set(ids)) - 1 for ids in told.values()),
        "disordered": sum(sequence != sorted(sequence) for sequence in order.values()),
        "mixed": mixed,
        "grown": grown,
        "waiting": waiting,
    }


def main(arguments: list[str]) -> int:
    logging.disable()  # that the receiver fails is the point
    if arguments and arguments[0] == "child":
        child(Path(arguments[1]), arguments[2], int(arguments[3]))
    kills = int(arguments[0]) if arguments else 100
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        counts = judged(path, weather(path, kills, seed=kills))
    print(f"{kills} kills: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    return int(any(counts[what] for what in WRONG))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
