"""What the pages cost a browser: the first look, a tick, a long chart, a tab that stays open all day."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.bench import result
from tools.bench.result import Measured, Part, Spec
from tools.bench.tab import READY, Tab, browsing
from tools.bench.webhouse import TOKEN, House, serving

METRICS = 44
TICKS = 20
LOOKS = 5
SETTLE_S = 6
CHARTS = 8
TALL = (1440, 2400)
"""So that every chart is on screen, and drawn."""
SMALL = (1440, 900)
HOURS = 8
WARM_HOURS = 1
PAINT_EVERY = 11
"""Ticks to a drawing of the page that stays open; a prime, for charts of a long range are drawn in turns."""
SCRIPTS = Path(__file__).parent / "scripts"

RESULTS = (
    Spec("browser_first_kb_200", "kB", "Bytes before the table of 200 containers shows, gzip", bar=100),
    Spec("browser_first_ms_200", "ms", "Address to full table of 200 containers, fresh browser", bar=1000),
    Spec("browser_tick_ms_1000", "ms", "Main thread, a tick of the overview, 1,000 containers", bar=50),
    Spec("browser_tick_ms_8_charts", "ms", "Main thread, a tick of a container's page, 8 live charts", bar=120),
    Spec("browser_day_ms", "ms", "Click on 24 h at 1 s to charts drawn", bar=500),
    Spec("browser_overview_growth_mb_8_h", "MB", "Heap of the overview, from 1 h to 8 h of ticks", bar=2),
    Spec("browser_container_growth_mb_8_h", "MB", "Heap of a container's page, 1 h to 8 h of ticks", bar=2),
)


def measure(chosen: Sequence[str] = ()) -> Mapping[str, Measured]:
    """A house for each part, one after the other. Raises Missing without Chromium."""
    return result.together(PARTS, chosen)


def url(house: House, path: str) -> str:
    return f"http://127.0.0.1:{house.port}{path}"


def looks(house: House) -> dict[str, Measured]:
    """The median of fresh browsers; the table is full when its last row on screen has figures and is painted."""
    took, sizes = [], []
    for _ in range(LOOKS):
        with browsing(TOKEN, script=(SCRIPTS / "shown.js").read_text()) as tab:
            tab.page.goto(url(house, "/"))
            tab.page.wait_for_selector(READY)
            seen = tab.page.evaluate("window.shown")
            took.append(seen["at"])
            sizes.append(tab.received(tab.asked[0] + seen["at"] / 1000) / 1000)
            if seen["rows"] < 20:
                raise RuntimeError(f"only {seen['rows']} rows showed")
    return {
        "browser_first_kb_200": Measured(sorted(sizes)[LOOKS // 2]),
        "browser_first_ms_200": Measured(sorted(took)[LOOKS // 2]),
    }


def ticking(tab: Tab, ticks: int = TICKS) -> float:
    """Main-thread time of a tick in ms: all tasks, so parsing, layout and paint as well."""
    tab.page.wait_for_selector(READY)
    time.sleep(SETTLE_S)  # trends, fonts and first drawing
    start, begun = tab.metric("TaskDuration"), tab.page.evaluate("document.querySelector('[data-live] time').dateTime")
    time.sleep(ticks)
    end = tab.metric("TaskDuration")
    if tab.page.evaluate("document.querySelector('[data-live]').dataset.state") != "live":
        raise RuntimeError(f"the page is not live any more (was at {begun})")
    return (end - start) / ticks * 1000


def overview_tick() -> dict[str, Measured]:
    with serving(1000, METRICS) as house, browsing(TOKEN) as tab:
        tab.page.goto(url(house, "/"))
        return {"browser_tick_ms_1000": Measured(ticking(tab))}


def container_tick() -> dict[str, Measured]:
    with serving(50, METRICS, history_s=2400) as house, browsing(TOKEN, size=TALL) as tab:
        tab.page.goto(url(house, "/containers/app-3"))
        tab.page.wait_for_selector(READY)
        drawn = tab.page.locator("[data-chart]:not([hidden]) .main-svg:first-child").count()
        if drawn != CHARTS:
            raise RuntimeError(f"{drawn} charts are drawn, not {CHARTS}")
        return {"browser_tick_ms_8_charts": Measured(ticking(tab))}


def day_click() -> dict[str, Measured]:
    """Median of clicks between 5 min and 24 h; the store's page cache is warm, the browser keeps nothing."""
    took = []
    with serving(2, METRICS, history_s=86400) as house, browsing(TOKEN, size=SMALL) as tab:
        tab.page.goto(url(house, "/containers/app-1"))
        tab.page.wait_for_selector(READY)
        for _ in range(LOOKS):
            took.append(tab.page.evaluate((SCRIPTS / "day.js").read_text()))
    return {"browser_day_ms": Measured(sorted(took)[LOOKS // 2])}


def stay(house: House, path: str, setting: str = "") -> float:
    """Growth of the heap in MB from the first hour to the end, with the page's clock run by us, minute by minute.

    What it holds after each hour is told on stderr: heap after a collection, nodes, listeners.
    """
    with browsing(TOKEN, size=SMALL, script=(SCRIPTS / "day_of_ticks.js").read_text()) as tab:
        tab.page.clock.install()
        tab.page.goto(url(house, path))
        tab.page.wait_for_selector(READY)
        if setting:
            tab.page.click(setting)
        tab.page.evaluate(f"window.paintEvery = {PAINT_EVERY}")
        kept: list[float] = []
        for hour in range(1, HOURS + 1):
            for _minute in range(60):
                tab.page.clock.run_for(60_000)
            kept.append(tab.kept_bytes() / 1e6)
            nodes, listeners = (int(tab.metric(name)) for name in ("Nodes", "JSEventListeners"))
            print(f"  {path}: {hour} h, {kept[-1]:.2f} MB, {nodes} nodes, {listeners} listeners", file=sys.stderr)
        ticks, drawn = tab.page.evaluate("[window.ticks, window.drawn]")
        if ticks < HOURS * 3600 * 0.98 or drawn < HOURS * 3600 / PAINT_EVERY * 0.95:
            raise RuntimeError(f"only {ticks} ticks came, {drawn} of them were drawn")
        return kept[-1] - kept[WARM_HOURS - 1]


def open_all_day() -> dict[str, Measured]:
    """Both pages side by side, for bytes do not mind a busy machine."""
    with serving(10, METRICS, history_s=60) as house, ThreadPoolExecutor(2) as both:
        overview = both.submit(stay, house, "/")
        container = both.submit(stay, house, "/containers/app-3", "[data-seconds='86400']")
        return {
            "browser_overview_growth_mb_8_h": Measured(overview.result()),
            "browser_container_growth_mb_8_h": Measured(container.result()),
        }


def first_look() -> dict[str, Measured]:
    with serving(200, METRICS, history_s=400) as house:
        return looks(house)


PARTS: Mapping[str, Part] = {
    "first": first_look,
    "overview": overview_tick,
    "container": container_tick,
    "day": day_click,
    "stay": open_all_day,
}
