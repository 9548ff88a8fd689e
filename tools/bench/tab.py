"""A tab of headless Chromium, and what the devtools protocol tells of it: bytes, main-thread time, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tools.servers.process import find_binary

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
READY = "body[data-ready='true']"


@dataclass(slots=True)
class Tab:
    """``page``: playwright's. ``requests``: (moment in s of the browser's clock, bytes on the wire) of each piece."""

    page: Any
    devtools: Any
    pieces: list[tuple[float, int]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    """Moments in s at which something was asked for; the first is the page's own address."""

    def received(self, until_s: float) -> int:
        """Bytes on the wire, heads included, up to a moment of the browser's monotonic clock."""
        return sum(size for at_s, size in self.pieces if at_s <= until_s)

    def metric(self, name: str) -> float:
        """One of ``Performance.getMetrics``: TaskDuration (s of the main thread's processor time: what other
        processes take of the machine is not in it), JSHeapUsedSize (bytes), Nodes…"""
        found = self.devtools.send("Performance.getMetrics")["metrics"]
        return float(next(row["value"] for row in found if row["name"] == name))

    def kept_bytes(self) -> float:
        """The heap after a collection."""
        for _ in range(2):
            self.devtools.send("HeapProfiler.collectGarbage")
        return self.metric("JSHeapUsedSize")


@contextmanager
def browsing(token: str, *, size: tuple[int, int] = (1440, 1000), script: str = "") -> Iterator[Tab]:
    """A fresh browser that sends the token along. ``script`` runs before each page's own. Raises Missing."""
    from playwright.sync_api import sync_playwright

    binary = find_binary("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(binary), args=list(FLAGS))
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, extra_http_headers={"Authorization": f"Bearer {token}"}
        )
        # the token goes with a page's requests only: each page has a stream of its own
        context.add_init_script("delete globalThis.SharedWorker")
        if script:
            context.add_init_script(script)
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        tab = Tab(page, devtools)
        devtools.on("Network.dataReceived", lambda e: tab.pieces.append((e["timestamp"], e["encodedDataLength"])))
        devtools.on(
            "Network.responseReceived",
            lambda e: tab.pieces.append((e["timestamp"], int(e["response"]["encodedDataLength"]))),
        )
        devtools.on("Network.requestWillBeSent", lambda e: tab.asked.append(e["timestamp"]))
        devtools.send("Network.enable")
        devtools.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
        devtools.send("Performance.enable")
        yield tab
        browser.close()
