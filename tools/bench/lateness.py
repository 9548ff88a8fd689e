"""How late ticks begin at a thousand containers while the web process is asked without pause, beside a bare sleeper."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from daemon.link_client import LinkClient
from model.live import Command
from tools.bench.agent import WARM_S, asked, running
from tools.bench.cgroups import made, names
from tools.bench.result import Measured, Part, Spec

CROWD = 1000
WATCH_S = 90.0
LOOK_S = 0.3
"""Between two looks at how late the last tick was."""
QUESTIONS = (
    "/api/v1/containers?limit=50",
    "/api/v1/series?metrics=cpu_usage_cores,memory_usage_bytes&container={name}&since=-5m",
)
SLEEPER = "a sleeper in the same run"

RESULTS = (
    Spec("tick_lateness_p99_ms_1000", "ms", "Ticks begin late, 1,000 containers, web under load", anchor=SLEEPER),
    Spec("tick_lateness_added_ms_1000", "ms", "That, over a bare sleeper", bar=10.0, anchor=SLEEPER),
    Spec("tick_skipped_1000", "ticks", "Ticks skipped in that time", bar=0.0),
    Spec("tick_load_answers_1000", "answers", "Answers of the web process in that time"),
)


def lateness() -> dict[str, Measured]:
    """Three processes beside the agent and the web process: a sleeper, one that takes ``/metrics`` and one that asks
    for containers and series, each without pause. How late a tick was is asked over the link, past the web process."""
    with made(CROWD), running() as house:
        time.sleep(WARM_S)
        link = LinkClient(house.socket)
        before = numbers(link)
        context = multiprocessing.get_context("spawn")
        works: list[tuple[Callable[..., None], tuple[object, ...]]] = [
            (sleep, (WATCH_S,)),
            (scrape, (house.url, WATCH_S)),
            (browse, (house.url, names(1)[0], WATCH_S)),
        ]
        ends, late = [], {}
        for work, arguments in works:
            mine, theirs = context.Pipe(duplex=False)
            context.Process(target=work, args=(theirs, *arguments), daemon=True).start()
            ends.append(mine)
        deadline = time.monotonic() + WATCH_S
        while time.monotonic() < deadline:
            found = numbers(link)
            late[found["wharfinger_ticks_total"]] = found["wharfinger_tick_lateness_seconds"]
            time.sleep(LOOK_S)
        slept, *answers = [end.recv() for end in ends]
        skipped = numbers(link)["wharfinger_late_ticks_total"] - before["wharfinger_late_ticks_total"]
    ours, bare = p99(list(late.values())) * 1000, p99(slept) * 1000
    return {
        f"tick_lateness_p99_ms_{CROWD}": Measured(ours, bare),
        f"tick_lateness_added_ms_{CROWD}": Measured(ours - bare, bare),
        f"tick_skipped_{CROWD}": Measured(skipped),
        f"tick_load_answers_{CROWD}": Measured(sum(answers)),
    }


def numbers(link: LinkClient) -> dict[str, float]:
    """The agent's own numbers, from itself."""
    answer = link.ask(Command("status", {}, "bench", "viewer")).value
    if not isinstance(answer, dict):
        raise TypeError(f"the agent's status is no mapping: {answer!r}")
    metrics: dict[str, float] = answer["metrics"]
    return metrics


def sleep(told: Connection, seconds: float) -> None:
    """Wake at each whole second, and keep how late that was."""
    late, end = [], time.time() + seconds
    while time.time() < end:
        due = int(time.time()) + 1
        time.sleep(due - time.time())
        late.append(time.time() - due)
    told.send(late)


def scrape(told: Connection, url: str, seconds: float) -> None:
    """As Prometheus does, but without pause."""
    told.send(ask_until(seconds, itertools.repeat(f"{url}/metrics")))


def browse(told: Connection, url: str, name: str, seconds: float) -> None:
    """As open pages do, but without pause."""
    told.send(ask_until(seconds, itertools.cycle([url + question.format(name=name) for question in QUESTIONS])))


def ask_until(seconds: float, urls: itertools.repeat[str] | itertools.cycle[str]) -> int:
    """How many of these were answered."""
    end, answers = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        asked(next(urls), gzip=True)
        answers += 1
    return answers


def p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0.0


PARTS: Mapping[str, Part] = {"lateness": lateness}
