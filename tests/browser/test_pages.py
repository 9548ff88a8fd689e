"""Every page in both themes, both widths and both languages: filled, silent, accessible, and kept as a picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Looker, until

pytestmark = pytest.mark.browser

PAGES = {
    "overview": ("/", "mina"),
    "bottlenecks": ("/bottlenecks", "mina"),
    "container": ("/containers/shop-api-2", "mina"),
    "host": ("/hosts/web-1", "mina"),
    "service": ("/services/shop%2Fapi", "mina"),
    "alerts": ("/alerts", "admin"),
    "limits": ("/limits", "mina"),
    "settings": ("/settings", "admin"),
    "login": ("/login", None),
    "setup": ("/setup?token=none", None),
}


@pytest.mark.parametrize("width", ["desk", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_page(
    look: Looker, accessible: Callable[[Page], None], shoot: Callable[[Page, str], None], name: str, width: str
) -> None:
    path, user = PAGES[name]
    page = look.open(path, user=user, theme="light", phone=width == "phone")
    assert page.locator("body").get_attribute("data-page") == name
    for theme in ("light", "dark"):
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        if name in ("container", "host", "service"):
            page.wait_for_selector("[data-chart='cpu'] .main-svg")
        accessible(page)
        shoot(page, f"{name}-{theme}-{width}")
        page.locator("[data-theme-toggle]").click()


@pytest.mark.parametrize("name", ["overview", "container", "alerts", "limits", "login"])
def test_page_in_korean(look: Looker, shoot: Callable[[Page, str], None], name: str) -> None:
    path, user = PAGES[name]
    page = look.open(path, user=user, lang="ko")
    assert page.evaluate("document.documentElement.lang") == "ko"
    english = page.evaluate(
        "[...document.querySelectorAll('[data-t]')].map(n => [n.dataset.t, n.textContent])"
        ".filter(([key, shown]) => key === shown && key !== 'CPU' && key !== 'HTTP')"
    )
    assert english == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shoot(page, f"{name}-korean")


def test_the_language_that_was_chosen_stays(look: Looker) -> None:
    page = look.open("/limits")
    page.get_by_role("button", name="Language").click()
    page.wait_for_selector("html[lang='ko'] body[data-ready='true']")
    assert page.locator("h1").inner_text() == "제한"
    page.goto(look.dashboard.url + "/alerts")
    page.wait_for_selector("html[lang='ko'] body[data-ready='true']")


def test_the_theme_that_was_chosen_stays_and_charts_follow(look: Looker) -> None:
    page = look.open("/containers/shop-api-2", theme="light")
    page.wait_for_selector("[data-chart='cpu'] .main-svg")
    line = "getComputedStyle(document.querySelector('[data-chart=cpu] .xtick text')).fill"
    before = page.evaluate(line)
    page.get_by_role("button", name="Switch between light and dark").click()
    until(page, f"{line} !== {before!r}")
    page.reload()
    page.wait_for_selector("html[data-theme='dark'] body[data-ready='true']")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_neither_theme_flashes(look: Looker, theme: str) -> None:
    """The theme stands before the first paint: it is set while the head is parsed, by a script that blocks."""
    page = look.open("/login", user=None, theme=theme)
    assert page.evaluate("document.head.querySelector('script').src.endsWith('/theme.js')")
    assert page.evaluate("!document.head.querySelector('script').defer && !document.head.querySelector('script').async")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
