"""Each state says what is so, what still works, what comes next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Looker, hurry

pytestmark = pytest.mark.browser

Check = Callable[[Page], None]
Shoot = Callable[[Page, str], None]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_containers_yet(act: Looker, accessible: Check, shoot: Shoot, theme: str) -> None:
    act.dashboard.world.states.empty = True
    page = act.open("/", theme=theme)
    expect(page.get_by_text("No containers on web-1 yet")).to_be_visible()
    expect(page.get_by_text("Nothing is held back")).to_be_visible()
    accessible(page)
    shoot(page, f"state-empty-{theme}")
    act.dashboard.world.states.empty = False
    expect(page.locator("tr[data-name='shop-cart']")).to_be_visible(timeout=5000)


def test_docker_away(act: Looker, accessible: Check, shoot: Shoot) -> None:
    act.dashboard.world.states.docker = False
    page = act.open("/", theme="dark")
    notice = page.locator("[data-notice='docker']")
    expect(notice).to_contain_text("Docker does not answer since")
    expect(notice).to_contain_text("read from cgroups")
    accessible(page)
    shoot(page, "state-docker-away")
    act.dashboard.world.states.docker = True
    notice.get_by_role("button", name="Try now").click()
    expect(notice).to_have_count(0)


def test_agent_away_and_back(act: Looker, accessible: Check, shoot: Shoot) -> None:
    act.watch.allow += [r"503"]
    page = act.open("/", clock=True)
    expect(page.locator("tr[data-name='shop-cart']")).to_be_visible()
    act.dashboard.world.states.away = True
    hurry(page, page.locator(".host .badge.stale"), "stale")
    hurry(page, page.locator("[data-notice='agent']"), "The agent is away since")
    expect(page.locator("tr[data-name='shop-cart']")).to_be_visible()
    hurry(page, page.locator("[data-band]"), "Not known while the agent is away.")
    accessible(page)
    shoot(page, "state-agent-away")
    act.dashboard.world.states.away = False
    hurry(page, page.locator("[data-live]"), "Live")
    hurry(page, page.locator("[data-notice='agent']"), "")


def test_pages_opened_while_the_agent_is_away(act: Looker) -> None:
    act.watch.allow += [r"503"]
    act.dashboard.world.states.away = True
    page = act.open("/limits")
    expect(page.locator("#switch-title")).to_have_text("Automation: not known")
    page = act.open("/containers/shop-search")
    expect(page.locator("[data-notice='agent']")).to_be_visible()
    assert int(page.locator("[data-chart='cpu']").get_attribute("data-points") or 0) > 100, "history stays readable"


def test_stream_lost_and_found(act: Looker, shoot: Shoot) -> None:
    page = act.open("/", clock=True)
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    act.dashboard.world.states.mute = True
    hurry(page, page.locator("[data-notice='stream']"), "Not live for")
    expect(page.locator("[data-notice='stream']")).to_contain_text("Nothing is lost")
    shoot(page, "state-stream-lost")
    act.dashboard.world.states.mute = False
    # The page may have found the stream by itself in between; then there is nothing left to press.
    page.evaluate("document.querySelector('[data-notice=stream] button')?.click()")
    hurry(page, page.locator("[data-notice='stream']"), "")


def test_no_data_in_the_range(look: Looker, accessible: Check, shoot: Shoot) -> None:
    page = look.open("/containers/shop-search?from=1577836800000&to=1577840400000")
    void = page.locator("[data-void]")
    expect(void).to_contain_text("Nothing recorded from")
    accessible(page)
    shoot(page, "state-no-data")
    void.get_by_role("button", name="Go to its first second").click()
    expect(void).to_have_count(0, timeout=15_000)
    assert int(page.locator("[data-chart='cpu']").get_attribute("data-points") or 0) > 100


def test_a_container_that_is_gone(act: Looker, accessible: Check, shoot: Shoot) -> None:
    act.dashboard.world.states.hidden = frozenset({"shop-search"})
    page = act.open("/containers/shop-search?range=10800")
    expect(page.locator("[data-notice='gone']")).to_contain_text("shop-search is gone since")
    expect(page.get_by_role("button", name="Change limits")).to_be_disabled()
    accessible(page)
    shoot(page, "state-gone")


def test_a_container_that_never_was(look: Looker) -> None:
    look.watch.allow += [r"404"]
    page = look.open("/containers/no-such-thing")
    expect(page.locator("[data-notice='load']")).to_contain_text("There is no such container.")


def test_a_viewer_looks_and_changes_nothing(look: Looker, accessible: Check, shoot: Shoot) -> None:
    page = look.open("/", user="vera")
    expect(page.locator("[data-notice='viewer']")).to_contain_text("You can look, not change.")
    for button in page.locator("[data-allow], [data-undo]").all():
        expect(button).to_be_disabled()
    accessible(page)
    page = look.open("/containers/shop-api-2", user="vera")
    expect(page.get_by_role("button", name="Change limits")).to_be_disabled()
    for button in page.locator("[data-allow], [data-undo], [data-policy] button:not([data-what-if])").all():
        expect(button).to_be_disabled()
    accessible(page)
    shoot(page, "state-viewer")
    page = look.open("/limits", user="vera")
    for button in page.locator("[data-pause], [data-recs] button, [data-journal] button").all():
        expect(button).to_be_disabled()
    page = look.open("/alerts", user="vera")
    expect(page.get_by_role("button", name="New silence")).to_be_disabled()


def test_what_the_kernel_does_not_give_is_not_zero(act: Looker, shoot: Shoot) -> None:
    act.dashboard.world.states.psi = False
    page = act.open("/")
    expect(page.locator("[data-notice='psi']")).to_contain_text("web-1 gives no pressure figures.")
    assert page.locator("tr[data-name='shop-cart'] [data-metric='pressure']").inner_text().strip() == ""
    page = act.open("/containers/shop-search?range=300")
    expect(page.locator("[data-chart='pressure']")).to_be_hidden()
    expect(page.locator("[data-not-given]")).to_contain_text("Pressure")
    shoot(page, "state-not-given")


def test_a_quiet_fleet_says_so(act: Looker, accessible: Check) -> None:
    act.dashboard.world.states.quiet = True
    page = act.open("/")
    expect(page.locator("#band-title")).to_have_text("No bottleneck")
    page = act.open("/alerts")
    expect(page.get_by_text("No alert is firing or pending.")).to_be_visible()
    accessible(page)
    page = act.open("/containers/shop-search")
    expect(page.get_by_text("Nothing holds it back.")).to_be_visible()
    page = act.open("/bottlenecks")
    accessible(page)
