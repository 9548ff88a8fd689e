"""Memory of the web process while twenty clients ask for history of every kind, as open pages and scripts do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence

from tools.bench import proc
from tools.bench.result import Measured, Spec
from tools.bench.webhouse import TOKEN, House, percentile, serving, together

CONTAINERS = 200
HOURS = 3
CLIENTS = 20
SECONDS = 40.0
PACE_S = 4.0
"""A page asks when it is opened, and every half a minute then."""
LOOK_S = 0.25
CHARTS = (
    "cpu_usage_cores,cpu_user_cores,cpu_system_cores,cpu_limit_cores,cpu_throttled_periods_ratio,cpu_pressure_some_ratio,"
    "memory_usage_bytes,memory_working_set_bytes,memory_anon_bytes,memory_limit_bytes,memory_pressure_some_ratio,"
    "io_read_bytes_per_second,io_write_bytes_per_second,network_receive_bytes_per_second,"
    "network_transmit_bytes_per_second,pids"
)
PAGES = (
    "metrics=cpu_usage_cores,memory_working_set_bytes&since=-5m&step=4s&agg=avg",
    "metrics={charts}&container={name}&since=-15m&step=1s&agg=avg",
    "metrics={charts}&container={name}&since=-1h&step=5s&agg=avg",
    "metrics={charts}&container={name}&since=-3h&step=10s&agg=avg",
    "metrics=cpu_usage_cores&since=-1h&points=112&agg=avg",
    "metrics=memory_working_set_bytes&since=-3h&points=112&agg=avg",
    "metrics=memory_working_set_bytes,memory_limit_bytes&container={name}&since=-15m&points=112&agg=avg",
    "metrics=io_write_bytes_per_second&since=-1h&step=10s&total=true",
)
"""What the pages of this release ask: overview, container, host, alerts."""
EXPORTS = (
    "metrics=cpu_usage_cores&since=-1h",
    "metrics={charts}&container={name}&since=-3h",
    "metrics={charts}&container={name}&since=-3h&format=csv",
    "metrics=memory_working_set_bytes,cpu_usage_cores&since=-3h&step=10s",
    "metrics={charts}&since=-5m&format=line-protocol",
)
"""What a script takes home: hundreds of thousands of values an answer."""

RESULTS = (
    Spec("web_pss_mb_200_pages", "MB", "Web process, most of it, while 20 pages of 200 containers ask", bar=100),
    Spec("web_pages_p95_ms_200", "ms", "An answer in that time"),
    Spec("web_pss_mb_200_exports", "MB", "The same while 20 scripts fetch large answers", bar=100),
    Spec("web_exports_p95_ms_200", "ms", "An answer in that time"),
)


def measured() -> dict[str, Measured]:
    """Pages first, then scripts, on one process."""
    found = {}
    with serving(CONTAINERS, 44, history_s=900, hours=HOURS) as house:
        for kind, asked in (("pages", PAGES), ("exports", EXPORTS)):
            took, most = watched(house, asked)
            found[f"web_pss_mb_200_{kind}"] = Measured(most / 1e6)
            found[f"web_{kind}_p95_ms_200"] = Measured(percentile(took, 0.95))
    return found


def watched(house: House, asked: Sequence[str]) -> tuple[list[float], int]:
    """(milliseconds of every answer, most memory that was seen meanwhile)."""
    ended, seen = threading.Event(), [0]

    def look() -> None:
        while not ended.wait(LOOK_S):
            seen.append(proc.pss_bytes(house.pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        took = together(CLIENTS, lambda number: asking(house, asked, number))
    finally:
        ended.set()
        looking.join()
    return took, max(seen)


def asking(house: House, asked: Sequence[str], number: int) -> list[float]:
    """One client: a question of each kind in turn, of one container after the other, a pause in between."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=120)
    took: list[float] = []
    end, turn = time.monotonic() + SECONDS, number
    time.sleep(number / CLIENTS * PACE_S)
    while time.monotonic() < end:
        question = asked[turn % len(asked)].format(charts=CHARTS, name=house.names[turn * 7 % len(house.names)])
        start = time.perf_counter()
        connection.request("GET", f"/api/v1/series?{question}", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 503:  # others ask for as much: later
            time.sleep(float(answer.headers["Retry-After"]))
            continue
        if answer.status != 200:
            raise RuntimeError(f"{question} answered {answer.status}: {body[:200]!r}")
        took.append((time.perf_counter() - start) * 1000)
        turn += 1
        time.sleep(max(0.0, PACE_S - took[-1] / 1000))
    connection.close()
    return took
