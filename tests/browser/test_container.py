"""The container's page: charts with limits and marks, ranges, zoom, values, and setting limits."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Looker, until
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

RANGES = (
    "[...document.querySelectorAll('.plot')].filter(p => p.layout && p.getBoundingClientRect().top < innerHeight - 100)"
    ".map(p => JSON.stringify(p._fullLayout.xaxis.range))"
)
"""Of the charts on screen; those below catch up when they come near."""
STEP_MS = 2000
"""Live charts are drawn in turn, each once a step: they stand at most a step apart, which is a pixel."""
CHARTS = ("cpu", "memory", "pressure", "network", "disk", "operations", "faults", "pids")


def traces(page: Page, chart: str) -> list[str]:
    """Names, each once: a filled trace with a gap is drawn as fill and line."""
    names = page.evaluate(f"document.querySelector('[data-chart={chart}] .plot').data.map(t => t.name)")
    return list(dict.fromkeys(names))


def points(page: Page, chart: str) -> int:
    return int(page.locator(f"[data-chart='{chart}']").get_attribute("data-points") or 0)


def test_eight_charts_on_one_time_axis_with_their_limits(look: Looker) -> None:
    page = look.open("/containers/shop-api-2")
    for chart in CHARTS:
        assert points(page, chart) > 700, chart
    assert traces(page, "cpu") == ["used", "held back", "limit"]
    assert {"anonymous", "file cache", "kernel", "working set", "limit", "slows at"} == set(traces(page, "memory"))
    starts = [json.loads(text)[0] for text in page.evaluate(RANGES)]
    assert max(starts) - min(starts) <= STEP_MS
    limit = page.evaluate("document.querySelector('[data-chart=cpu] .plot').data[2].y.filter(v => v != null)")
    assert (min(limit), max(limit)) == (1.0, 1.5), "a limit has a history"


def test_the_clock_of_the_axis_is_the_readers(look: Looker) -> None:
    """Berlin: what the axis says is what the range says."""
    page = look.open("/containers/shop-api-2")
    told = page.locator("[data-span]").inner_text().split(" – ")
    ticks = page.evaluate("[...document.querySelectorAll('[data-chart=cpu] .xtick text')].map(n => n.textContent)")
    assert all(told[0][:5] <= tick <= told[1][:5] or told[0] > told[1] for tick in ticks), (told, ticks)


def test_marks_of_what_happened(look: Looker) -> None:
    page = look.open("/containers/shop-api-2")
    kinds = page.evaluate("[...document.querySelectorAll('.lane .mark')].map(m => m.dataset.mark)")
    assert "up" in kinds
    assert "oom" in kinds
    assert "critical" in kinds
    raised = page.locator(".mark[data-mark='up']").last
    assert "CPU limit 1.00 → 1.25" in (raised.get_attribute("aria-label") or "").replace("\u00a0", " ")
    shapes = page.evaluate("document.querySelector('[data-chart=memory] .plot').layout.shapes.length")
    assert shapes == len(kinds), "one line a mark: moments that are near each other are one"
    raised.click()
    expect(page.locator("[data-mark-words]")).to_contain_text("CPU limit")


def test_a_young_history_can_be_seen_from_its_start(look: Looker) -> None:
    page = look.open("/containers/shop-search?range=86400")
    young = page.locator("[data-since-start]")
    young.click()
    expect(young).to_have_attribute("aria-pressed", "true")
    used = "document.querySelector('[data-chart=cpu] .plot').data[0].y"
    until(page, f"{used}.slice(0, 10).some(v => v != null)")
    page.locator("[data-seconds='300']").click()
    expect(young).to_be_hidden()


def test_the_readout_follows_the_clock_and_the_arrow_keys(look: Looker) -> None:
    page = look.open("/containers/shop-api-2")
    used = page.locator("[data-chart='cpu'] [data-series='cpu_usage_cores'] b")
    assert used.inner_text().endswith("cores")
    end = page.evaluate("document.querySelector('[data-chart=cpu] .plot').data[0].x.at(-1)")
    wait_until(
        lambda: page.evaluate("document.querySelector('[data-chart=cpu] .plot').data[0].x.at(-1)") > end,
        8,
        "live seconds to be added",
    )
    page.locator("[data-chart='cpu'] .plot").focus()
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("[data-chart='memory'] .hair")).to_be_visible()
    assert page.locator("[data-cursor]").inner_text() != ""
    page.keyboard.press("Escape")
    expect(page.locator("[data-chart='memory'] .hair")).to_be_hidden()


def test_zoom_by_drag_is_zoom_in_all_and_double_click_goes_back(look: Looker) -> None:
    page = look.open("/containers/shop-api-2")
    box = page.locator("[data-chart='cpu'] .plot").bounding_box()
    assert box is not None
    y = box["y"] + 80
    page.mouse.move(box["x"] + 300, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, y, steps=6)
    page.mouse.up()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "paused")
    until(page, "new URL(location).searchParams.has('from')")
    wait_until(lambda: "1\u00a0s a point" in page.locator("[data-step]").inner_text(), 5, "the finer grid")
    ranges = page.evaluate(RANGES)
    assert len(set(ranges)) == 1
    page.locator("[data-chart='cpu'] .plot .nsewdrag").dblclick()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    assert "from=" not in page.url


def test_ranges_compare_and_address(look: Looker) -> None:
    page = look.open("/containers/shop-api-2?range=300")
    expect(page.locator("[data-range] [data-seconds='300']")).to_have_attribute("aria-pressed", "true")
    assert 290 <= points(page, "cpu") <= 305
    page.locator("[data-range] [data-seconds='10800']").click()
    until(page, "document.querySelector('[data-step]').textContent.startsWith('10')")
    assert "range=10800" in page.url
    page.locator("[data-compare]").select_option("day")
    until(page, "new URL(location).searchParams.get('compare') === 'day'")


def test_an_absolute_range(look: Looker) -> None:
    page = look.open("/containers/shop-api-2")
    page.locator("[data-absolute]").click()
    form = page.locator("[data-absolute-form]")
    form.locator("[name='to']").fill("2020-01-01T00:00:00")
    form.get_by_role("button", name="Show").click()
    expect(page.locator("[data-absolute-wrong]")).to_have_text("The end must come after the beginning.")


def test_values_csv_and_png(look: Looker, tmp_path: Path) -> None:
    page = look.open("/containers/shop-api-2")
    page.locator("[data-values-toggle]").click()
    assert page.locator("[data-values] tbody tr").count() == 40
    with page.expect_download() as saved:
        page.locator("[data-csv]").click()
    saved.value.save_as(tmp_path / "a.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig"))))
    assert rows[0][0] == "time"
    assert "cpu_usage_cores" in rows[0]
    assert len(rows) > 800
    with page.expect_download() as saved:
        page.locator("[data-png]").click()
    saved.value.save_as(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (page.locator("[data-report]").get_attribute("href") or "").endswith("/report.html")


def test_setting_limits_with_a_dry_run_first_and_undo(act: Looker) -> None:
    act.watch.allow += [r"409"]
    page = act.open("/containers/shop-search")
    page.get_by_role("button", name="Change limits").click()
    form = page.locator("[data-limits-form]")
    expect(form.locator("[name='cpu']")).to_be_focused()
    form.locator("[name='memory']").fill("64m")
    expect(form.locator(".answer")).to_contain_text("a limit below that would kill it")
    expect(form.get_by_role("button", name="Set limits")).to_be_disabled()
    form.locator("[name='memory']").fill("nonsense")
    expect(form.locator(".answer")).to_contain_text("a size such as 512m")
    form.locator("[name='memory']").fill("6g")
    form.locator("[name='cpu']").fill("2.5")
    expect(form.locator(".answer")).to_contain_text("Would set CPU")
    assert not act.dashboard.world.by_hand, "a dry run changes nothing"
    form.locator("[name='reason']").fill("black friday")
    form.get_by_role("button", name="Set limits").click()
    expect(page.get_by_role("status").filter(has_text="Set:")).to_be_visible()
    change = act.dashboard.world.changes[0]
    assert (change.after.cpu_cores, change.after.memory_bytes) == (2.5, 6 * 1024**3)
    assert change.reason == "black friday"
    expect(page.locator("[data-knobs]")).to_contain_text("2.50 cores")
    expect(page.locator(".lane .mark[data-mark='up']")).to_have_count(1, timeout=8000)
    page.locator("[data-changes] [data-undo]").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.locator("[data-knobs]")).to_contain_text("2.00 cores")
    expect(page.locator("[data-changes]")).to_contain_text("undone by mina")


def test_the_policy_is_changed_in_place(act: Looker) -> None:
    page = act.open("/containers/shop-search")
    page.locator("[data-policy] [data-value='auto']").click()
    expect(page.locator("[data-policy] [data-value='auto']")).to_have_attribute("aria-pressed", "true")
    assert act.dashboard.world.policies[next(
        k for k, s in act.dashboard.world.ships.items() if s.target.name == "shop-search"
    )].mode.value == "auto"  # fmt: skip
    page.get_by_role("button", name="Back to config and labels").click()
    expect(page.locator("[data-policy] [data-value='observe']")).to_have_attribute("aria-pressed", "true")


def test_the_verdict_tells_what_was_settled(look: Looker) -> None:
    page = look.open("/containers/shop-api-2")
    expect(page.locator(".case.critical h2")).to_contain_text("Held back by its CPU limit")
    settled = page.locator(".case.settled")
    expect(settled).to_contain_text("Killed for lack of memory")
    expect(settled).to_contain_text("1.00")
    expect(page.locator(".case.critical").get_by_role("button", name="Allow 2.00 cores")).to_be_enabled()
