"""What if, on a container's page: asked, answered beside now, refused, in both languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from model.errors import Refused, StoreError
from tests.browser.conftest import Looker

pytestmark = pytest.mark.browser


def test_each_class_stands_beside_the_limits_as_they_are(
    act: Looker, accessible: Callable[[Page], None], shoot: Callable[[Page, str], None]
) -> None:
    page = act.open("/containers/shop-api-2", user="vera")
    page.locator("[data-what-if]").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name='cpu_min']").fill("none")
    dialog.get_by_role("button", name="1 hour").click()
    expect(dialog.get_by_role("alert")).to_have_text("Not understood")
    expect(dialog.locator("[name='cpu_min']")).to_have_attribute("aria-invalid", "true")
    dialog.locator("[name='cpu_min']").fill("0.2")
    dialog.locator("[name='cpu_max']").fill("3")
    dialog.get_by_role("button", name="1 hour").click()
    expect(dialog.locator("[data-policy-row]")).to_have_count(5, timeout=20_000)
    expect(dialog.locator("[data-policy-row='static'] [data-number='saved']")).to_be_empty()
    held = dialog.locator("[data-policy-row='static'] [data-number='throttled_period_ratio']")
    freed = dialog.locator("[data-policy-row='latency'] [data-number='throttled_period_ratio']")
    share = [int(cell.inner_text().removesuffix("%").strip() or 0) for cell in (held, freed)]
    assert share[1] < share[0], "the hero is held back, and latency lets it go"
    expect(dialog.locator("[data-policy-row='latency'] [data-number='saved']")).to_contain_text("costs")
    expect(dialog.locator("[data-too-kind]")).to_be_visible()
    expect(dialog.locator(".present")).to_contain_text("its class now")
    accessible(page)
    shoot(page, "whatif-light-desk")
    assert not [c for c in act.dashboard.world.commands if c.name.endswith((".set", ".put"))], "nothing is ordered"


def test_on_a_phone_each_policy_is_a_card(
    act: Looker, accessible: Callable[[Page], None], shoot: Callable[[Page, str], None]
) -> None:
    page = act.open("/containers/shop-api-2", phone=True)
    page.locator("[data-what-if]").click()
    page.get_by_role("dialog").get_by_role("button", name="1 hour").click()
    expect(page.locator("[data-policy-row]")).to_have_count(5, timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    accessible(page)
    shoot(page, "whatif-light-phone")


def test_one_that_cannot_run_says_why(act: Looker, shoot: Callable[[Page, str], None]) -> None:
    act.watch.allow += ["429", "503"]
    states = act.dashboard.world.states
    page = act.open("/containers/shop-api-2", lang="ko", theme="dark")
    page.locator("[data-what-if]").click()
    dialog = page.get_by_role("dialog")
    states.backtest_fault = Refused("another backtest is running: try again when it is done")
    dialog.get_by_role("button", name="6시간").click()
    expect(dialog.get_by_role("alert")).to_contain_text("다른 가정해 보기가 돌고 있습니다")
    states.backtest_fault = StoreError("the backtest took more than 120 s: choose a shorter range")
    dialog.get_by_role("button", name="24시간").click()
    expect(dialog.get_by_role("alert")).to_contain_text("너무 오래 걸렸습니다")
    states.backtest_fault = None
    dialog.get_by_role("button", name="1시간").click()
    expect(dialog.locator("[data-policy-row]")).to_have_count(5, timeout=20_000)
    shoot(page, "whatif-dark-korean")
