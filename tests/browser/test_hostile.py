"""Names, labels and texts from outside are text: in HTML, in addresses, in files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Looker

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=alert(1)>\"'&{{7*7}}"


def test_a_hostile_name_is_shown_as_it_is(act: Looker) -> None:
    world = act.dashboard.world
    ship = world.ships[world.hero]
    target = replace(ship.target, name=EVIL, image=EVIL, group=EVIL, service=EVIL)
    world.ships[world.hero] = replace(ship, target=target)
    page = act.open("/")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    link = page.locator(f"tr[data-container-id='{world.hero}'] a")
    expect(link).to_have_text(EVIL)
    assert page.locator("img").count() == 0
    link.click()
    act.arrive(page, "container")
    expect(page.locator("h1")).to_have_text(EVIL)
    assert page.locator("img").count() == 0
    for path in ("/alerts", "/limits", "/bottlenecks"):
        page.goto(act.dashboard.url + path)
        page.wait_for_selector("body[data-ready='true']")
        assert page.locator("img").count() == 0


def test_a_formula_is_defused_in_a_file(look: Looker) -> None:
    page = look.open("/login", user=None)
    line = page.evaluate(
        "import('/static/js/lib/download.js').then(m => m.csv([['=1+1', '@x', 'a,b', 'say \"so\"', -5, null]]))"
    )
    assert line == '\'=1+1,\'@x,"a,b","say ""so""",-5,\r\n'


def test_words_of_a_rule_or_refusal_are_text(act: Looker) -> None:
    world = act.dashboard.world
    world.changes[0] = replace(world.changes[0], reason=EVIL)
    page = act.open("/limits")
    expect(page.locator("[data-journal] tr").first).to_contain_text(EVIL)
    assert page.locator("img").count() == 0
