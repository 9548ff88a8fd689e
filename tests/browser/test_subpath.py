"""Under a path behind a proxy every link, request and script stays below it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Looker
from tests.browser.server import Dashboard

pytestmark = pytest.mark.browser


def test_every_request_stays_below_the_path(browser: Browser, tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, prefix="/ops/wharfinger")
    looker = Looker(browser, dashboard)
    try:
        for path in ("/", "/containers/shop-api-2", "/alerts", "/limits", "/bottlenecks", "/hosts/web-1"):
            page = looker.open(path)
            outside = page.evaluate(
                "[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
                ".filter(h => !h.startsWith('/ops/wharfinger/') && !h.startsWith('#'))"
            )
            assert outside == []
        assert looker.watch.faults() == []
    finally:
        looker.close()
        dashboard.close()
