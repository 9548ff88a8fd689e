"""What the web process takes: a page of metrics, the API under twenty clients, three hundred live streams."""

from __future__ import annotations

import http.client
import selectors
import socket
import time
from collections.abc import Mapping, Sequence

from tools.bench import proc, result, webmemory
from tools.bench.result import Measured, Part, Spec
from tools.bench.webhouse import TOKEN, House, percentile, serving, together

MANY = 1000
SCRAPES = 7
CLIENTS = 20
SECONDS = 12.0
STREAMS = 300
MOST_STREAMS = 320
WATCH_S = 20.0
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
FLOOR = "the same number of lines, put together from ready text"

RESULTS = (
    Spec("dashboard_metrics_ms_1000", "ms", "GET /metrics, 1,000 containers, link included", bar=150, anchor=FLOOR),
    Spec("dashboard_metrics_gzip_ms_1000", "ms", "The same, gzipped", bar=150, anchor=FLOOR),
    Spec("dashboard_series_p95_ms_20_clients", "ms", "GET /series: 5 min, 4 metrics of one of 200", bar=50),
    Spec("dashboard_containers_p95_ms_20_clients", "ms", "GET /containers of 200, first page of 50", bar=50),
    Spec("dashboard_streams_delivered_ratio_300", "ratio", "Ticks that 300 live streams got", op=">=", bar=1.0),
    Spec("dashboard_streams_core_share_300", "% of a core", "Web process with 300 live streams", bar=10),
    Spec("dashboard_streams_added_pss_mb_300", "MB", "Memory that 300 live streams add", bar=60),
    Spec("dashboard_streams_refused_ratio", "ratio", "Streams over the cap that get 503 with Retry-After", ">=", 1.0),
    *webmemory.RESULTS,
)


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    """A house for each part, one after the other."""
    return result.together(PARTS, chosen)


def asked(house: House, path: str, headers: Mapping[str, str] = HEADERS) -> tuple[int, bytes]:
    """(status, body) over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def scrapes(house: House) -> dict[str, Measured]:
    """Median time of a scrape; the floor is the bare putting together of as many lines."""

    def median_ms(headers: Mapping[str, str]) -> tuple[float, bytes]:
        took, body = [], b""
        for _ in range(SCRAPES):
            start = time.perf_counter()
            status, body = asked(house, "/metrics", headers)
            took.append((time.perf_counter() - start) * 1000)
            if status != 200:
                raise RuntimeError(f"/metrics answered {status}: {body[:200]!r}")
        return percentile(took, 0.5), body

    plain, body = median_ms(HEADERS)
    packed, _ = median_ms({**HEADERS, "Accept-Encoding": "gzip"})
    parts = [line.rpartition(" ") for line in body.decode().splitlines()]
    floors = []
    for _ in range(3):
        start = time.perf_counter()
        "\n".join([f"{series} {value}" for series, _, value in parts]).encode()
        floors.append((time.perf_counter() - start) * 1000)
    return {
        "dashboard_metrics_ms_1000": Measured(plain, min(floors)),
        "dashboard_metrics_gzip_ms_1000": Measured(packed, min(floors)),
    }


def questions(house: House) -> dict[str, Measured]:
    """Twenty clients, each four questions a second on a connection of its own, as twenty open pages ask."""
    metrics = "cpu_usage_cores,memory_working_set_bytes,io_read_bytes_per_second,network_receive_bytes_per_second"
    paths = {
        "series": lambda i: f"/api/v1/series?metrics={metrics}&container={house.names[i % 200]}&since=-5m&points=300",
        "containers": lambda _i: "/api/v1/containers?limit=50",
    }
    found = {}
    for kind, path in paths.items():

        def client(number: int, path=path) -> list[float]:  # type: ignore[no-untyped-def]
            took: list[float] = []
            connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
            end, turn = time.monotonic() + SECONDS, number
            time.sleep(number / CLIENTS / 4)
            while time.monotonic() < end:
                start = time.perf_counter()
                connection.request("GET", path(turn), headers=HEADERS)
                answer = connection.getresponse()
                body = answer.read()
                took.append((time.perf_counter() - start) * 1000)
                if answer.status != 200:
                    raise RuntimeError(f"{answer.status}: {body[:200]!r}")
                turn += CLIENTS
                time.sleep(max(0.0, 0.25 - took[-1] / 1000))
            connection.close()
            return took

        found[f"dashboard_{kind}_p95_ms_20_clients"] = Measured(percentile(together(CLIENTS, client), 0.95))
    return found


def open_stream(house: House) -> socket.socket:
    """A live stream, asked for; nothing is read yet."""
    stream = socket.create_connection(("127.0.0.1", house.port), timeout=30)
    path = "/api/v1/stream?topics=snapshot&metrics=cpu_usage_cores,memory_working_set_bytes"
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    return stream


def streams(house: House) -> dict[str, Measured]:
    """Three hundred at once; then more than the cap."""
    asked(house, "/api/v1/containers")
    before = proc.pss_bytes(house.pid)
    opened = [open_stream(house) for _ in range(STREAMS)]
    with selectors.DefaultSelector() as selector:
        for stream in opened:
            stream.setblocking(False)
            selector.register(stream, selectors.EVENT_READ, [0])
        drain(selector, 5.0)
        for key in selector.get_map().values():
            key.data[0] = 0
        start, cpu = time.monotonic(), proc.cpu_s([house.pid])
        drain(selector, WATCH_S)
        took = time.monotonic() - start
        share = (proc.cpu_s([house.pid]) - cpu) / took * 100
        got = [key.data[0] for key in selector.get_map().values()]
    added = proc.pss_bytes(house.pid) - before
    more = [open_stream(house) for _ in range(MOST_STREAMS - STREAMS)]
    time.sleep(2.0)
    refused = [first_answer(open_stream(house)) for _ in range(10)]
    for stream in (*opened, *more):
        stream.close()
    right = sum(text.startswith("HTTP/1.1 503") and "retry-after:" in text.lower() for text in refused)
    return {
        "dashboard_streams_delivered_ratio_300": Measured(min(1.0, min(got) / (WATCH_S - 2))),
        "dashboard_streams_core_share_300": Measured(share),
        "dashboard_streams_added_pss_mb_300": Measured(added / 1e6),
        "dashboard_streams_refused_ratio": Measured(right / len(refused)),
    }


def first_answer(stream: socket.socket) -> str:
    with stream:
        return stream.recv(4096).decode(errors="replace")


def drain(selector: selectors.BaseSelector, seconds: float) -> None:
    """Read all that comes for so long, counting the messages of each."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
            if not data:
                selector.unregister(key.fileobj)
                continue
            key.data[0] += data.count(b"event: snapshot")


def scraped() -> dict[str, Measured]:
    with serving(MANY, 44) as house:
        return scrapes(house)


def questioned() -> dict[str, Measured]:
    with serving(200, 44, history_s=900) as house:
        return questions(house)


def streamed() -> dict[str, Measured]:
    with serving(20, 44, max_streams=MOST_STREAMS) as house:
        return streams(house)


PARTS: Mapping[str, Part] = {
    "metrics": scraped,
    "questions": questioned,
    "streams": streamed,
    "memory": webmemory.measured,
}
