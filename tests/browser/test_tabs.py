"""Many tabs of the dashboard: they share one live stream, so that none starves for connections."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import READY, Looker

pytestmark = pytest.mark.browser

PATHS = ("/", "/containers/shop-api-2", "/limits", "/", "/alerts", "/bottlenecks", "/containers/shop-api-2", "/")
"""More than the six connections that a browser has to a host; each page wants other figures."""


def live(page: Page) -> None:
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live", timeout=20_000)


def test_eight_tabs_are_live_and_answered(look: Looker) -> None:
    first = look.open(PATHS[0])
    tabs = [first]
    for path in PATHS[1:]:
        tab = first.context.new_page()
        tab.goto(look.dashboard.url + path)
        tab.wait_for_selector(READY, timeout=20_000)
        tabs.append(tab)
    for tab in tabs:
        live(tab)
    before = [tab.locator("[data-live] time").inner_text() for tab in tabs]
    for tab, then in zip(tabs, before, strict=True):
        expect(tab.locator("[data-live] time")).not_to_have_text(then)
    for tab in tabs[:0:-1]:
        tab.close()
    then = first.locator("[data-live] time").inner_text()
    expect(first.locator("[data-live] time")).not_to_have_text(then)


def test_without_shared_workers_a_page_has_a_stream_of_its_own(look: Looker) -> None:
    context = look.context("mina", "light", "en", phone=False)
    page = context.new_page()
    page.add_init_script("delete globalThis.SharedWorker")
    page.goto(look.dashboard.url + "/")
    live(page)
